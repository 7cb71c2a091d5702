"""What each kind of fault makes of a call and of its answer."""

import json
from collections.abc import Callable

import pytest

from runproxy.backends.faults import (
    At,
    Fault,
    Hang,
    Latency,
    Malformed,
    Reset,
    SlowBody,
    Status,
    Truncate,
    make_answer,
)
from runproxy.errors import BrokenOff, CassetteMiss
from runproxy.messages import Piece, Request, Response, make_headers
from tests.parts import ScriptedUpstream
from tests.test_streams import Given

CALL = Request("POST", "/v1/x", make_headers())
JSON = ("Content-Type", "application/json")
EVENTS = ("Content-Type", "text/event-stream; charset=utf-8")
BODY = b'{"id": "run_abc123"}'


def whole(body: bytes = BODY, *headers: tuple[str, str]) -> Response:
    """Make an answer that is here."""
    return Response(200, make_headers(headers or [JSON]), body)


def streamed(*pieces: bytes, headers: tuple[tuple[str, str], ...] = (EVENTS,)) -> Response:
    """Make an answer that is still to come."""
    return Response(200, make_headers(headers), stream=Given(*pieces))


async def struck(fault: Fault, *answers: Response, call: Request = CALL, chance: float = 0.5) -> Response:
    """Strike a call that is answered so."""
    return await fault.strike(call, ScriptedUpstream(*answers).send, chance)


async def taken(response: Response) -> tuple[bytes, BrokenOff | None]:
    """Read an answer, and give what it breaks off with."""
    if response.stream is None:
        return response.body, None
    got = b""
    try:
        async for piece in response.stream:
            got += piece
    except BrokenOff as broken:
        return got, broken
    finally:
        await response.stream.aclose()
    return got, None


BREAKING = [
    pytest.param(Reset, id="reset"),
    pytest.param(lambda at, after: Hang(5, at, after), id="hang"),
]


@pytest.mark.parametrize("make", BREAKING)
@pytest.mark.parametrize(("at", "calls"), [("request", 0), ("answer", 1)])
async def test_before_the_head_nothing_is_sent(make: Callable[[At, None], Fault], at: At, calls: int) -> None:
    """Neither a head nor a body; the call is made or not, as the settings say, and a stream is heard out."""
    source = Given(b"one", b"two")
    upstream = ScriptedUpstream(Response(200, make_headers(), stream=source))
    answer = await make(at, None).strike(CALL, upstream.send, 0)
    assert (len(upstream.seen), source.is_closed, len(source._pieces)) == (calls, bool(calls), 0 if calls else 2)
    assert (answer.has_head, answer.headers["x-runproxy-outcome"]) == (False, "fault")
    got, broken = await taken(answer)
    assert got == b""
    assert broken


@pytest.mark.parametrize("make", [*BREAKING, pytest.param(lambda _, after: Truncate(after), id="truncate")])
@pytest.mark.parametrize(
    ("answer", "after", "given"),
    [
        pytest.param(whole(), None, BODY[:10], id="half"),
        pytest.param(whole(), 3, BODY[:3], id="some"),
        pytest.param(whole(), 0, b"", id="none"),
        pytest.param(whole(), 1000, BODY[:-1], id="never-all"),
        pytest.param(whole(b"x"), None, b"", id="one-byte"),
    ],
)
async def test_a_body_breaks_off_and_its_length_stays_declared(
    make: Callable[[At, int | None], Fault], answer: Response, after: int | None, given: bytes
) -> None:
    """After half of it or where the settings say, and never after its last byte."""
    response = await struck(make("body", after), answer)
    assert response.headers["Content-Length"] == str(len(answer.body))
    assert response.headers["x-runproxy-outcome"] == "fault"
    got, broken = await taken(response)
    assert got == given
    assert broken


