"""Limits over real sockets: too many connections, too many calls, clients that read slowly or not at all, or go."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from runproxy.composition import Proxy
from runproxy.messages import Request, Response, make_headers
from tests.parts import ADDRESS, ScriptedUpstream, answer, proxy, raw_exchange, serving

BODY = b'{"metadata":{"a":"b"}}'
POST = (
    f"POST {ADDRESS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
).encode() + BODY
GET = f"GET {ADDRESS} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
BIG = bytes(12 * 1024 * 1024)
OCTETS = make_headers([("Content-Type", "application/octet-stream")])
DEADLINE_S = 20.0


class Gate:
    """An upstream that holds calls back until it is opened."""

    def __init__(self) -> None:
        self.arrived = asyncio.Semaphore(0)
        self.opened = asyncio.Event()
        self.upstream = ScriptedUpstream(make=self._hold)

    async def _hold(self, _: Request) -> Response:
        self.arrived.release()
        await self.opened.wait()
        return answer({"id": "run_abc123"})


Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def clients(url: str, count: int = 1) -> AsyncIterator[list[Client]]:
    """Open connections whose readers take what they are asked for, and little more."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    opened: list[Client] = []
    try:
        for _ in range(count):
            made = socket.socket()
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            made.setblocking(False)
            await asyncio.get_running_loop().sock_connect(made, (host, int(port)))
            opened.append(await asyncio.open_connection(sock=made, limit=4096))
        yield opened
    finally:
        for _, writer in opened:
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def head_of(reader: asyncio.StreamReader) -> bytes:
    """Read the head of an answer."""
    async with asyncio.timeout(DEADLINE_S):
        return await reader.readuntil(b"\r\n\r\n")


async def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(DEADLINE_S):
        while not is_so():  # noqa: ASYNC110 - what is waited for is told by no event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def passing(
    folder: Path, upstream: ScriptedUpstream, mode: str = "passthrough", **limits: float
) -> AsyncIterator[Proxy]:
    """Run a proxy in front of an upstream."""
    async with serving(upstream) as base_url, proxy(folder, mode, base_url, limits=limits) as running:
        yield running


async def test_a_connection_beyond_the_limit_is_told_so_and_closed(tmp_path: Path) -> None:
    """In the shape of the service, with Retry-After; once another one has ended, there is room again."""
    upstream = ScriptedUpstream(make=lambda _: answer({"id": "r"}))
    async with passing(tmp_path, upstream, max_connections=2) as running:
        async with clients(running.url, 2) as held, clients(running.url) as ((reader, writer),):
            for good in held:
                good[1].write(GET)
                assert b" 200 " in await head_of(good[0])
            writer.write(POST)
            head = await head_of(reader)
            body = json.loads(await reader.read())  # to the end of the connection
        answers = [await raw_exchange(running.url, GET) for _ in range(3)]  # the first may come too soon
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 1\r\n" in head
    assert b"Connection: close\r\n" in head
    assert (body["error"]["type"], body["error"]["code"]) == ("server_error", "too_many_connections")
    assert b" 200 " in answers[-1]
    assert running.service.outcomes["overloaded"] >= 1


async def test_a_flood_of_connections_is_bounded(tmp_path: Path) -> None:
    """Far beyond the limit they are closed at once; those that are to be told so and say nothing are let go soon."""
    upstream = ScriptedUpstream(make=lambda _: answer({"id": "r"}))
    async with passing(tmp_path, upstream, max_connections=1) as running, clients(running.url, 280) as flood:
        async with asyncio.timeout(DEADLINE_S):
            for reader, _ in flood[1:]:
                with suppress(ConnectionResetError):
                    assert await reader.read() == b""
        flood[0][1].write(GET)
        assert b" 200 " in await head_of(flood[0][0])


async def test_a_call_beyond_the_limit_waits_a_moment_and_is_told_so(tmp_path: Path) -> None:
    """Its connection takes further calls, which are answered once there is room."""
    gate = Gate()
    async with passing(tmp_path, gate.upstream, max_concurrent=1, queue_s=0.1) as running:
        first = asyncio.create_task(raw_exchange(running.url, POST))
        await gate.arrived.acquire()
        async with clients(running.url) as ((reader, writer),):
            writer.write(POST)
            head = await head_of(reader)
            told = json.loads(await reader.readexactly(int(head.partition(b"Content-Length: ")[2].split()[0])))
            gate.opened.set()
            assert b" 200 " in await first
            writer.write(POST)
            assert b" 200 " in await head_of(reader)
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 1\r\n" in head
    assert told["error"]["code"] == "too_many_calls"


async def test_a_call_that_waits_its_turn_is_answered(tmp_path: Path) -> None:
    """It waited, and nobody noticed; of those that wait there are at most as many as may be answered."""
    gate = Gate()
    async with passing(tmp_path, gate.upstream, max_concurrent=1, queue_s=10) as running:
        calls = [asyncio.create_task(raw_exchange(running.url, POST))]
        await gate.arrived.acquire()
        calls += [asyncio.create_task(raw_exchange(running.url, POST)) for _ in range(2)]
        async with asyncio.timeout(DEADLINE_S):
            done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        assert [b" 503 " in one.result() for one in done] == [True]
        gate.opened.set()
        answered = await asyncio.gather(*calls)
    assert sorted(b" 200 " in one for one in answered) == [False, True, True]


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
async def test_a_client_that_reads_nothing_is_let_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], streams: bool
) -> None:
    """With a reset, and it is told apart from how the call went."""
    upstream = ScriptedUpstream(make=lambda _: Response(200, OCTETS, BIG))
    if not streams:
        async with passing(tmp_path, upstream, "record") as running:
            await raw_exchange(running.url, GET)
    mode = "passthrough" if streams else "replay"
    async with passing(tmp_path, upstream, mode, send_s=0.3) as running, clients(running.url) as ((reader, writer),):
        writer.write(GET)
        await until(lambda: running.service.tally.undelivered)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(len(BIG))
    assert running.service.tally.undelivered == {"client_stalled": 1}
    assert running.service.outcomes == {"forwarded" if streams else "replayed": 1}
    assert "reason=client_stalled" in capsys.readouterr().out


