"""Streams over real sockets: answers pass as they come, are recorded in pieces, and are replayed to the byte."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runproxy.cassettes.schema import make_schema
from runproxy.errors import UpstreamError
from runproxy.messages import Request, Response, make_headers
from runproxy.redaction import WriteGate
from runproxy.stores.file import FileStore
from tests.parts import ADDRESS, CREDENTIAL, ScriptedUpstream, ask, proxy, raw_exchange, serving

EVENTS = [b"event: a\ndata: {}\n\n", b"event: b\ndata: 1\n\n", b"event: done\ndata: [DONE]\n\n"]
SSE = ("Content-Type", "text/event-stream")
CALL = Request("POST", "/v1/threads/t/runs", make_headers([("Content-Type", "application/json")]), b'{"stream":true}')
MODES = ["record", "auto", "passthrough", "verify"]


class Source:
    """A stream whose pieces wait to be let go; None breaks it off."""

    def __init__(self, *pieces: bytes | None, gated: bool = False) -> None:
        self._pieces = list(pieces)
        self.given = 0
        self.may_go = asyncio.Semaphore(0 if gated else 1_000_000)
        self.is_closed = asyncio.Event()

    def __aiter__(self) -> "Source":
        return self

    async def __anext__(self) -> bytes:
        await self.may_go.acquire()
        if self.given == len(self._pieces):
            raise StopAsyncIteration
        piece = self._pieces[self.given]
        if piece is None:
            raise UpstreamError("broken off", code="test")
        self.given += 1
        return piece

    async def aclose(self) -> None:
        """Remember it."""
        self.is_closed.set()


def streaming(source: Source, *headers: tuple[str, str]) -> ScriptedUpstream:
    """Answer every call with a stream."""
    return ScriptedUpstream(make=lambda _: Response(200, make_headers(headers or [SSE]), stream=source))


@asynccontextmanager
async def connected(url: str, request: bytes) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Send a request over a fresh connection."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    try:
        async with asyncio.timeout(20):
            yield reader, writer
    finally:
        writer.close()


def raw(method: str = "POST", version: str = "1.1", target: str = CALL.target) -> bytes:
    """Write the call as bytes."""
    head = f"{method} {target} HTTP/{version}\r\nHost: x\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(CALL.body)}\r\n\r\n".encode() + CALL.body


def recorded(folder: Path) -> list[Response]:
    """Give what is on file."""
    return [held.response for held in FileStore(folder, WriteGate()).load("default")]


@pytest.mark.parametrize("mode", MODES)
async def test_the_first_piece_is_through_before_the_last_is_sent(tmp_path: Path, mode: str) -> None:
    """In every mode that forwards; the answer says that it is being recorded."""
    source = Source(*EVENTS, gated=True)
    async with (
        serving(streaming(source)) as base_url,
        proxy(tmp_path, mode, base_url) as on,
        connected(on.url, raw()) as (reader, _),
    ):
        source.may_go.release()
        head = await reader.readuntil(b"\r\n\r\n")
        first = await reader.readuntil(EVENTS[0])
        assert (source.given, first.endswith(EVENTS[0])) == (1, True)
        for _ in range(len(EVENTS)):
            source.may_go.release()
        rest = await reader.readuntil(b"0\r\n\r\n")
    assert EVENTS[2] in rest
    outcome = {"passthrough": "forwarded", "verify": "new"}.get(mode, "recording")
    assert f"x-runproxy-outcome: {outcome}".encode() in head
    assert b"Transfer-Encoding: chunked" in head


async def test_a_stream_is_recorded_in_pieces_and_replayed_to_the_byte(tmp_path: Path) -> None:
    """Each piece is readable text with its time; the file is valid; at every pace the bytes are the same."""
    async with serving(streaming(Source(*EVENTS))) as base_url, proxy(tmp_path, "record", base_url) as on:
        (live,) = await ask(on.url, CALL)
    assert live.body == b"".join(EVENTS)
    document = json.loads((tmp_path / "default.json").read_text())
    chunks = document["interactions"][0]["response"]["body"]["chunks"]
    assert "".join(chunk["text"] for chunk in chunks).encode() == live.body
    assert all(set(chunk) == {"after_ms", "text"} for chunk in chunks)
    pytest.importorskip("jsonschema").Draft202012Validator(make_schema()).validate(document)
    for timing in ("none", "recorded", "scaled:0.1", "fixed:1ms"):
        async with proxy(tmp_path, "replay", timing=timing) as on:
            (replayed,) = await ask(on.url, CALL)
        assert (replayed.status, replayed.body) == (200, live.body)
        assert replayed.headers["Content-Type"] == "text/event-stream"
        assert replayed.headers["x-runproxy-outcome"] == "replayed"


async def test_pieces_that_are_no_text_are_recorded_too(tmp_path: Path) -> None:
    """A character that was cut in two makes both of its pieces base64."""
    pieces = ["ä".encode()[:1], "ä".encode()[1:] + b"\n", b"plain\n"]
    source = Source(*pieces, gated=True)
    async with (
        serving(streaming(source)) as base_url,
        proxy(tmp_path, "record", base_url) as on,
        connected(on.url, raw()) as (reader, _),
    ):
        for piece in (*pieces, b"0\r\n\r\n"):
            source.may_go.release()
            await reader.readuntil(piece)
    (held,) = recorded(tmp_path)
    assert (held.body, [piece.length for piece in held.pieces]) == (b"".join(pieces), [1, 2, 6])


@pytest.mark.parametrize("length", [None, 100], ids=["chunked", "length told"])
@pytest.mark.parametrize("mode", MODES)
async def test_a_stream_that_breaks_off_breaks_off_for_the_client(
    tmp_path: Path, mode: str, length: int | None
) -> None:
    """What came is passed on, no orderly end is, and nothing is recorded."""
    headers = [SSE, *([("Content-Length", str(length))] if length else [])]
    async with (
        serving(streaming(Source(EVENTS[0], None), *headers)) as base_url,
        proxy(tmp_path, mode, base_url) as on,
        connected(on.url, raw()) as (reader, _),
    ):
        got = await reader.read()
    assert EVENTS[0] in got
    assert not got.endswith(b"0\r\n\r\n")
    assert not (tmp_path / "default.json").exists()


async def test_a_client_of_http_1_0_gets_a_stream_that_ends_with_the_connection(tmp_path: Path) -> None:
    """Chunks are not known to it; one that breaks off is reset, for an orderly end would make it look whole."""
    async with (
        serving(streaming(Source(*EVENTS))) as base_url,
        proxy(tmp_path, "record", base_url) as on,
        connected(on.url, raw(version="1.0")) as (reader, _),
    ):
        got = await reader.read()
    assert got.endswith(b"\r\n\r\n" + b"".join(EVENTS))
    async with (
        serving(streaming(Source(EVENTS[0], None))) as base_url,
        proxy(tmp_path, "passthrough", base_url) as on,
        connected(on.url, raw(version="1.0")) as (reader, _),
    ):
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_a_long_answer_of_known_length_passes_as_it_comes(tmp_path: Path) -> None:
    """With its length, and is recorded whole; the connection takes another call."""
    body = bytes(range(256)) * 4096
    make = ScriptedUpstream(make=lambda _: Response(200, make_headers([("Content-Type", "image/png")]), body))
    async with serving(make) as base_url, proxy(tmp_path, "record", base_url) as on:
        first, second = await ask(on.url, CALL, CALL)
    assert (first.body, second.body) == (body, body)
    assert first.headers["Content-Length"] == str(len(body))
    assert [held.body for held in recorded(tmp_path)] == [body, body]
    async with proxy(tmp_path, "replay") as on:
        (replayed,) = await ask(on.url, CALL)
    assert replayed.body == body


async def test_a_slow_json_answer_passes_as_it_comes_and_a_quick_one_whole(tmp_path: Path) -> None:
    """What is whole soon after its head is recorded before the client has any of it, and says so."""
    source = Source(b'{"a":', b"1}", gated=True)
    json_type = ("Content-Type", "application/json")
    async with (
        serving(streaming(source, json_type)) as base_url,
        proxy(tmp_path, "record", base_url) as on,
        connected(on.url, raw()) as (reader, _),
    ):
        source.may_go.release()
        await reader.readuntil(b'{"a":')
        assert source.given == 1
        source.may_go.release()
        source.may_go.release()
        await reader.readuntil(b"0\r\n\r\n")
    async with (
        serving(streaming(Source(b'{"a":', b"1}"), json_type)) as base_url,
        proxy(tmp_path, "record", base_url) as on,
    ):
        (quick,) = await ask(on.url, CALL)
    assert quick.headers["x-runproxy-outcome"] == "recorded"


@pytest.mark.parametrize(("on_record_error", "is_whole"), [("answer", True), ("fail", False)])
async def test_a_stream_that_is_too_long_to_record(
    tmp_path: Path, on_record_error: str, is_whole: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """It passes, and the log says why it is not recorded; where recording is a must, it has no orderly end."""
    settings: dict[str, Any] = {"max_recorded_body_bytes": 10, "on_record_error": on_record_error}
    async with (
        serving(streaming(Source(*EVENTS))) as base_url,
        proxy(tmp_path, "record", base_url, **settings) as on,
        connected(on.url, raw().replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)) as (reader, _),
    ):
        got = await reader.read()
    assert got.endswith(b"0\r\n\r\n") is is_whole
    assert "the answer is longer than 10 bytes" in "".join(capsys.readouterr())
    assert not (tmp_path / "default.json").exists()


async def test_a_secret_that_is_split_over_two_pieces_is_not_recorded(tmp_path: Path) -> None:
    """The gate looks at the whole, not at its pieces."""
    half = len(CREDENTIAL) // 2
    source = Source(b"data: " + CREDENTIAL[:half].encode(), CREDENTIAL[half:].encode() + b"\n\n", gated=True)
    request = raw().replace(b"Host: x", f"Host: x\r\nAuthorization: Bearer {CREDENTIAL}".encode())
    async with (
        serving(streaming(source)) as base_url,
        proxy(tmp_path, "record", base_url) as on,
        connected(on.url, request) as (reader, _),
    ):
        for until in (CREDENTIAL[:half], CREDENTIAL[half:], "0\r\n\r\n"):
            source.may_go.release()
            await reader.readuntil(until.encode())
    assert not (tmp_path / "default.json").exists()


async def test_what_is_redacted_in_events_keeps_their_pieces(tmp_path: Path) -> None:
    """The rule is followed in every event, and each is played at its time."""
    event = b'event: a\ndata: {"email": "a@example.org", "n": 1}\n\n'
    source = Source(event, EVENTS[2], gated=True)
    rules = {"redact": {"body": [{"pointer": "/email", "action": "replace"}]}}
    async with (
        serving(streaming(source)) as base_url,
        proxy(tmp_path, "record", base_url, rules=rules) as on,
        connected(on.url, raw()) as (reader, _),
    ):
        for until in (event, EVENTS[2], b"0\r\n\r\n"):
            source.may_go.release()
            got = await reader.readuntil(until)
            assert until in got
    (held,) = recorded(tmp_path)
    assert held.body == event.replace(b"a@example.org", b"REDACTED") + EVENTS[2]
    assert [piece.length for piece in held.pieces] == [len(held.body) - len(EVENTS[2]), len(EVENTS[2])]


@pytest.mark.parametrize(("method", "is_heard_out"), [("POST", True), ("GET", False)])
async def test_a_client_that_goes_away(tmp_path: Path, method: str, is_heard_out: bool) -> None:
    """What may have changed something is recorded to its end; the rest is ended, and nothing of it recorded."""
    source = Source(*EVENTS, gated=True)
    async with (
        serving(streaming(source)) as base_url,
        proxy(tmp_path, "record", base_url) as on,
        connected(on.url, raw(method)) as (reader, writer),
    ):
        source.may_go.release()
        await reader.readuntil(EVENTS[0])
        writer.transport.abort()
        for _ in range(10):
            await asyncio.sleep(0.02)
            source.may_go.release()
        await asyncio.wait_for(source.is_closed.wait(), 10)
    assert (tmp_path / "default.json").exists() is is_heard_out
    if is_heard_out:
        assert recorded(tmp_path)[0].body == b"".join(EVENTS)


async def test_a_client_that_goes_away_does_not_cancel_a_modify_run(tmp_path: Path) -> None:
    """It was sent, so it completes and is recorded."""
    came, go = asyncio.Event(), asyncio.Event()

    async def make(_: Request) -> Response:
        came.set()
        await go.wait()
        return Response(200, make_headers([("Content-Type", "application/json")]), b'{"id":"run_abc123"}')

    async with serving(ScriptedUpstream(make=make)) as base_url, proxy(tmp_path, "record", base_url) as on:
        request = raw(target=ADDRESS).replace(CALL.body, b'{"metadata":{}}')
        async with connected(on.url, request) as (_, writer):
            await came.wait()
            writer.transport.abort()
        go.set()
        for _ in range(1000):
            await asyncio.sleep(0 if on.service.outcomes else 0.01)
    assert recorded(tmp_path)[0].body == b'{"id":"run_abc123"}'


async def test_a_slow_client_makes_the_upstream_wait(tmp_path: Path) -> None:
    """Of 64 MiB only what fits into buffers is taken before the client reads."""
    piece = bytes(64 * 1024)
    source = Source(*[piece] * 1024)
    async with (
        serving(streaming(source)) as base_url,
        proxy(tmp_path, "passthrough", base_url) as on,
        connected(on.url, raw()) as (reader, _),
    ):
        await reader.readuntil(b"\r\n\r\n")
        given = -1
        while given != source.given:
            given = source.given
            await asyncio.sleep(0.2)
        assert given < 400
        size = 0
        while (got := await reader.read(1 << 20))[-5:] != b"0\r\n\r\n":
            size += len(got)
    assert size > len(piece) * 1000


async def test_the_head_of_a_stream_is_not_followed_by_one(tmp_path: Path) -> None:
    """HEAD has no body, and the connection takes the next call."""
    upstream = streaming(Source())
    request = b"HEAD /v1/x HTTP/1.1\r\nHost: x\r\n\r\n"
    async with serving(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as on:
        assert b" 200 " in await raw_exchange(on.url, request + request, answers=2)


async def test_a_stream_that_pauses_too_long_breaks_off(tmp_path: Path) -> None:
    """It may take as long as it likes in all, but not between two pieces."""
    source = Source(*EVENTS, gated=True)
    limits = {"limits": {"read_s": 0.2, "upstream_s": 0.1}}
    async with (
        serving(streaming(source)) as base_url,
        proxy(tmp_path, "record", base_url, **limits) as on,
        connected(on.url, raw()) as (reader, _),
    ):
        source.may_go.release()
        got = await reader.read()
    assert EVENTS[0] in got
    assert not got.endswith(b"0\r\n\r\n")
    assert not (tmp_path / "default.json").exists()


async def test_verify_compares_a_stream_when_its_end_has_come(tmp_path: Path) -> None:
    """And tells of it in the log and in the list of drifts."""
    async with serving(streaming(Source(*EVENTS))) as base_url, proxy(tmp_path, "record", base_url) as on:
        await ask(on.url, CALL)
    async with serving(streaming(Source(EVENTS[0]))) as base_url, proxy(tmp_path, "verify", base_url) as on:
        (got,) = await ask(on.url, CALL)
        drifts = on.drifts.latest
    assert (got.headers["x-runproxy-outcome"], got.body) == ("verifying", EVENTS[0])
    assert [drift["kinds"] for drift in drifts] == [["values"]]
