"""aiohttp's HTTP/1.1 protocol, with errors told as runproxy tells them: in the service's shape, with no traceback."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web

from runproxy.errors import Refusal, RunproxyError
from runproxy.messages import Response
from runproxy.server.wire import DateHeader, WireResponse

_log = structlog.get_logger("runproxy.server")


class Server(web.Server):
    """A low-level server whose connections answer what is no HTTP with `refuse`."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        refuse: Callable[[RunproxyError], Response],
        **choices: Any,
    ) -> None:
        super().__init__(handler, **choices)
        self._refuse = refuse
        self._choices = choices

    def __call__(self) -> web.RequestHandler:
        """Make the protocol of one connection."""
        return Protocol(self, self._refuse, **self._choices)


class Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ("_refuse",)

    def __init__(self, server: Server, refuse: Callable[[RunproxyError], Response], **choices: Any) -> None:
        super().__init__(server, loop=server._loop, **choices)  # noqa: SLF001 - as aiohttp's own server makes it
        self._refuse = refuse

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
        return WireResponse(self._refuse(error), DateHeader(), close=True)
