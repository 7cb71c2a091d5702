"""aiohttp's HTTP/1.1 protocol, with errors told as runproxy tells them: in the service's shape, with no traceback."""

from typing import Any

import structlog
from aiohttp import web

from runproxy.errors import Refusal, RunproxyError
from runproxy.server.edge import Edge

_log = structlog.get_logger("runproxy.server")


class Server(web.Server):
    """A low-level server whose connections answer what is no HTTP as its edge refuses calls."""

    def __init__(self, edge: Edge, **choices: Any) -> None:
        super().__init__(edge, **choices)
        self._edge = edge
        self._choices = choices

    def __call__(self) -> web.RequestHandler:
        """Make the protocol of one connection."""
        return Protocol(self, self._edge, **self._choices)


class Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ("_edge",)

    def __init__(self, server: Server, edge: Edge, **choices: Any) -> None:
        super().__init__(server, loop=server._loop, **choices)  # noqa: SLF001 - as aiohttp's own server makes it
        self._edge = edge

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what the parser refused, or what went wrong in runproxy itself, and close the connection."""
        if status < 500:  # noqa: PLR2004 - aiohttp's word for what the client did wrong
            error: RunproxyError = Refusal("The request is not valid HTTP/1.1.", code="invalid_http")
        else:
            _log.error("internal error", exc_info=exc)
            error = RunproxyError("runproxy failed to answer; its log has the reason.", code="internal_error")
        return self._edge.refused(error, request, close=True)
