"""Uploads over real sockets: bodies of requests pass as they come, in every mode that forwards them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from runproxy.errors import ClientGone
from runproxy.messages import Request, Response, make_headers
from tests.parts import ADDRESS, proxy
from tests.uploading import TARGET, Client, Sink, client, taking, upload

MODES = ["record", "passthrough", "verify"]
PIECE = bytes(range(256)) * 64


def is_on_file(folder: Path) -> bool:
    """Tell whether anything was recorded."""
    return (folder / "default.json").exists()


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("mode", MODES)
async def test_the_first_piece_is_through_before_the_last_is_sent(tmp_path: Path, mode: str, is_chunked: bool) -> None:
    """And the upstream is told the length where the client told it, else gets chunks."""
    sink = Sink()
    async with taking(sink) as base_url, proxy(tmp_path, mode, base_url) as on, client(on.url) as sender:
        send = sender.send_chunk if is_chunked else sender.send
        sender.begin("Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {3 * len(PIECE)}")
        for count in (1, 2):
            send(PIECE)
            await sink.until_received(count * len(PIECE))
        send(PIECE)
        if is_chunked:
            send(b"")
        assert b" 200 " in await sender.read_head()
    assert sink.bodies == [sha256(3 * PIECE).hexdigest()]
    told = sink.heads[0].headers
    assert told.get("Content-Length") == (None if is_chunked else str(3 * len(PIECE)))
    assert told.get("Transfer-Encoding") == ("chunked" if is_chunked else None)


async def test_the_connection_takes_another_call_after_an_upload(tmp_path: Path) -> None:
    """Its end is known by its length."""
    sink = Sink()
    async with taking(sink) as base_url, proxy(tmp_path, "passthrough", base_url) as on, client(on.url) as sender:
        for before in (0, 2):
            sender.begin(f"Content-Length: {2 * len(PIECE)}")
            sender.send(PIECE)
            await sink.until_received((before + 1) * len(PIECE))
            sender.send(PIECE)
            head = await sender.read_head()
            assert b" 200 " in head
            assert b"Connection: close" not in head
            await sender.reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))


async def test_a_slow_upstream_makes_the_client_wait(tmp_path: Path) -> None:
    """Of 64 MiB only what fits into buffers is taken before the upstream reads."""
    sink = Sink(is_gated=True)
    async with taking(sink) as base_url, proxy(tmp_path, "record", base_url) as on, client(on.url) as sender:
        sender.begin(f"Content-Length: {64 * 2**20}")
        sent = 0

        async def send() -> None:
            nonlocal sent
            for _ in range(1024):
                sender.send(bytes(64 * 1024))
                await sender.writer.drain()
                sent += 64 * 1024

        sending = asyncio.create_task(send())
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.3)
        assert sent < 32 * 2**20
        for _ in range(10_000):
            sink.may_take.release()
        await sending
        assert b" 200 " in await sender.read_head()
    assert sink.received_bytes == 64 * 2**20


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
async def test_a_client_that_breaks_off_breaks_off_the_call(
    tmp_path: Path, mode: str, is_chunked: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """The upstream sees no end, nothing is recorded, and outcome and log say what has happened."""
    sink = Sink()
    async with taking(sink) as base_url, proxy(tmp_path, mode, base_url) as on:
        async with client(on.url) as sender:
            sender.begin("Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {3 * len(PIECE)}")
            (sender.send_chunk if is_chunked else sender.send)(PIECE)
            await sink.until_received(len(PIECE))
            sender.writer.transport.abort()
            await sink.until_broken_off()
        assert [type(error) for error in sink.failures] == [ClientGone]
        assert dict(on.service.outcomes) == {"client_gone": 1}
    told = capsys.readouterr().out
    assert "client gone" in told
    assert f"The client broke off its call after {len(PIECE)} bytes of the body." in told
    assert not is_on_file(tmp_path)


@pytest.mark.parametrize("mode", ["record", "passthrough", "replay"])
async def test_a_body_that_pauses_too_long_is_408(tmp_path: Path, mode: str) -> None:
    """It may take as long as it likes in all, but not between two pieces."""
    sink, limits = Sink(), {"body_s": 0.4}
    async with taking(sink) as base_url, proxy(tmp_path, mode, base_url, limits=limits) as on, client(on.url) as sender:
        sender.begin(f"Content-Length: {5 * len(PIECE)}")
        for _ in range(4):
            sender.send(PIECE)
            await asyncio.sleep(0.2)
        head = await sender.read_head()
        assert b" 408 " in head
        assert b"Connection: close" in head
        assert b"body_too_slow" in await sender.reader.read()
    assert [type(error) for error in sink.failures] == ([] if mode == "replay" else [ClientGone])
    assert not is_on_file(tmp_path)


async def test_the_time_of_the_upstream_does_not_run_while_the_client_is_waited_for(tmp_path: Path) -> None:
    """A slow client is no slow upstream."""
    sink, limits = Sink(), {"upstream_s": 0.3}
    async with (
        taking(sink) as base_url,
        proxy(tmp_path, "record", base_url, limits=limits) as on,
        client(on.url) as sender,
    ):
        sender.begin(f"Content-Length: {3 * len(PIECE)}")
        for _ in range(3):
            sender.send(PIECE)
            await asyncio.sleep(0.5)
        assert b" 200 " in await sender.read_head()


async def test_an_upstream_that_takes_nothing_more_is_504(tmp_path: Path) -> None:
    """And it is not known whether it acts on what it has."""
    sink, limits = Sink(is_gated=True), {"upstream_s": 0.5}
    async with (
        taking(sink) as base_url,
        proxy(tmp_path, "record", base_url, limits=limits) as on,
        client(on.url) as sender,
    ):
        sender.begin(f"Content-Length: {2**30}")
        sending = asyncio.create_task(_send_much(sender, 2**30))
        head = await sender.read_head()
        sending.cancel()
    assert b" 504 " in head
    assert b"x-runproxy-upstream-outcome: unknown" in head
    assert not is_on_file(tmp_path)


@pytest.mark.parametrize("target", [TARGET, ADDRESS], ids=["passes", "guarded"])
async def test_a_body_that_is_framed_wrongly_in_the_middle_is_400(tmp_path: Path, target: str) -> None:
    """At once; what came of it went on, unless it had to be whole first, and its end does not."""
    sink, is_guarded = Sink(), target == ADDRESS
    async with taking(sink) as base_url, proxy(tmp_path, "record", base_url) as on, client(on.url) as sender:
        sender.begin("Transfer-Encoding: chunked", "Content-Type: application/json", target=target)
        sender.send_chunk(PIECE)
        await (asyncio.sleep(0.2) if is_guarded else sink.until_received(len(PIECE)))
        sender.send(b"no chunk\r\n")
        head = await sender.read_head()
        assert b" 400 " in head
        assert b"Connection: close" in head
        assert b"invalid_framing" in await sender.reader.read()
        if not is_guarded:
            await sink.until_broken_off()
    assert [type(error) for error in sink.failures] == ([] if is_guarded else [ClientGone])
    assert not is_on_file(tmp_path)


@pytest.mark.parametrize(
    ("target", "body", "is_asked_for"),
    [
        pytest.param(TARGET, PIECE, True, id="passes"),
        pytest.param(ADDRESS, b'{"metadata":{"a":"b"}}', True, id="guarded"),
        pytest.param("/elsewhere", PIECE, False, id="refused"),
    ],
)
async def test_who_waits_to_be_told_to_send_a_body_is_told_once_it_is_wanted(
    tmp_path: Path, target: str, body: bytes, is_asked_for: bool
) -> None:
    """Who is refused by the head alone gets the refusal and nothing else (RFC 9110 section 10.1.1)."""
    sink = Sink()
    async with taking(sink) as base_url, proxy(tmp_path, "record", base_url) as on, client(on.url) as sender:
        headers = ("Content-Type: application/json", f"Content-Length: {len(body)}", "Expect: 100-continue")
        sender.begin(*headers, target=target)
        head = await sender.read_head()
        if is_asked_for:
            assert head == b"HTTP/1.1 100 Continue\r\n\r\n"
            sender.send(body)
            head = await sender.read_head()
        assert (b" 200 " if is_asked_for else b" 404 ") in head
    assert sink.bodies == ([sha256(body).hexdigest()] if is_asked_for else [])


async def test_who_waits_to_be_told_is_not_told_where_nobody_takes_the_body(tmp_path: Path) -> None:
    """An upstream that cannot be reached is told of before 300 MB are sent in vain."""
    async with taking(Sink()) as base_url:
        pass  # it is gone now
    async with proxy(tmp_path, "passthrough", base_url) as on, client(on.url) as sender:
        sender.begin("Content-Length: 300000000", "Expect: 100-continue")
        assert b" 502 " in await sender.read_head()


EARLY = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\nContent-Type: a/b\r\n\r\n{}"


@asynccontextmanager
async def answering_early(*, waits: bool) -> AsyncIterator[str]:
    """Serve an upstream that refuses in the middle of an upload, and closes the connection, at once or when it may."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.read(1000)
        writer.write(EARLY)
        try:
            while waits and await reader.read(2**20):
                pass
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@pytest.mark.parametrize("waits", [True, False], ids=["patient", "rude"])
@pytest.mark.parametrize("mode", MODES)
async def test_an_upstream_that_answers_early_is_heard(
    tmp_path: Path, mode: str, waits: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its answer gets through, the rest is not sent, and the call is not recorded, for nobody knows all of it."""
    async with (
        answering_early(waits=waits) as base_url,
        proxy(tmp_path, mode, base_url) as on,
        client(on.url) as sender,
    ):
        sender.begin("Content-Length: 50000000")
        sending = asyncio.create_task(_send_much(sender, 50_000_000))
        head = await sender.read_head()
        assert await sender.reader.readexactly(2) == b"{}"
        await sending
    assert b" 413 " in head
    assert b"Connection: close" in head
    outcome = {"record": b"unrecorded", "verify": b"forwarded"}.get(mode, b"forwarded")
    assert b"x-runproxy-outcome: " + outcome in head
    told = capsys.readouterr().out
    assert ("the upstream answered before it had the whole request" in told) is (mode != "passthrough")
    assert not is_on_file(tmp_path)


async def _send_much(sender: Client, length: int) -> None:
    try:
        for _ in range(length // 50_000):
            sender.send(bytes(50_000))
            await sender.writer.drain()
    except ConnectionError:  # once the answer is there, nobody need read on
        pass


async def test_an_answer_may_come_beside_the_upload(tmp_path: Path) -> None:
    """As they do where an upstream answers piece by piece; the call is recorded when both are over."""

    async def echo(request: Request) -> Response:
        assert request.stream is not None
        return Response(200, make_headers([("Content-Type", "text/event-stream")]), stream=request.stream)

    sink = Sink(respond=echo)
    async with taking(sink) as base_url, proxy(tmp_path, "record", base_url) as on, client(on.url) as sender:
        sender.begin("Transfer-Encoding: chunked")
        for number in range(3):
            piece = b"data: %d\n\n" % number
            sender.send_chunk(piece)
            assert await sender.reader.readuntil(piece)
        sender.send_chunk(b"")
        await sender.reader.readuntil(b"0\r\n\r\n")
    (held,) = json.loads((tmp_path / "default.json").read_text())["interactions"]
    assert held["request"]["body"] == {"text": "data: 0\n\ndata: 1\n\ndata: 2\n\n"}
    assert "".join(chunk["text"] for chunk in held["response"]["body"]["chunks"]) == held["request"]["body"]["text"]


async def test_an_answer_beside_an_upload_that_breaks_off_breaks_off(tmp_path: Path) -> None:
    """The upstream would wait for the rest, and whoever hears it for the answer."""
    came = asyncio.Event()

    async def respond(request: Request) -> Response:
        return Response(200, make_headers([("Content-Type", "text/event-stream")]), stream=_Waiting(request, came))

    sink, limits = Sink(respond=respond), {"body_s": 0.3}
    async with (
        taking(sink) as base_url,
        proxy(tmp_path, "record", base_url, limits=limits) as on,
        client(on.url) as sender,
    ):
        sender.begin("Content-Length: 1000")
        sender.send(b"x" * 500)
        await sender.reader.readuntil(b"begun\n")
        await came.wait()
        assert not (await sender.reader.read()).endswith(b"0\r\n\r\n")
    assert not is_on_file(tmp_path)


class _Waiting:
    """An answer that begins at once, and goes on when the request has come whole."""

    def __init__(self, request: Request, came: asyncio.Event) -> None:
        self._pieces = iter([b"begun\n", b"over\n"])
        self._request = request
        self._came = came

    def __aiter__(self) -> "_Waiting":
        return self

    async def __anext__(self) -> bytes:
        piece = next(self._pieces, b"")
        if piece == b"over\n":
            self._came.set()
            assert self._request.stream is not None
            async for _ in self._request.stream:
                pass
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Do nothing."""


Bad = Callable[[Client], Awaitable[None]]
REFUSED = b'{"metadata":{"a":1}}'


@pytest.mark.parametrize("mode", [*MODES, "auto", "replay"])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
async def test_the_guard_is_not_passed_by_taking_time(tmp_path: Path, mode: str, is_chunked: bool) -> None:
    """However a body of a guarded call comes, it is judged as a whole."""
    sink = Sink()
    async with taking(sink) as base_url, proxy(tmp_path, mode, base_url) as on, client(on.url) as sender:
        told = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(REFUSED)}"
        sender.begin("Content-Type: application/json", told, target=ADDRESS)
        for part in (REFUSED[:10], REFUSED[10:], b"")[: 3 if is_chunked else 2]:
            await asyncio.sleep(0.2)
            (sender.send_chunk if is_chunked else sender.send)(part)
        assert b" 400 " in await sender.read_head()
        assert b"invalid_type" in await sender.reader.read(1000)
    assert sink.heads == []


async def test_the_limit_of_guarded_bodies_is_none_of_others(tmp_path: Path) -> None:
    """What is read whole must be short; what passes need not be."""
    sink, limits = Sink(), {"max_body_bytes": 1000}
    json_type = "Content-Type: application/json"
    async with taking(sink) as base_url, proxy(tmp_path, "record", base_url, limits=limits) as on:
        assert b" 413 " in await upload(on.url, b'{"metadata":{}}' + b" " * 1000, json_type, target=ADDRESS)
        assert b" 200 " in await upload(on.url, PIECE)
    assert len(sink.heads) == 1


async def test_a_delete_of_a_guarded_address_has_no_body_however_it_comes(tmp_path: Path) -> None:
    """It is refused, and not forwarded."""
    sink, rules = Sink(), {"guard": {"routes": ["modify_thread"]}}
    async with taking(sink) as base_url, proxy(tmp_path, "passthrough", base_url, rules=rules) as on:
        got = await upload(on.url, b"x" * 100, target="/v1/threads/thread_abc123", method="DELETE")
    assert b"unexpected_body" in got
    assert sink.heads == []
