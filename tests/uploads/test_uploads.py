"""Bodies that come as streams: what is known of one that passes, and how one is read whole or kept on disk."""

import asyncio
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runproxy.errors import BodyTooLarge, BodyTooSlow, ClientGone, RunproxyError
from runproxy.messages import Digest, Request
from runproxy.uploads import BodyReader, Upload, gathered, spooled
from tests.uploads.streams import Pieces, request

LIMIT = 10
PIECES = st.lists(st.binary(min_size=1, max_size=8), max_size=5)


def known_of(body: bytes) -> tuple[bytes, Digest | None]:
    """Say what is known of a body once it has passed."""
    if len(body) <= LIMIT:
        return body, None
    return b"", Digest(sha256(body).hexdigest(), len(body))


@given(PIECES, st.booleans())
async def test_a_short_body_is_known_whole_and_a_long_one_by_its_digest(pieces: list[bytes], is_told: bool) -> None:
    """However it is cut, and whether its length was told or not; and nothing of a long one is kept."""
    body, stream = b"".join(pieces), Pieces(pieces)
    upload = Upload(request(stream, len(body) if is_told else None), stream, LIMIT)
    assert [piece async for piece in upload] == pieces
    assert upload.has_passed
    found = upload.known()
    assert (found.body, found.digest) == known_of(body)
    assert (found.stream, upload.passing.stream) == (None, upload)
    assert found.digest is None or (found.digest.length, upload._kept) == (len(body), None)


async def test_the_last_piece_is_the_end_where_the_length_was_told() -> None:
    """An upstream may answer before anybody asks for more."""
    for length, has_passed in ((4, True), (None, False)):
        stream = Pieces([b"ab", b"cd"])
        upload = Upload(request(stream, length), stream, LIMIT)
        assert [await anext(upload), upload.has_passed] == [b"ab", False]
        assert [await anext(upload), upload.has_passed] == [b"cd", has_passed]


async def test_a_body_that_breaks_off_has_not_passed() -> None:
    """And whoever hears it hears why."""
    stream = Pieces([b"ab", ClientGone(2)])
    upload = Upload(request(stream), stream, LIMIT)
    with pytest.raises(ClientGone):
        [piece async for piece in upload]
    assert not upload.has_passed
    await upload.aclose()
    assert stream.is_closed


@given(PIECES)
async def test_a_body_is_gathered_to_its_end(pieces: list[bytes]) -> None:
    """And its stream is closed."""
    stream = Pieces(pieces)
    found = await gathered(request(stream), stream, LIMIT)
    assert (found.body, found.digest) == known_of(b"".join(pieces))
    assert stream.is_closed


@given(PIECES)
async def test_a_body_that_is_kept_can_be_read_again(pieces: list[bytes]) -> None:
    """A short one is in memory, a long one on disk."""
    stream, body = Pieces(pieces), b"".join(pieces)
    found = await spooled(request(stream), stream, LIMIT)
    assert (found.body, found.digest) == known_of(body)
    assert (found.stream is None) is (found.digest is None)
    if found.stream is not None:
        assert b"".join([piece async for piece in found.stream]) == body
        await found.stream.aclose()
        await found.stream.aclose()
    assert stream.is_closed


@pytest.mark.parametrize("read", [gathered, spooled])
async def test_a_body_that_breaks_off_is_not_known(read: Any) -> None:
    """And its stream is closed."""
    stream = Pieces([b"x" * 20, ClientGone(20)])
    with pytest.raises(ClientGone):
        await read(request(stream), stream, LIMIT)
    assert stream.is_closed


READER = BodyReader(max_bytes=LIMIT, within_s=0.05)


@pytest.mark.parametrize(
    "given_request",
    [
        pytest.param(request(body=b"0123456789"), id="here"),
        pytest.param(request(Pieces([b"01234", b"56789"])), id="in pieces"),
        pytest.param(request(Pieces([b"01234", b"56789"]), 10), id="of a told length"),
    ],
)
async def test_a_body_up_to_the_limit_is_read_whole(given_request: Request) -> None:
    """Then there is nothing left to read."""
    found = await READER.whole(given_request)
    assert (found.body, found.stream) == (b"0123456789", None)
    assert READER.has_read(found)


@pytest.mark.parametrize(
    ("given_request", "error"),
    [
        pytest.param(request(body=b"0123456789x"), BodyTooLarge, id="here"),
        pytest.param(request(Pieces([b"0123456789", b"x"])), BodyTooLarge, id="in pieces"),
        pytest.param(request(Pieces([AssertionError()]), 11), BodyTooLarge, id="of a told length"),  # type: ignore[list-item] # not read
        pytest.param(request(Pieces([b"01", ClientGone(2)])), ClientGone, id="broken off"),
    ],
)
async def test_what_cannot_be_read_whole_is_told(given_request: Request, error: type[RunproxyError]) -> None:
    """One that is told to be too long is not read at all."""
    assert not READER.has_read(given_request)
    with pytest.raises(error):
        await READER.whole(given_request)


class _Endless(Pieces):
    async def __anext__(self) -> bytes:
        await asyncio.sleep(0.01)
        return b""


async def test_a_body_that_takes_too_long_in_all_is_told() -> None:
    """However often a piece of it comes."""
    with pytest.raises(BodyTooSlow):
        await READER.whole(request(_Endless([])))