async def test_a_client_that_reads_slowly_gets_all_of_it(tmp_path: Path) -> None:
    """However long it takes in all, as long as it goes on."""
    size = 512 * 1024
    upstream = ScriptedUpstream(make=lambda _: Response(200, OCTETS, BIG[:size]))
    async with passing(tmp_path, upstream, send_s=0.3) as running, clients(running.url) as ((reader, writer),):
        writer.write(GET)
        await head_of(reader)
        got = 0
        async with asyncio.timeout(DEADLINE_S):
            while got < size:
                got += len(await reader.read(8 * 1024))
                await asyncio.sleep(0.01)
    assert running.service.tally.undelivered == {}


async def test_slow_clients_do_not_hold_others_up(tmp_path: Path) -> None:
    """Fifty that read a byte now and then from a long answer, and the others get theirs at once."""
    upstream = ScriptedUpstream(make=lambda request: answer({}) if request.body else Response(200, OCTETS, BIG))
    async with passing(tmp_path, upstream) as running:
        async with clients(running.url, 50) as slow:
            for _, writer in slow:
                writer.write(GET)
            for reader, _ in slow:
                await head_of(reader)
            for _ in range(20):
                assert b" 200 " in await raw_exchange(running.url, POST)
                for reader, _ in slow:
                    assert await reader.readexactly(1)
        await until(lambda: running.service.tally.undelivered["client_gone"] == len(slow))


async def test_a_client_that_goes_is_told_apart_from_how_its_call_went(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The call was sent, is answered, recorded and counted as such; only its delivery failed."""
    gate = Gate()
    async with passing(tmp_path, gate.upstream, "record") as running:
        async with clients(running.url) as ((_, writer),):
            writer.write(POST)
            await gate.arrived.acquire()
        await asyncio.sleep(0.05)
        gate.opened.set()
        await until(lambda: running.service.tally.undelivered)
    assert running.service.outcomes == {"recorded": 1}
    assert running.service.tally.undelivered == {"client_gone": 1}
    told = capsys.readouterr().out
    lines = [line for line in told.splitlines() if "not delivered" in line]
    assert len(lines) == 1
    assert f"path={ADDRESS}" in lines[0]
    assert "reason=client_gone" in lines[0]
    assert len(json.loads((tmp_path / "default.json").read_bytes())["interactions"]) == 1


async def test_a_stream_whose_client_goes_is_heard_out_and_told_of(tmp_path: Path) -> None:
    """A call that was sent and may have changed something is recorded whole, and was not delivered."""
    go_on = asyncio.Event()

    class Events:
        left = [b"data: 3\n\n", b"data: 2\n\n", b"data: 1\n\n"]  # noqa: RUF012 - it is made for one call

        def __aiter__(self) -> "Events":
            return self

        async def __anext__(self) -> bytes:
            if len(self.left) < 3:
                await go_on.wait()
                await asyncio.sleep(0.05)
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop()

        async def aclose(self) -> None:
            """Do nothing."""

    stream = Response(200, make_headers([("Content-Type", "text/event-stream")]), stream=Events())
    async with passing(tmp_path, ScriptedUpstream(stream), "record") as running:
        async with clients(running.url) as ((reader, writer),):
            writer.write(POST)
            await reader.readuntil(b"data: 1\n\n")
        go_on.set()
        await until(lambda: running.service.tally.undelivered)
    assert (running.service.outcomes, running.service.tally.undelivered) == ({"recording": 1}, {"client_gone": 1})
    assert b"data: 3" in (tmp_path / "default.json").read_bytes()


async def test_pipelined_calls_are_answered_in_order_and_no_faster_than_they_are_read(tmp_path: Path) -> None:
    """A client that sends many calls and reads no answer is not answered into memory."""
    seen = 0

    def make(_: Request) -> Response:
        nonlocal seen
        seen += 1
        return Response(200, OCTETS, BIG[: 256 * 1024])

    async with (
        passing(tmp_path, ScriptedUpstream(make=make)) as running,
        clients(running.url) as ((reader, writer),),
    ):
        writer.write(GET * 500)
        before = -1
        while before != seen:
            before = seen
            await asyncio.sleep(0.3)
        assert seen < 100
        assert b" 200 " in await head_of(reader)


async def test_calls_ahead_of_their_turn_are_not_taken_into_memory(tmp_path: Path) -> None:
    """Behind a call that takes its time, a client can send what the system buffers and little more."""
    gate, taken = Gate(), 0
    head = b"".join(b"X-%d: %b\r\n" % (number, b"a" * 8000) for number in range(100))
    async with passing(tmp_path, gate.upstream) as running:
        host, _, port = running.url.removeprefix("http://").rpartition(":")
        with socket.socket() as client:
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, (host, int(port)))
            await loop.sock_sendall(client, POST)
            await gate.arrived.acquire()
            with suppress(TimeoutError):
                for _ in range(40):
                    async with asyncio.timeout(1):
                        await loop.sock_sendall(client, b"GET /v1/x HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n")
                        taken += 1
        gate.opened.set()
    assert taken < 20
