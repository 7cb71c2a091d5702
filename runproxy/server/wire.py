"""Answers onto the wire: head and body as bytes, straight to the transport."""

import asyncio
import time
from contextlib import suppress
from email.utils import formatdate
from typing import Final

import structlog
from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from runproxy.errors import BrokenOff, RunproxyError
from runproxy.messages import BODILESS, SAFE_METHODS, Delivery, Response, Stream
from runproxy.server import outlet
from runproxy.streams import hear_out

_log = structlog.get_logger("runproxy.server")
_JOINED_BYTES: Final = 64 * 1024  # a longer body is not copied to be written with its head
_LOOK_S: Final = 0.1
_LOOKS: Final = 3


class Connection(web.RequestHandler):
    """What is known of a connection beyond what aiohttp tells."""

    __slots__ = ()

    @property
    def has_ended(self) -> bool:
        """Tell whether the client has closed its side: it may have gone, or be waiting for its answer."""
        raise NotImplementedError


class WireResponse(web.StreamResponse):
    """Sends a `Response` as it is: aiohttp adds no header, renders no head, and copies no body.

    An answer that is given again and again has its head rendered once; only the date is put in, and the id of the
    request where the answer brings none. A client that takes nothing of it for `send_s` seconds is let go.
    """

    def __init__(
        self,
        response: Response,
        dates: "DateHeader",
        request_id: str,
        *,
        close: bool = False,
        send_s: float = 30.0,
    ) -> None:
        super().__init__(status=response.status)
        self._response = response
        self._dates = dates
        self._request_id = request_id
        self._closes = close
        self._send_s = send_s
        self._is_sent = False
        self._stays_open = False

    @property
    def keep_alive(self) -> bool:
        """Tell whether the connection takes another request after this answer."""
        return self._stays_open

    @property
    def prepared(self) -> bool:
        """Tell whether the answer is on its way."""
        return self._is_sent

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write the whole answer, if that is not done yet."""
        if not self._is_sent:
            await self.deliver(request)
        return request.writer

    async def deliver(self, request: web.BaseRequest) -> Delivery:
        """Write the whole answer, and tell what became of it on its way."""
        self._is_sent = True
        if self._response.stream is not None:
            return await self._pass_on(request, self._response.stream)
        try:
            await self._write_whole(request)
        except ConnectionError as error:
            return self._undelivered(request, error)
        return await self._seen_off(request) if _has_ended(request) else Delivery.COMPLETE

    def end(self) -> None:
        """Let the connection end with this answer, whatever its head may have said."""
        self._stays_open = False

    async def _write_whole(self, request: web.BaseRequest) -> None:
        self._stays_open = request.keep_alive and not self._closes
        response = self._response
        is_head = request.method == "HEAD"
        body = b"" if is_head or response.status in BODILESS else response.body
        length = b"" if is_head and not response.body else response.wire_length  # of what GET would give, if known
        head = (response.wire_head, length, self._own_lines(request))
        is_long = len(body) > _JOINED_BYTES
        if outlet.put(request, b"".join(head if is_long else (*head, body))):
            await outlet.until_taken(request, self._send_s)
        if is_long:
            await outlet.write(request, body, self._send_s)

    def _undelivered(self, request: web.BaseRequest, error: ConnectionError) -> Delivery:
        self._stays_open = False
        if not isinstance(error, outlet.ClientStalled):
            return Delivery.CLIENT_GONE
        outlet.reset(request.transport)
        return Delivery.CLIENT_STALLED

    async def _pass_on(self, request: web.BaseRequest, stream: Stream) -> Delivery:
        """Write an answer piece by piece as it comes; where it breaks off, so does the connection.

        A client that reads slowly makes the stream wait. Where one has gone, what may have changed something is heard
        to its end all the same, and the rest is ended.
        """
        has_length = "Content-Length" in self._response.headers
        is_chunked = not has_length and request.version >= HttpVersion11
        self._stays_open = request.keep_alive and not self._closes and (is_chunked or has_length)
        try:
            await self._write_pieces(request, stream, is_chunked)
        except BrokenOff as broken:
            self._stays_open = False
            if request.transport is not None:
                would_look_whole = self._response.has_head and not (is_chunked or has_length)
                await _break_off(request, request.transport, broken, resets=broken.resets or would_look_whole)
            return Delivery.BROKEN_OFF
        except RunproxyError as error:
            _log.warning("answer broken off", id=self._request_id, code=error.code, reason=error.message)
            self._end_visibly(request, shows=is_chunked or has_length)
            return Delivery.BROKEN_OFF
        except ConnectionError as error:
            delivery = self._undelivered(request, error)
            if request.method not in SAFE_METHODS:
                await hear_out(stream)
            return delivery
        except asyncio.CancelledError:  # runproxy stops, and can wait no longer
            self._end_visibly(request, shows=is_chunked or has_length)
            raise
        finally:
            await stream.aclose()
        return await self._seen_off(request) if _has_ended(request) else Delivery.COMPLETE

    async def _seen_off(self, request: web.BaseRequest) -> Delivery:
        """Tell whether a client that has closed its side was there still for an answer that is out.

        It may have been waiting for it. If it has gone, its system answers with a reset.
        """
        for _ in range(_LOOKS):
            if outlet.is_reset(request):
                return self._undelivered(request, ConnectionResetError())
            await asyncio.sleep(_LOOK_S)
        return Delivery.COMPLETE

    def _end_visibly(self, request: web.BaseRequest, *, shows: bool) -> None:
        """Close so that the client sees that this is no end; it `shows` where a length or a last chunk is missing."""
        self._stays_open = False
        if not shows:
            outlet.reset(request.transport)

    async def _write_pieces(self, request: web.BaseRequest, stream: Stream, is_chunked: bool) -> None:
        if self._response.has_head:
            await self._write(request, self._head_of_stream(request, is_chunked))
            if request.method == "HEAD":
                return
        async for piece in stream:
            await self._write(request, b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
        await self._write(request, b"0\r\n\r\n" if is_chunked else b"")

    def _head_of_stream(self, request: web.BaseRequest, is_chunked: bool) -> bytes:
        coding = b"Transfer-Encoding: chunked\r\n" if is_chunked else b""
        return b"".join((self._response.wire_head, coding, self._own_lines(request)))

    async def _write(self, request: web.BaseRequest, data: bytes) -> None:
        if _has_ended(request) and outlet.is_reset(request):
            raise ConnectionResetError("the client has gone")
        await outlet.write(request, data, self._send_s)

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: the answer was written whole."""

    def _own_lines(self, request: web.BaseRequest) -> bytes:
        """Give what the answer does not bring itself, and end the head."""
        date = b"" if self._response.has_date else self._dates.line()
        has_id = self._response.has_request_id or not self._request_id
        name = b"" if has_id else b"X-Request-Id: %b\r\n" % self._request_id.encode()
        return b"".join((date, name, self._connection_line(request)))

    def _connection_line(self, request: web.BaseRequest) -> bytes:
        """Say what the HTTP version of the client does not take for granted, and end the head."""
        if not self._stays_open:
            return b"Connection: close\r\n\r\n"
        return b"\r\n" if request.version >= HttpVersion11 else b"Connection: keep-alive\r\n\r\n"


async def _break_off(
    request: web.BaseRequest, transport: asyncio.Transport, broken: BrokenOff, *, resets: bool
) -> None:
    """End a connection in the way that a fault asks for; of silence, until the client goes or says its last word."""
    transport.write(broken.last_words)
    with suppress(TimeoutError):
        async with asyncio.timeout(broken.silence_s):
            while not (transport.is_closing() or _has_ended(request)):  # noqa: ASYNC110 - aiohttp tells in no other way
                await asyncio.sleep(_LOOK_S)
    if resets and not transport.is_closing():
        outlet.reset(transport)
    else:
        transport.close()


def _has_ended(request: web.BaseRequest) -> bool:
    return isinstance(request.protocol, Connection) and request.protocol.has_ended


class DateHeader:
    """The `Date` line (RFC 9110 section 6.6.1), rendered once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._line = b""

    def line(self) -> bytes:
        """Give the line for now."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._line = f"Date: {formatdate(second, usegmt=True)}\r\n".encode()
        return self._line
