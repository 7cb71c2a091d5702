"""Mixed load over minutes: modified runs, streams, long answers, and clients among them that are slow on purpose."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Final

import aiohttp
import pytest

from runproxy.messages import Request, Response, make_headers
from tests.cli import processes
from tests.cli.processes import Server
from tests.parts import JSON_HEADERS, Report, ScriptedUpstream, echo, serving

GOOD_CLIENTS: Final = 6
SLOW_CLIENTS: Final = 30
PAUSE_S: Final = 0.02
"""Between two calls of a good client, so that the load is that of many clients and not of a benchmark."""
LONG: Final = b"x" * 4_000_000
EVENTS: Final = b"".join(b"data: %d\n\n" % number for number in range(50))


def _answer(request: Request) -> Response:
    if request.path.endswith("/long"):
        return Response(200, make_headers([("Content-Type", "application/octet-stream")]), LONG)
    if request.path.endswith("/runs"):
        return Response(200, make_headers([("Content-Type", "text/event-stream")]), EVENTS)
    if request.method == "GET":
        return Response(200, JSON_HEADERS, b'{"object": "list", "data": []}')
    return echo(request)


@dataclass
class Seen:
    """What good clients saw: how long their calls took, and what was no good answer."""

    seconds: list[float] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)

    @property
    def p99_ms(self) -> float:
        """The time that 99 of 100 calls stayed below, in milliseconds."""
        return quantiles(self.seconds, n=100)[98] * 1000


async def _good(url: str, number: int, seen: Seen) -> None:
    """Call after call, of all kinds; what is not as it should be is noted."""
    headers = {"Content-Type": "application/json"}
    kinds: list[tuple[str, str, bytes | None, Callable[[bytes], bool]]] = [
        ("POST", f"/v1/threads/t/runs/r{number}", b'{"metadata": {"k": "v"}}', lambda body: b'"k"' in body),
        ("GET", "/v1/threads/t/runs", None, lambda body: body == EVENTS),
        ("GET", "/v1/threads/t/messages", None, lambda body: b"list" in body),
    ]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        for turn in range(1_000_000):
            method, path, sent, is_right = kinds[turn % len(kinds)]
            started = time.perf_counter()
            try:
                async with session.request(method, url + path, data=sent, headers=headers if sent else {}) as answer:
                    body = await answer.read()
                    if answer.status != 200 or not is_right(body):
                        seen.wrong[f"{method} {path}: {answer.status}"] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                seen.wrong[type(error).__name__] += 1
            seen.seconds.append(time.perf_counter() - started)
            await asyncio.sleep(PAUSE_S)


async def _slow(host: str, port: int, number: int) -> None:
    """Be slow in one of three ways, again and again: with a head, with a body, or in reading a long answer."""
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(host, port, limit=1024)
            try:
                await (_slow_head, _slow_body, _slow_reader)[number % 3](reader, writer)
            finally:
                writer.close()
        await asyncio.sleep(0.5)


async def _slow_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in b"GET /v1/threads/t/messages HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"x" * 100:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.5)


async def _slow_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
    for byte in b"x" * 99:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.5)


async def _slow_reader(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET /v1/long HTTP/1.1\r\nHost: x\r\n\r\n")
    while await reader.read(1024):  # noqa: ASYNC110 - it is not waited for anything, that is the point
        await asyncio.sleep(0.25)


@asynccontextmanager
async def running(clients: Sequence[Awaitable[None]]) -> AsyncIterator[None]:
    """Let clients run for as long as the context lasts."""
    tasks = [asyncio.ensure_future(client) for client in clients]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()  # raises what a client did not expect
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _resident_kib(server: Server) -> int:
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0])


@pytest.mark.parametrize(
    "seconds", [pytest.param(6, id="short"), pytest.param(600, id="ten-minutes", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("mode", ["passthrough"])
async def test_slow_clients_do_not_hold_up_others(tmp_path: Path, seconds: int, mode: str, report: Report) -> None:
    """Of good clients every call is answered well, with slow ones beside them too, and memory stays as it was."""
    alone, beside = Seen(), Seen()
    async with serving(ScriptedUpstream(make=_answer)) as base_url:
        args = ("serve", "--mode", mode, "--upstream", base_url, "--no-log-calls")
        with processes.serving(tmp_path, *args) as server:
            host, _, port = server.url.removeprefix("http://").rpartition(":")
            async with running([_good(server.url, number, alone) for number in range(GOOD_CLIENTS)]):
                await asyncio.sleep(seconds / 5)
            slow = [_slow(host, int(port), number) for number in range(SLOW_CLIENTS)]
            good = [_good(server.url, number, beside) for number in range(GOOD_CLIENTS)]
            async with running([*slow, *good]):
                await asyncio.sleep(seconds / 5)
                before_kib = _resident_kib(server)
                await asyncio.sleep(seconds * 3 / 5)
                more_kib = _resident_kib(server) - before_kib
    report(
        f"mixed load, {seconds} s",
        {
            "good calls": len(alone.seconds) + len(beside.seconds),
            "wrong": (alone.wrong + beside.wrong).total(),
            "p99 alone in µs": round(alone.p99_ms * 1000),
            "p99 beside slow ones in µs": round(beside.p99_ms * 1000),
            "more KiB": more_kib,
        },
    )
    assert alone.wrong + beside.wrong == Counter()
    assert more_kib < 30_000
