"""Conversations byte by byte: an upstream that sends what it is told, and a client that shows what it got."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

LIMIT_S = 20
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[object, object, None]]
"""What serves a connection; it is closed afterwards."""


@dataclass
class RawUpstream:
    """Answers each request, on whatever connection it comes, with the next of some bytes, whatever they are.

    None closes the connection in the place of an answer. After the last one, the last one is given again.
    """

    answers: list[bytes | None]
    closes: bool = False
    resets: bool = False
    seen: list[bytes] = field(default_factory=list)
    connections: int = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        while True:
            self.seen.append(await read_request(reader))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer is None and self.resets:
                writer.transport.abort()
            if answer is None:
                return
            writer.write(answer)
            await writer.drain()
            if self.closes:
                return


@asynccontextmanager
async def raw_upstream(serve: Serve, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """Serve connections and give the base URL; in the end nothing of them is left."""
    running: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(asyncio.create_task(connected(reader, writer)))

    server = await asyncio.start_server(accept, host, 0, limit=1 << 20)
    port = server.sockets[0].getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    try:
        async with server:
            yield f"http://{shown}:{port}/v1"
    finally:
        await asyncio.wait_for(asyncio.gather(*running), LIMIT_S)  # the other side has closed all of them


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Read one request as it stands on the wire."""
    head = await reader.readuntil(b"\r\n\r\n")
    if re.search(rb"(?i)\r\ntransfer-encoding: chunked\r\n", head):
        return head + await reader.readuntil(b"0\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)\r\n", head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


async def converse(url: str, sent: bytes, *, ends: bool = False) -> bytes:
    """Send bytes over a fresh connection, and give all that comes until it is closed; `ends` closes the own side."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    try:
        async with asyncio.timeout(LIMIT_S):
            writer.write(sent)
            await writer.drain()
            if ends:
                writer.write_eof()
            return await reader.read()
    finally:
        writer.close()


@dataclass(frozen=True)
class Got:
    """One answer as it stood on the wire: the first line, the header lines in their order, and the body unframed."""

    line: str
    headers: tuple[str, ...]
    body: bytes

    @property
    def status(self) -> int:
        """The number of the status."""
        return int(self.line.split()[1])

    def values(self, name: str) -> list[str]:
        """Give the values of a header."""
        pairs = (line.partition(": ") for line in self.headers)
        return [value for held, _, value in pairs if held.lower() == name.lower()]


def answers_in(received: bytes, *, heads_only: bool = False) -> list[Got]:
    """Take apart what came on a connection that was closed in the end."""
    found = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        line, *headers = head.decode("utf-8", "surrogateescape").split("\r\n")
        got = Got(line, tuple(headers), b"")
        body = b""
        if not heads_only and got.status not in (204, 304):
            body, received = _body(got, received)
        found.append(Got(line, tuple(headers), body))
    return found


def _body(got: Got, rest: bytes) -> tuple[bytes, bytes]:
    if got.values("transfer-encoding"):
        return _from_chunks(rest)
    lengths = got.values("content-length")
    assert len(lengths) < 2, "two words about the length"
    end = int(lengths[0]) if lengths else len(rest)
    assert len(rest) >= end, "the body is cut off"
    return rest[:end], rest[end:]


def _from_chunks(rest: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            end, _, rest = rest.partition(b"\r\n")
            assert end == b"", "trailers"
            return body, rest
        body, rest = body + rest[:length], rest[length + 2 :]
