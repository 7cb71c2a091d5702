"""A listening socket with an aiohttp server behind it.

`low_level` serves an `Edge` without a router, for the calls that must be fast; `routed` serves an application. Both
are made inside a running event loop.
"""

import errno
from types import MappingProxyType, TracebackType
from typing import Final, Self

from aiohttp import web

from runproxy.errors import ConfigError
from runproxy.server.edge import Edge
from runproxy.server.protocol import Server

_REACHABLE: Final = MappingProxyType({"0.0.0.0": "127.0.0.1", "::": "::1"})  # noqa: S104 - shown, not bound to
"""Where a client on this machine finds a server that listens on all addresses."""


class Listener:
    """Serves a handler or an application on one address; use it as an async context manager.

    Leaving it stops accepting, lets calls in flight end within the runner's shutdown timeout, and closes. `port_flag`
    is how a person chooses another port.
    """

    def __init__(self, runner: web.BaseRunner, host: str, port: int, port_flag: str) -> None:
        self._runner = runner
        self._host = host
        self._port = port
        self._port_flag = port_flag
        self._site: web.TCPSite | None = None

    @property
    def url(self) -> str:
        """The origin that clients connect to, with the port that was really taken."""
        reachable = _REACHABLE.get(self._host, self._host)
        host = f"[{reachable}]" if ":" in reachable else reachable
        return f"http://{host}:{self._site.port if self._site else self._port}"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await self._site.start()
        except (OSError, UnicodeError) as error:
            await self._runner.cleanup()
            raise ConfigError(f"Cannot listen on {self._host}:{self._port}: {self._reason(error)}") from error
        return self

    def _reason(self, error: OSError | UnicodeError) -> str:
        if getattr(error, "errno", None) != errno.EADDRINUSE:
            return f"{getattr(error, 'strerror', None) or 'no such address'}."
        return (
            "the address is in use. Is another runproxy running? "
            f"Choose another port with {self._port_flag} (0 takes any free one)."
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()


def low_level(edge: Edge, host: str, port: int, port_flag: str, *, drain_s: float, idle_s: float) -> Listener:
    """Listen for an edge: bodies are not decompressed, nothing is logged by aiohttp.

    A connection on which no head of a request has come to its end for `idle_s` seconds is closed.
    """
    # What aiohttp calls keep-alive starts with the connection and runs on while a head trickles in.
    server = Server(edge, access_log=None, auto_decompress=False, keepalive_timeout=idle_s, lingering_time=1.0)
    return Listener(web.ServerRunner(server, shutdown_timeout=drain_s), host, port, port_flag)


def routed(app: web.Application, host: str, port: int, port_flag: str, drain_s: float) -> Listener:
    """Listen for an application."""
    return Listener(web.AppRunner(app, access_log=None, shutdown_timeout=drain_s), host, port, port_flag)
