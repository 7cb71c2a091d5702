"""A listening socket with an aiohttp server behind it.

`low_level` serves an `Edge` without a router, for the calls that must be fast; `routed` serves an application. Both
are made inside a running event loop.
"""

import asyncio
import socket
import ssl
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from runproxy.server.edge import Edge
from runproxy.server.places import Place
from runproxy.server.protocol import Server

_BACKLOG: Final = 1024  # connections that the system holds until they are accepted; it may allow for fewer
_MAX_HANDSHAKE_S: Final = 10.0
_MAX_GOODBYE_S: Final = 2.0


class Listener:
    """Serves a handler or an application at one place; use it as an async context manager.

    Leaving it stops accepting, lets calls in flight end within the runner's shutdown timeout, and closes. With `tls`,
    a handshake may take `handshake_s` seconds.
    """

    def __init__(
        self, runner: web.BaseRunner, place: Place, tls: ssl.SSLContext | None = None, handshake_s: float = 10.0
    ) -> None:
        self._runner = runner
        self._place = place
        self._tls = tls
        self._handshake_s = handshake_s
        self._sockets: list[socket.socket] = []

    @property
    def url(self) -> str:
        """The origin that clients connect to."""
        return self._place.url(self._sockets, "https" if self._tls else "http")

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        try:
            self._sockets = self._place.bind()
            for bound in self._sockets:
                await _Site(self._runner, bound, self._tls, self._handshake_s).start()
        except BaseException:
            await self._runner.cleanup()
            self._place.leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        self._place.leave()


class _Site(web.BaseSite):
    """A bound socket that a runner serves; aiohttp's own has no limit for a handshake but a minute."""

    __slots__ = ("_handshake_s", "_socket")

    def __init__(
        self, runner: web.BaseRunner, bound: socket.socket, tls: ssl.SSLContext | None, handshake_s: float
    ) -> None:
        super().__init__(runner, ssl_context=tls, backlog=_BACKLOG)
        self._socket = bound
        self._handshake_s = handshake_s

    @property
    def name(self) -> str:
        """Name the socket in aiohttp's own messages."""
        return str(self._socket.getsockname())

    async def start(self) -> None:
        """Listen."""
        await super().start()
        limits: dict[str, Any] = {}
        if self._ssl_context is not None:
            limits = {"ssl_handshake_timeout": self._handshake_s, "ssl_shutdown_timeout": _MAX_GOODBYE_S}
        self._server = await asyncio.get_running_loop().create_server(
            self._runner.server,  # type: ignore[arg-type]  # a runner that is set up has one
            sock=self._socket,
            ssl=self._ssl_context,
            backlog=_BACKLOG,
            **limits,
        )


def low_level(
    edge: Edge,
    place: Place,
    *,
    drain_s: float,
    idle_s: float,
    max_connections: int = 1000,
    tls: ssl.SSLContext | None = None,
) -> Listener:
    """Listen for an edge: bodies are not decompressed, nothing is logged by aiohttp.

    A connection on which no head of a request has come to its end for `idle_s` seconds is closed. Beyond
    `max_connections` at a time they are answered with 503.
    """
    # What aiohttp calls keep-alive starts with the connection and runs on while a head trickles in.
    server = Server(
        edge,
        max_connections=max_connections,
        access_log=None,
        auto_decompress=False,
        keepalive_timeout=idle_s,
        lingering_time=1.0,
    )
    runner = web.ServerRunner(server, shutdown_timeout=drain_s)
    return Listener(runner, place, tls, min(idle_s, _MAX_HANDSHAKE_S))


def routed(app: web.Application, place: Place, drain_s: float) -> Listener:
    """Listen for an application."""
    return Listener(web.AppRunner(app, access_log=None, shutdown_timeout=drain_s), place)
