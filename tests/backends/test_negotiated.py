"""In which coding a recorded answer goes out."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runproxy.backends.negotiated import Negotiated, choose, read_weights
from runproxy.coding import CODINGS, Decoder, decoded
from runproxy.messages import Request, Response, make_headers

BODY = b'{"id": "run_abc123"}'


def asking(*accepted: str) -> Request:
    """Make a call whose client accepts this."""
    return Request("GET", "/v1/x", make_headers([("Accept-Encoding", text) for text in accepted]))


class Source:
    """A backend that gives one and the same answer."""

    def __init__(self, answer: Response) -> None:
        self._answer = answer

    async def send(self, _: Request) -> Response:
        """Answer."""
        return self._answer


def recorded(coding: str = "gzip", *headers: tuple[str, str]) -> Response:
    """Make an answer from a cassette."""
    return Response(200, make_headers([("content-type", "a/b"), *headers]), BODY, coding=coding)


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        pytest.param("", "", id="nothing said"),
        pytest.param("gzip", "gzip", id="the recorded one"),
        pytest.param("x-gzip", "gzip", id="its old name"),
        pytest.param("GZIP;Q=0.5", "gzip", id="in capitals"),
        pytest.param("gzip, deflate, br, zstd", "gzip", id="all"),
        pytest.param("br;q=1, gzip;q=0.1", "gzip", id="it came in this one, though another is liked better"),
        pytest.param("deflate", "", id="another one"),
        pytest.param("gzip;q=0", "", id="forbidden"),
        pytest.param("gzip;q=0.000", "", id="forbidden, at length"),
        pytest.param("*", "gzip", id="any"),
        pytest.param("br, *;q=0.1", "gzip", id="any, by the way"),
        pytest.param("gzip;q=0, *", "", id="any but this"),
        pytest.param("identity", "", id="none"),
        pytest.param("identity, gzip;q=0.5", "", id="none liked better"),
        pytest.param("identity;q=0.5, gzip", "gzip", id="none liked less"),
        pytest.param("identity;q=0.5, gzip;q=0.5", "gzip", id="both liked as much"),
        pytest.param("identity;q=0, gzip", "gzip", id="none is forbidden"),
        pytest.param("identity;q=0, br", "br", id="none and this are forbidden"),
        pytest.param("identity;q=0, *", "gzip", id="anything but none"),
        pytest.param("*;q=0, zstd", "zstd", id="only another one"),
        pytest.param("*;q=0", "", id="nothing at all, which cannot be had"),
        pytest.param("*;q=0, identity", "", id="nothing but none"),
        pytest.param("gzip;q=2", "", id="a weight that is none"),
        pytest.param("gzip;level=9", "", id="a parameter that is none"),
        pytest.param(" , gzip ; q=1 ,", "gzip", id="with white space"),
    ],
)
def test_the_coding_is_one_that_the_client_accepts(accepted: str, chosen: str) -> None:
    """Of what came in gzip; RFC 9110 section 12.5.3."""
    assert choose("gzip", read_weights(accepted)) == chosen


@given(st.text(alphabet="gzip*br;q=.01, identity", max_size=40))
def test_whatever_a_header_says_it_is_read(text: str) -> None:
    """And what is chosen is not forbidden by name."""
    weights = read_weights(text)
    chosen = choose("gzip", weights)
    assert chosen in (*CODINGS, "")
    assert not chosen or weights.get(chosen, weights.get("*"))


@pytest.mark.parametrize("coding", CODINGS)
async def test_an_answer_goes_out_as_it_came_or_as_it_reads(coding: str) -> None:
    """With headers that say so, and that another client may get it otherwise; the recording stays as it is."""
    answer = recorded(coding)
    negotiated = Negotiated(Source(answer))
    packed, plain = await negotiated.send(asking(coding)), await negotiated.send(asking())
    assert decoded(packed.body, coding, 1000) == plain.body == BODY
    assert list(packed.headers.items())[1:] == [("Vary", "Accept-Encoding"), ("content-encoding", coding)]
    assert list(plain.headers.items())[1:] == [("Vary", "Accept-Encoding")]
    assert packed.wire_length == f"Content-Length: {len(packed.body)}\r\n".encode()
    assert (answer.body, answer.coding, packed.coding, plain.coding) == (BODY, coding, "", "")


async def test_each_is_made_once() -> None:
    """So that its head is rendered once, and nothing is encoded in a later call."""
    negotiated = Negotiated(Source(recorded()))
    assert await negotiated.send(asking("gzip")) is await negotiated.send(asking("br", "gzip;q=0.5"))
    assert await negotiated.send(asking()) is await negotiated.send(asking("identity"))


async def test_what_did_not_come_compressed_goes_out_as_it_came() -> None:
    """Whatever the client accepts."""
    answer = recorded("")
    assert await Negotiated(Source(answer)).send(asking("gzip, identity;q=0")) is answer


async def test_what_headers_say_is_forgotten_before_it_is_too_much() -> None:
    """A client that says something else in every call costs no memory."""
    negotiated = Negotiated(Source(recorded()))
    for number in range(2000):
        await negotiated.send(asking(f"gzip, x-{number}"))
    assert len(negotiated._read) <= 256


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        pytest.param("etag", '"a"', ['W/"a"'], id="a strong tag"),
        pytest.param("etag", 'W/"a"', ['W/"a"'], id="a weak tag"),
        pytest.param("vary", "accept-encoding", ["accept-encoding"], id="varies already"),
        pytest.param("vary", "*", ["*"], id="varies by anything"),
        pytest.param("vary", "Origin", ["Origin", "Accept-Encoding"], id="varies by something else"),
    ],
)
async def test_headers_are_right_for_every_coding(name: str, value: str, sent: list[str]) -> None:
    """A strong tag is that of one coding; `Vary` says what the choice depended on."""
    for request in (asking(), asking("gzip")):
        got = await Negotiated(Source(recorded("gzip", (name, value)))).send(request)
        assert got.headers.getall(name) == sent


class Given:
    """A stream of given pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = iter(pieces)
        self.is_closed = False

    def __aiter__(self) -> "Given":
        return self

    async def __anext__(self) -> bytes:
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Remember it."""
        self.is_closed = True


async def pieces_of(answer: Response) -> AsyncIterator[bytes]:
    """Read a stream."""
    assert answer.stream is not None
    async for piece in answer.stream:
        yield piece
    await answer.stream.aclose()


@pytest.mark.parametrize("coding", CODINGS)
async def test_pieces_of_a_stream_can_be_read_one_by_one(coding: str) -> None:
    """Compressed too, and none is empty, which would be the end; what is passed on is closed."""
    source = Given(b"data: 1\n\n", b"data: 2\n\n")
    answer = Response(200, make_headers(), stream=source, coding=coding)
    got = await Negotiated(Source(answer)).send(asking(coding))
    decoder = Decoder(coding, 1000)
    passed = [piece async for piece in pieces_of(got)]
    assert all(passed)
    assert [decoder.feed(piece) for piece in passed] == [b"data: 1\n\n", b"data: 2\n\n", b""]
    decoder.finish()
    assert (got.headers["Content-Encoding"], source.is_closed) == (coding, True)


async def test_a_stream_goes_out_as_it_reads_where_it_must() -> None:
    """To a client that accepts no coding."""
    answer = Response(200, make_headers(), stream=Given(b"data: 1\n\n"), coding="br")
    got = await Negotiated(Source(answer)).send(asking())
    assert [piece async for piece in pieces_of(got)] == [b"data: 1\n\n"]
    assert "Content-Encoding" not in got.headers
