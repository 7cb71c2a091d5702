"""aiohttp's HTTP/1.1 protocol, held to limits, with errors told in the service's shape, and with an orderly end."""

import asyncio
from contextlib import suppress
from typing import Any, Final, cast

import structlog
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, InvalidURLError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from runproxy.errors import HeadersTooLarge, Refusal, RunproxyError, TargetTooLong
from runproxy.server.edge import Edge
from runproxy.server.wire import Connection

MAX_TARGET_BYTES: Final = 8 * 1024
MAX_HEADER_BYTES: Final = 16 * 1024
"""So long may a header be, with its name. Both are those of common servers, or twice as much."""
MAX_HEADERS: Final = 128

_TOO_MANY: Final = "Too many headers received"  # aiohttp's words; it has no other sign for this
_log = structlog.get_logger("runproxy.server")
_SURPLUS: Final = 256
"""So many connections beyond the limit are told that there are too many; any further one is closed at once."""

_AHEAD: Final = 2  # with one, reading would stop and go on with every request
_FIRST_CALL_S: Final = 0.5
_SURPLUS_HEAD_S: Final = 2.0
_LAST_WORD_S: Final = 1.0


class Server(web.Server):
    """A low-level server whose connections answer what is no HTTP as its edge refuses calls.

    Beyond `max_connections` at a time, connections are answered with 503 and closed.
    """

    def __init__(self, edge: Edge, *, max_connections: int, **choices: Any) -> None:
        super().__init__(edge, **choices)
        self._edge = edge
        self._choices = choices
        self._max_connections = max_connections

    def __call__(self) -> web.RequestHandler:
        """Make the protocol of one connection."""
        return Protocol(self, self._edge, **self._choices)

    @property
    def surplus(self) -> int:
        """How many connections there are beyond the limit, with one that comes now."""
        return len(self._connections) + 1 - self._max_connections

    def pre_shutdown(self) -> None:
        """Close the connections on which there is no call; the others end with the answer to the one there is."""
        self._edge.is_ending = True
        for connection in list(self._connections):
            if isinstance(connection, Protocol):
                connection.end()


class Protocol(Connection):
    """One connection. A client that has sent all it wants to say may close its side, and still gets its answers."""

    __slots__ = ("_answered", "_edge", "_ended", "_is_unreadable", "_last_body", "_server", "_serving")

    def __init__(self, server: Server, edge: Edge, **choices: Any) -> None:
        super().__init__(
            server,
            loop=server._loop,  # noqa: SLF001 - as aiohttp's own server makes it
            max_line_size=MAX_TARGET_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
            **choices,
        )
        # aiohttp takes in 32 requests ahead of their turn, and each of them may have megabytes of headers.
        self._max_msg_queue_size = _AHEAD
        self._msg_queue_resume_size = _AHEAD - 1
        self._server = server
        self._edge = edge
        self._serving: asyncio.Task[None] | None = None
        self._answered = 0
        self._ended = asyncio.Event()
        self._is_unreadable = False
        self._last_body: StreamReader = EMPTY_PAYLOAD

    @property
    def has_ended(self) -> bool:
        """Tell whether the client will send no more."""
        return self._ended.is_set()

    def data_received(self, data: bytes) -> None:
        """Take in what has come, and remember the body of the request that came last."""
        super().data_received(data)
        if self._messages:
            body = self._messages[-1][1]
            if body is EMPTY_PAYLOAD and not self._last_body.is_eof():  # aiohttp only tells the parser's next request
                self._last_body.set_exception(web.RequestPayloadError("no HTTP in the middle of a body"))
                self._last_body.feed_eof()
            self._last_body = body

    def eof_received(self) -> bool:  # type: ignore[override] # aiohttp's gives nothing, which closes the connection
        """Hear that the client will send no more; tells whether the connection is kept for answers."""
        self._ended.set()
        is_waiting = self._answered < self._request_count and self._last_body.is_eof()
        return is_waiting and self.ssl_context is None  # below TLS there is no half of a connection to keep

    def connection_lost(self, exc: BaseException | None) -> None:
        """Hear that the connection is no more."""
        self._ended.set()
        super().connection_lost(exc)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write an answer, and close the connection after the last one of a client that will send no more."""
        finished = await super().finish_response(request, resp, start_time)
        self._answered += 1
        if self._is_unreadable:
            await self._linger()
        elif self._ended.is_set() and self._answered == self._request_count:
            self.close()
        return finished

    async def _linger(self) -> None:
        """Throw away what the client is still sending.

        If the connection were closed with some of it unread, the system would tell the client to forget the answer.
        """
        self.close()
        if self.transport is not None and self.transport.can_write_eof():
            self.transport.write_eof()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._lingering_time):
                    await self._ended.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve the connection, unless there are too many."""
        surplus = self._server.surplus
        writing = cast("asyncio.Transport", transport)  # uvloop's are not of that class, and can all it can
        if surplus > _SURPLUS:
            writing.abort()
            return
        if surplus > 0:
            self._request_handler = self._edge.turn_away
            self._keepalive_timeout = min(self._keepalive_timeout, _SURPLUS_HEAD_S)
        super().connection_made(transport)
        writing.set_write_buffer_limits(high=1, low=0)  # so that being drained means that nothing is left
        self._serving = self._task_handler  # which aiohttp forgets when the client goes, though a call goes on

    def end(self) -> None:
        """Close the connection if there is no call on it; one that has just been opened may bring its first call."""
        if self._request_count == 0:
            self._loop.call_later(_FIRST_CALL_S, self._end_idle)
        else:
            self._end_idle()

    def _end_idle(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self.force_close()

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - aiohttp calls it so
        """Let the call in flight end within `timeout` seconds, break it off after that, and close the connection.

        In aiohttp's own order the connection is closed first, and a call that is broken off has no last word.
        """
        if self._serving is not None and not self._serving.done():
            _, late = await asyncio.wait([self._serving], timeout=timeout)
            if late:
                self._serving.cancel()
                await asyncio.wait([self._serving], timeout=_LAST_WORD_S)
        self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what the parser refused, or what went wrong in runproxy itself, and close the connection."""
        self._is_unreadable = status < 500  # noqa: PLR2004 - aiohttp's word for what the client did wrong
        if self._is_unreadable:
            error: RunproxyError = _refusal_of(exc)
        else:
            _log.error("internal error", exc_info=exc)
            error = RunproxyError("runproxy failed to answer; its log has the reason.", code="internal_error")
        return self._edge.refused(error, request, close=True)


def _refusal_of(error: BaseException | None) -> Refusal:
    """Say what the parser did not take, without repeating any of it."""
    if isinstance(error, LineTooLong) and error.args[1] == MAX_TARGET_BYTES:
        return TargetTooLong(MAX_TARGET_BYTES)
    if isinstance(error, LineTooLong) or (isinstance(error, BadHttpMessage) and error.message == _TOO_MANY):
        return HeadersTooLarge(MAX_HEADER_BYTES, MAX_HEADERS)
    if isinstance(error, InvalidURLError):
        return Refusal(
            "The request target holds something that no address may hold; percent-encode it.", code="invalid_target"
        )
    return Refusal("The request is not valid HTTP/1.1.", code="invalid_http")
