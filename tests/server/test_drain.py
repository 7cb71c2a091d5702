"""An orderly end over real sockets: what is in flight ends well or is broken off visibly, and what is idle goes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runproxy.composition import Proxy
from runproxy.messages import Request, Response, make_headers
from tests.parts import ADDRESS, ScriptedUpstream, answer, proxy, serving

BODY = b'{"metadata":{"a":"b"}}'
HEAD = (
    f"POST {ADDRESS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
).encode()
EVENTS = make_headers([("Content-Type", "text/event-stream")])
DEADLINE_S = 20.0


class Upstream:
    """Holds back its answers, or the rest of its streams, until it is opened."""

    def __init__(self, *, streams: bool = False) -> None:
        self.arrived = asyncio.Event()
        self.opened = asyncio.Event()
        self._left = [b"data: last\n\n", b"data: first\n\n"]
        self._streams = streams
        self.script = ScriptedUpstream(make=self._make)

    async def _make(self, _: Request) -> Response:
        self.arrived.set()
        if self._streams:
            return Response(200, EVENTS, stream=self)
        await self.opened.wait()
        return answer({"id": "run_abc123"})

    def __aiter__(self) -> "Upstream":
        return self

    async def __anext__(self) -> bytes:
        if len(self._left) == 1:
            await self.opened.wait()
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()

    async def aclose(self) -> None:
        """Do nothing."""


class Stopping:
    """A proxy that is told to stop by `stop`, and waited for by leaving the context."""

    def __init__(self, running: Proxy, told: asyncio.Event, stopped: "asyncio.Task[None]") -> None:
        self.running = running
        self.url = running.url
        self._told = told
        self.stopped = stopped

    def stop(self) -> None:
        """Stop it, as a signal does."""
        self._told.set()


@asynccontextmanager
async def stoppable(folder: Path, upstream: Upstream, mode: str = "record", **limits: float) -> AsyncIterator[Stopping]:
    """Run a proxy that can be stopped while the test goes on."""
    told, started = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def run() -> None:
        async with serving(upstream.script) as base_url, proxy(folder, mode, base_url, limits=limits) as running:
            started.set_result(running)
            await told.wait()

    task = asyncio.create_task(run())
    yield Stopping(await started, told, task)
    told.set()
    async with asyncio.timeout(DEADLINE_S):
        await task


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(DEADLINE_S):
            yield reader, writer
    finally:
        writer.transport.abort()


def recorded(folder: Path) -> int:
    """Count what is on file."""
    path = folder / "default.json"
    return len(json.loads(path.read_bytes())["interactions"]) if path.exists() else 0


async def test_idle_connections_are_closed_at_once(tmp_path: Path) -> None:
    """Those that have had an answer, those that have said nothing yet, and those with half a head."""
    upstream = Upstream()
    upstream.opened.set()
    async with (
        stoppable(tmp_path, upstream, drain_s=DEADLINE_S) as proxied,
        connected(proxied.url) as (used, asking),
        connected(proxied.url) as (fresh, _),
        connected(proxied.url) as (half, beginning),
    ):
        asking.write(HEAD + BODY)
        await used.readuntil(b'"run_abc123"\n}')
        beginning.write(HEAD[:30])
        await asyncio.sleep(0.05)
        proxied.stop()
        assert [await reader.read() for reader in (used, fresh, half)] == [b"", b"", b""]


async def test_a_connection_that_was_just_opened_may_bring_its_first_call(tmp_path: Path) -> None:
    """It was accepted, and whoever opened it does not know better; it has half a second."""
    upstream = Upstream()
    upstream.opened.set()
    async with (
        stoppable(tmp_path, upstream, drain_s=DEADLINE_S) as proxied,
        connected(proxied.url) as (reader, writer),
    ):
        await asyncio.sleep(0.05)
        proxied.stop()
        await asyncio.sleep(0.05)
        writer.write(HEAD + BODY)
        got = await reader.read()
    assert got.startswith(b"HTTP/1.1 200 ")
    assert b"Connection: close\r\n" in got


async def test_a_call_in_flight_is_answered_and_its_connection_closed(tmp_path: Path) -> None:
    """The answer says so; it is recorded; meanwhile nobody can connect any more."""
    upstream = Upstream()
    async with (
        stoppable(tmp_path, upstream, drain_s=DEADLINE_S) as proxied,
        connected(proxied.url) as (reader, writer),
    ):
        writer.write(HEAD + BODY)
        await upstream.arrived.wait()
        proxied.stop()
        await asyncio.sleep(0.05)
        with pytest.raises(ConnectionRefusedError):
            async with connected(proxied.url):
                pass
        upstream.opened.set()
        got = await reader.read()
    assert got.startswith(b"HTTP/1.1 200 ")
    assert b"Connection: close\r\n" in got
    assert got.endswith(answer({"id": "run_abc123"}).body)
    assert recorded(tmp_path) == 1


async def test_a_call_whose_body_is_on_its_way_is_answered(tmp_path: Path) -> None:
    """It had begun before runproxy was told to stop."""
    upstream = Upstream()
    upstream.opened.set()
    async with (
        stoppable(tmp_path, upstream, drain_s=DEADLINE_S) as proxied,
        connected(proxied.url) as (reader, writer),
    ):
        writer.write(HEAD + BODY[:5])
        await asyncio.sleep(0.05)
        proxied.stop()
        await asyncio.sleep(0.05)
        writer.write(BODY[5:])
        got = await reader.read()
    assert got.startswith(b"HTTP/1.1 200 ")
    assert recorded(tmp_path) == 1


async def test_a_call_that_does_not_end_in_time_is_told_so(tmp_path: Path) -> None:
    """With what that means for the call at the upstream; nothing is recorded of it."""
    upstream = Upstream()
    async with stoppable(tmp_path, upstream, drain_s=0.2) as proxied, connected(proxied.url) as (reader, writer):
        writer.write(HEAD + BODY)
        await upstream.arrived.wait()
        proxied.stop()
        got = await reader.read()
        await proxied.stopped
    assert got.startswith(b"HTTP/1.1 503 ")
    assert b"x-runproxy-upstream-outcome: unknown\r\n" in got
    assert b'"code": "stopped"' in got
    assert proxied.running.service.tally.undelivered == {"broken_off": 1}
    assert recorded(tmp_path) == 0


async def test_a_stream_that_ends_in_time_ends_well(tmp_path: Path) -> None:
    """With its last chunk, recorded, and then its connection is closed, though its head did not say so."""
    upstream = Upstream(streams=True)
    async with (
        stoppable(tmp_path, upstream, drain_s=DEADLINE_S) as proxied,
        connected(proxied.url) as (reader, writer),
    ):
        writer.write(HEAD + BODY)
        await reader.readuntil(b"first\n\n")
        proxied.stop()
        await asyncio.sleep(0.05)
        upstream.opened.set()
        assert (await reader.read()).endswith(b"data: last\n\n\r\n0\r\n\r\n")
    assert recorded(tmp_path) == 1


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_a_stream_that_does_not_end_in_time_is_broken_off(tmp_path: Path, version: str) -> None:
    """So that the client sees it: no last chunk, or a reset where only the end of the connection tells the end."""
    upstream = Upstream(streams=True)
    async with stoppable(tmp_path, upstream, drain_s=0.2) as proxied, connected(proxied.url) as (reader, writer):
        writer.write(HEAD.replace(b"HTTP/1.1", b"HTTP/" + version.encode()) + BODY)
        await reader.readuntil(b"first\n\n")
        proxied.stop()
        if version == "1.0":
            with pytest.raises(ConnectionResetError):
                await reader.read()
        else:
            assert await reader.read() == b"\r\n"
        await proxied.stopped
    assert proxied.running.service.tally.undelivered == {"broken_off": 1}
    assert recorded(tmp_path) == 0


async def test_a_call_whose_client_has_gone_ends_and_is_recorded(tmp_path: Path) -> None:
    """Nobody waits for its answer, but it was sent."""
    upstream = Upstream()
    async with stoppable(tmp_path, upstream, drain_s=DEADLINE_S) as proxied:
        async with connected(proxied.url) as (_, writer):
            writer.write(HEAD + BODY)
            await upstream.arrived.wait()
        await asyncio.sleep(0.05)
        proxied.stop()
        await asyncio.sleep(0.05)
        upstream.opened.set()
        await proxied.stopped
    assert proxied.running.service.outcomes == {"recorded": 1}
    assert recorded(tmp_path) == 1


async def test_a_call_that_is_broken_off_leaves_earlier_recordings_alone(tmp_path: Path) -> None:
    """Of a call made twice in an earlier session, the second recording stays when its second call is broken off."""
    upstream = Upstream()
    upstream.opened.set()
    async with stoppable(tmp_path, upstream) as proxied, connected(proxied.url) as (reader, writer):
        for _ in range(2):
            writer.write(HEAD + BODY)
            await reader.readuntil(b'"run_abc123"\n}')
    assert recorded(tmp_path) == 2
    async with stoppable(tmp_path, upstream, drain_s=0.2) as proxied, connected(proxied.url) as (reader, writer):
        writer.write(HEAD + BODY)
        await reader.readuntil(b'"run_abc123"\n}')
        upstream.arrived.clear()
        upstream.opened.clear()
        writer.write(HEAD + BODY)
        await upstream.arrived.wait()
        proxied.stop()
        assert b" 503 " in await reader.read()
        await proxied.stopped
    assert recorded(tmp_path) == 2