@pytest.mark.parametrize(
    ("after", "given"), [(None, b"123"), (0, b""), (7, b"1234567"), (100, b"123456789012")], ids=str
)
async def test_a_stream_of_unknown_length_breaks_off(after: int | None, given: bytes) -> None:
    """After half of its first piece or where the settings say; where it is shorter, in place of its end."""
    source = Given(b"123456", b"789012")
    response = await struck(Truncate(after), Response(200, make_headers([EVENTS]), stream=source))
    assert "Content-Length" not in response.headers
    got, broken = await taken(response)
    assert got == given
    assert broken
    assert (source._pieces, source.is_closed) == ([], True)  # heard to its end, so that it is recorded


async def test_how_connections_end() -> None:
    """In good order, by a reset, and after silence."""
    endings = [(await taken(await struck(fault, whole())))[1] for fault in (Truncate(), Reset("body"), Hang(5, "body"))]
    assert [(one.resets, one.silence_s, one.last_words) for one in endings if one] == [
        (False, 0.0, b""),
        (True, 0.0, b""),
        (False, 5, b""),
    ]


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        pytest.param(BODY, JSON, b'}"id": "run_abc123"}', id="object"),
        pytest.param(b"\n 12", JSON, b"\n }2", id="number"),
        pytest.param(b"event: a\ndata: {}\n\ndata: {}\n\n", EVENTS, b"event: a\ndata: }}\n\ndata: {}\n\n", id="events"),
        pytest.param(b'data:"x"\r\n\r\n', EVENTS, b'data:}x"\r\n\r\n', id="events-tight"),
    ],
)
async def test_json_that_cannot_be_read(body: bytes, kind: tuple[str, str], expected: bytes) -> None:
    """Its first byte is one that no value starts with; of events, that of the first data. The length stays."""
    response = await struck(Malformed(), whole(body, kind))
    assert response.body == expected
    for cut in range(1, len(body)):
        pieces = await struck(Malformed(), streamed(body[:cut], body[cut:], headers=(kind,)))
        assert await taken(pieces) == (expected, None)
    with pytest.raises(json.JSONDecodeError):
        json.loads(response.body.partition(b"data:")[2].partition(b"\n")[0] or response.body)


@pytest.mark.parametrize("answer", [whole(), streamed(BODY), streamed(BODY, headers=(JSON, ("Content-Length", "20")))])
async def test_chunks_that_cannot_be_read(answer: Response) -> None:
    """After half of the body there is a line that is no length."""
    response = await struck(Malformed("framing"), answer)
    assert "Content-Length" not in response.headers
    got, broken = await taken(response)
    assert got == BODY[:10]
    assert broken
    with pytest.raises(ValueError, match="invalid literal"):
        int(broken.last_words.strip(), 16)


@pytest.mark.parametrize(
    "fault",
    [Truncate(), Reset("body"), Hang(5, "body"), Malformed(), Malformed("framing"), SlowBody(1)],
    ids=lambda fault: type(fault).__name__,
)
@pytest.mark.parametrize(
    ("call", "answer"),
    [
        pytest.param(CALL, Response(204, make_headers()), id="204"),
        pytest.param(CALL, whole(b""), id="empty"),
        pytest.param(Request("HEAD", "/", make_headers()), whole(BODY), id="head"),
    ],
)
async def test_what_has_no_body_passes(fault: Fault, call: Request, answer: Response) -> None:
    """There is nothing to break."""
    assert await struck(fault, answer, call=call) is answer


@pytest.mark.parametrize(
    "fault", [Truncate(), Reset("answer"), Malformed(), SlowBody(1), Latency(0), Status(whole(), "answer")]
)
async def test_what_is_refused_or_missed_stays_so(fault: Fault) -> None:
    """A verdict of runproxy's own is not broken."""

    async def miss(_: Request) -> Response:
        raise CassetteMiss("none", code="cassette_miss")

    with pytest.raises(CassetteMiss):
        await fault.strike(CALL, miss, 0)


