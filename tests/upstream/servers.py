"""Servers of one's own: TLS in front of an upstream, an HTTP proxy, and the authority that signs for them."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import trustme

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Authority:
    """An authority that signs certificates, and a folder in which they lie as files."""

    folder: Path
    ca: trustme.CA = field(default_factory=trustme.CA)

    @property
    def ca_file(self) -> str:
        """Write its own certificate and give the path."""
        return self._written("ca.pem", self.ca.cert_pem)

    def server(self, *names: str) -> ssl.SSLContext:
        """Make what a server for these names shows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names).configure_cert(context)
        return context

    def server_for_clients_of(self, clients: "Authority", *names: str) -> ssl.SSLContext:
        """Make what a server shows that takes nobody but clients of an authority."""
        context = self.server(*names)
        clients.ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(self, name: str = "client") -> tuple[str, str]:
        """Write a certificate for a client and its key, and give both paths."""
        issued = self.ca.issue_cert(f"{name}@example.com")
        certificate = self._written(f"{name}.pem", *issued.cert_chain_pems)
        return certificate, self._written(f"{name}.key", issued.private_key_pem)

    def client_in_one_file(self) -> str:
        """Write a certificate for a client with its key in the same file, and give the path."""
        return self._written("both.pem", self.ca.issue_cert("client@example.com").private_key_and_cert_chain_pem)

    def _written(self, name: str, *blobs: trustme.Blob) -> str:
        path = self.folder / name
        path.write_bytes(b"".join(blob.bytes() for blob in blobs))
        return str(path)


@asynccontextmanager
async def listening(handle: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve connections, and give the port; at the end all of them are closed."""
    running: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            running.add(task)
            task.add_done_callback(running.discard)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await handle(reader, writer)
        writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@asynccontextmanager
async def behind_tls(base_url: str, tls: ssl.SSLContext) -> AsyncIterator[str]:
    """Put TLS in front of a server, and give its base URL there."""
    address, slash, path = base_url.removeprefix("http://").partition("/")

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _connect(address, reader, writer)

    async with listening(relay, tls) as port:
        yield f"https://127.0.0.1:{port}{slash}{path}"


@dataclass
class HttpProxy:
    """An HTTP proxy: it tunnels and forwards, keeps the heads it was sent, and takes only `login` where one is set."""

    login: str = ""
    status: int = 200
    heads: list[str] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        wanted = f"Proxy-Authorization: Basic {base64.b64encode(self.login.encode()).decode()}\r\n"
        status = 407 if self.login and wanted not in head else self.status
        method, target, _ = head.split(" ", 2)
        if status != 200:
            writer.write(f"HTTP/1.1 {status} Refused\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
        elif method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await _connect(target, reader, writer)
        else:
            address, _, path = target.removeprefix("http://").partition("/")
            plain = "".join(line for line in head.splitlines(keepends=True) if not line.startswith("Proxy-"))
            await _connect(address, reader, writer, plain.replace(target, f"/{path}", 1).encode())


async def _connect(
    address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes = b""
) -> None:
    host, _, port = address.rpartition(":")
    onward_reader, onward_writer = await asyncio.open_connection(host, int(port))
    onward_writer.write(first)
    try:
        await asyncio.gather(_pump(reader, onward_writer), _pump(onward_reader, writer))
    finally:
        onward_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    writer.close()
