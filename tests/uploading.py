"""Building blocks for tests of uploads: an upstream that takes bodies as they come, and clients that send them so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256

from runproxy.errors import RunproxyError
from runproxy.messages import Request, Response
from runproxy.server import Edge, HostPort, low_level
from tests.parts import answer

TARGET = "/v1/files"
BOUNDARY = b"0123456789abcdef"
Respond = Callable[[Request], Awaitable[Response]]


def multipart(content: bytes, boundary: bytes = BOUNDARY) -> bytes:
    """Write an upload of one file as clients do."""
    head = b'Content-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    return b"--%b\r\n%b%b\r\n--%b--\r\n" % (boundary, head, content, boundary)


class Sink:
    """An upstream that takes bodies piece by piece, each once it may, and answers when one has come whole.

    `heads` are the requests, without their bodies; of these, `bodies` are the hashes of those that came whole, and
    `failures` says why the others did not.
    """

    def __init__(self, *, is_gated: bool = False, respond: Respond | None = None) -> None:
        self.may_take = asyncio.Semaphore(0 if is_gated else 1_000_000)
        self.heads: list[Request] = []
        self.bodies: list[str] = []
        self.failures: list[RunproxyError] = []
        self.received_bytes = 0
        self._respond = respond or self._take
        self._changed = asyncio.Condition()

    async def send(self, request: Request) -> Response:
        """Answer one call."""
        self.heads.append(request)
        await self._note(0)
        return await self._respond(request)

    async def until_received(self, length: int) -> None:
        """Wait until so many bytes have come in all."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.received_bytes == length)

    async def until_called(self, count: int) -> None:
        """Wait until so many calls have come in all."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.heads) == count)

    async def until_broken_off(self) -> None:
        """Wait until a body has broken off."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self.failures))

    async def _take(self, request: Request) -> Response:
        found = sha256(request.body)
        await self._note(len(request.body))
        try:
            if request.stream is not None:
                async for piece in request.stream:
                    await self.may_take.acquire()
                    found.update(piece)
                    await self._note(len(piece))
        except RunproxyError as error:
            self.failures.append(error)
            await self._note(0)
            raise
        self.bodies.append(found.hexdigest())
        return answer({"id": "file-1", "calls": len(self.heads)})

    async def _note(self, length: int) -> None:
        self.received_bytes += length
        async with self._changed:
            self._changed.notify_all()


@asynccontextmanager
async def taking(sink: Sink) -> AsyncIterator[str]:
    """Serve a sink over HTTP, and give its base URL."""
    edge = Edge(sink.send, max_body_bytes=0, body_s=20, may_stream=lambda _: True)
    async with low_level(edge, HostPort("127.0.0.1", 0, "--port"), drain_s=1, idle_s=20) as listener:
        yield f"{listener.url}/v1"


class Client:
    """A client that sends a request by hand, and reads an answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def begin(self, *headers: str, target: str = TARGET, method: str = "POST") -> None:
        """Send the head of a request."""
        lines = [f"{method} {target} HTTP/1.1", "Host: x", *headers, "", ""]
        self.writer.write("\r\n".join(lines).encode())

    def send(self, piece: bytes) -> None:
        """Send a piece of the body."""
        self.writer.write(piece)

    def send_chunk(self, piece: bytes) -> None:
        """Send a chunk; an empty one is the last."""
        self.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))

    async def read_head(self) -> bytes:
        """Read the head of an answer, or what there is of it."""
        try:
            return await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as closed:
            return closed.partial


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Client]:
    """Connect to a server; all of it must be over in half a minute."""
    host, _, port = url.removeprefix("http://").partition("/")[0].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(30):
            yield Client(reader, writer)
    finally:
        writer.close()


async def upload(url: str, body: bytes, *headers: str, target: str = TARGET, method: str = "POST") -> bytes:
    """Upload a body in two pieces with a pause between, so that it comes as a stream, and give the whole answer."""
    async with client(url) as sender:
        sender.begin(f"Content-Length: {len(body)}", "Connection: close", *headers, target=target, method=method)
        sender.send(body[: len(body) // 2])
        await sender.writer.drain()
        await asyncio.sleep(0.15)
        sender.send(body[len(body) // 2 :])
        await sender.writer.drain()
        return await sender.reader.read()