@pytest.mark.parametrize(
    ("chance", "waited_s"), [(0.0, 0.1), (0.5, 0.15), (0.75, 0.175)], ids=["shortest", "middle", "longer"]
)
async def test_a_latency_waits_before_the_call(chance: float, waited_s: float) -> None:
    """As long as is set, less or more by the jitter."""
    upstream, waited = ScriptedUpstream(whole()), list[tuple[float, int]]()

    async def sleep(seconds: float) -> None:
        waited.append((seconds, len(upstream.seen)))

    answer = await Latency(150, 50, sleep).strike(CALL, upstream.send, chance)
    assert answer.body == BODY
    assert [round(seconds, 6) for seconds, _ in waited] == [waited_s]
    assert [made for _, made in waited] == [0]


@pytest.mark.parametrize(
    ("make", "length"), [(whole, "20"), (lambda: streamed(BODY[:15], BODY[15:]), None)], ids=["whole", "stream"]
)
@pytest.mark.parametrize(
    ("bytes_per_s", "waits_s"), [(100, [0.05] * 4), (1, [1.0] * 20), (10_000, [0.002])], ids=["slow", "byte", "fast"]
)
async def test_a_slow_body_trickles(
    make: Callable[[], Response], length: str | None, bytes_per_s: int, waits_s: list[float]
) -> None:
    """Whatever pieces it came in, it takes as long as its bytes do; what the mode said of it stays."""
    waited = list[float]()

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    response = await struck(SlowBody(bytes_per_s, sleep), make())
    assert (response.headers.get("Content-Length"), "x-runproxy-outcome" in response.headers) == (length, False)
    assert await taken(response) == (BODY, None)
    assert sum(waited) == pytest.approx(sum(waits_s))
    if length:
        assert waited == pytest.approx(waits_s)


async def test_a_recorded_stream_is_not_slower_than_asked_for() -> None:
    """Its recorded times are for the pace of recordings, and no part of a fault."""
    recorded = Response(200, make_headers([EVENTS]), BODY, (Piece(10, 3_600_000), Piece(10, 3_600_000)))
    got, broken = await taken(await struck(Truncate(15), recorded))
    assert got == BODY[:15]
    assert broken


@pytest.mark.parametrize(
    ("status", "retry_after_s", "headers", "kind", "code"),
    [
        pytest.param(429, 1.0, {"Retry-After": "1"}, "requests", "rate_limit_exceeded", id="429"),
        pytest.param(
            429, 0.25, {"Retry-After": "1", "retry-after-ms": "250"}, "requests", "rate_limit_exceeded", id="429-soon"
        ),
        pytest.param(429, 0, {}, "requests", "rate_limit_exceeded", id="429-untold"),
        pytest.param(500, 0, {}, "server_error", None, id="500"),
        pytest.param(503, 2.0, {"Retry-After": "2"}, "server_error", None, id="503"),
        pytest.param(403, 0, {}, "invalid_request_error", None, id="403"),
    ],
)
async def test_a_status_is_an_error_of_the_service(
    status: int, retry_after_s: float, headers: dict[str, str], kind: str, code: str | None
) -> None:
    """In its shape, with Retry-After as it is sent; the message tells where it is from."""
    answer = await struck(Status(make_answer("busy", status, retry_after_s, None, "application/json")))
    assert answer.status == status
    marks = {"Content-Type": "application/json", "x-runproxy-outcome": "fault"}
    assert dict(answer.headers) == {**marks, **headers}
    error = json.loads(answer.body)["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert (error["type"], error["param"], error["code"]) == (kind, None, code)
    assert "the fault 'busy' of runproxy" in error["message"]


@pytest.mark.parametrize(("at", "calls"), [("request", 0), ("answer", 1)])
async def test_a_status_comes_in_place_of_a_call_or_of_its_answer(at: At, calls: int) -> None:
    """A stream that is lost is heard to its end."""
    source = Given(b"one")
    upstream = ScriptedUpstream(Response(200, make_headers(), stream=source))
    answer = await Status(make_answer("busy", 502, 0, "<h1>", "text/html"), at).strike(CALL, upstream.send, 0)
    assert (answer.status, answer.headers["Content-Type"], answer.body) == (502, "text/html", b"<h1>")
    assert (len(upstream.seen), len(source._pieces)) == (calls, 1 - calls)
