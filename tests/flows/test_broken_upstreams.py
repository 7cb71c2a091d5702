"""Upstreams that break the rules of HTTP: each has a defined answer, nothing hangs, and nothing broken is on file."""

import asyncio
import json
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.parts import Report, proxy

STALL: Final = object()
"""Say nothing more, and keep the connection open."""
RESET: Final = object()
"""Break the connection off with a reset."""
PAUSE: Final = object()
"""Wait for what was said to be passed on; a reset takes with it what has not been read."""
LIMITS: Final = {"upstream_s": 0.5, "read_s": 0.5, "connect_s": 2.0}
HANG_S: Final = 20  # a guard against hanging, not a measure
JSON: Final = b"Content-Type: application/json\r\n"
OK: Final = b"HTTP/1.1 200 OK\r\n" + JSON
EVENTS: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED: Final = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LONG: Final = b"x" * 400_000
"""More than is read ahead before an answer passes on as a stream."""


@dataclass(frozen=True)
class Case:
    """What an upstream says, and what a client gets: a status and a code; or a 200 that breaks off."""

    says: tuple[object, ...]
    status: int = 502
    code: str | None = "upstream_disconnected"
    breaks_off: bool = False
    is_recorded: bool = False


CASES: Final = {
    "nothing": Case(()),
    "reset": Case((RESET,)),
    "half-a-head": Case((b"HTTP/1.1 200 OK\r\nContent-Ty",)),
    "another-protocol": Case((b"SSH-2.0-OpenSSH_9.2\r\n",), code="upstream_invalid"),
    "http-0.9": Case((b"<html>hello</html>\r\n",), code="upstream_invalid"),
    "shorter-than-it-says": Case((OK + b'Content-Length: 100\r\n\r\n{"a":',)),
    "longer-than-it-says": Case((OK + b"Content-Length: 2\r\n\r\n{}{}{}",), code="upstream_invalid"),
    "reset-in-the-body": Case((OK + b"Content-Length: 100\r\n\r\n{", RESET)),
    "two-lengths": Case((OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",), code="upstream_invalid"),
    "a-length-below-zero": Case((OK + b"Content-Length: -2\r\n\r\n{}",), code="upstream_invalid"),
    "a-length-that-is-none": Case((OK + b"Content-Length: two\r\n\r\n{}",), code="upstream_invalid"),
    "a-bad-chunk-size": Case((CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",), code="upstream_invalid"),
    "a-chunk-without-end": Case((CHUNKED + b"2\r\n{}xx0\r\n\r\n",), code="upstream_invalid"),
    "no-last-chunk": Case((CHUNKED + b"2\r\n{}\r\n",)),
    "a-stall-before-the-head": Case((STALL,), 504, "upstream_timeout"),
    "a-stall-in-the-head": Case((b"HTTP/1.1 200 OK\r\nContent-", STALL), 504, "upstream_timeout"),
    "a-stall-in-a-short-body": Case((OK + b"Content-Length: 100\r\n\r\n{", STALL), 504, "upstream_timeout"),
    "a-stall-in-a-stream": Case((EVENTS + b"7\r\ndata: 1\r\n", STALL), 200, None, breaks_off=True),
    "continue-then-silence": Case((b"HTTP/1.1 100 Continue\r\n\r\n", STALL), 504, "upstream_timeout"),
    "continue-then-nothing": Case((b"HTTP/1.1 100 Continue\r\n\r\n",)),
    "hints-then-an-answer": Case(
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\n{}",),
        200,
        None,
        is_recorded=True,
    ),
    "another-protocol-on-top": Case(
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",), code="upstream_invalid"
    ),
    "a-huge-header": Case((OK + b"X-Huge: " + b"x" * 1_000_000 + b"\r\n\r\n",), code="upstream_invalid"),
    "a-nul-in-a-header": Case((OK + b"X-Nul: a\0b\r\nContent-Length: 2\r\n\r\n{}",), code="upstream_invalid"),
    "a-status-of-four-digits": Case((b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}",), code="upstream_invalid"),
    "a-stream-cut-off": Case((EVENTS + b"7\r\ndata: 1\r\n",), 200, None, breaks_off=True),
    "a-long-body-cut-off": Case((OK + b"Content-Length: 500000\r\n\r\n" + LONG,), 200, None, breaks_off=True),
    "a-long-body-reset": Case(
        (OK + b"Content-Length: 500000\r\n\r\n" + LONG, PAUSE, RESET), 200, None, breaks_off=True
    ),
    "gzip-that-is-none": Case(
        (OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",), 200, None, is_recorded=False
    ),
}


@asynccontextmanager
async def scripted() -> AsyncIterator[str]:
    """Serve the cases, each below its own path, over raw sockets."""
    open_ones: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            await _say(CASES[head.split(b" ")[1].rpartition(b"/")[2].decode()], reader, writer)
        writer.close()
        open_ones.discard(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        for writer in open_ones:
            writer.close()


async def _say(case: Case, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for part in case.says:
        if part is STALL:
            await reader.read()  # until the other side has had enough
        elif part is PAUSE:
            await asyncio.sleep(0.3)
        elif part is RESET:
            await writer.drain()
            held = writer.get_extra_info("socket")
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif isinstance(part, bytes):
            writer.write(part)
            await writer.drain()


async def asked(url: str, name: str) -> tuple[int, dict[str, str], bytes, bool]:
    """Send one call, and give status, headers, body, and whether the answer is whole by its own framing."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    async with asyncio.timeout(HANG_S):
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(f"GET /v1/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            received = b""
            with suppress(ConnectionError):
                while part := await reader.read(65536):
                    received += part
        finally:
            writer.close()
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        return int(first.split()[1]), headers, body, body.endswith(b"0\r\n\r\n")
    return int(first.split()[1]), headers, body, len(body) == int(headers.get("content-length", -1))


@pytest.mark.parametrize("mode", ["record", "auto", "passthrough"])
@pytest.mark.parametrize("name", CASES)
async def test_a_broken_answer_has_a_defined_end(tmp_path: Path, name: str, mode: str) -> None:
    """The client gets the reason, or an answer that visibly breaks off; only what is whole is on file."""
    case = CASES[name]
    async with scripted() as base_url, proxy(tmp_path, mode, base_url, limits=LIMITS) as on:
        status, headers, body, is_whole = await asked(on.url, name)
    assert (status, is_whole) == (case.status, not case.breaks_off)
    if case.code is not None:
        assert json.loads(body)["error"]["code"] == case.code
        assert headers.get("x-runproxy-upstream-outcome") == "unknown"
    file = tmp_path / "default.json"
    on_file = len(json.loads(file.read_bytes())["interactions"]) if file.exists() else 0
    assert on_file == (1 if case.is_recorded and mode != "passthrough" else 0)


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _resident_kib() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0])


@pytest.mark.slow
async def test_broken_answers_leave_nothing_behind(tmp_path: Path, report: Report) -> None:
    """After 10,000 of them, as many files are open as after the first thousand, and memory has stayed as it was."""
    names = [name for name, case in CASES.items() if STALL not in case.says]
    statuses: Counter[int] = Counter()
    async with scripted() as base_url, proxy(tmp_path, "passthrough", base_url, limits=LIMITS) as on:
        for number in range(10):
            for start in range(0, 1000, 20):
                batch = [names[(start + place) % len(names)] for place in range(20)]
                statuses.update(status for status, *_ in await asyncio.gather(*(asked(on.url, name) for name in batch)))
            if number == 0:
                await asyncio.sleep(1)
                files, resident = _open_files(), _resident_kib()
        await asyncio.sleep(1)
        more_files, more_kib = _open_files() - files, _resident_kib() - resident
    report(
        "broken answers",
        {"calls": statuses.total(), "more open files": more_files, "more KiB": more_kib, "502": statuses[502]},
    )
    assert statuses.total() == 10_000
    assert more_files <= 5
    assert more_kib < 40_000  # 5 KiB a call would be a leak; the pieces of long bodies leave some room unused
