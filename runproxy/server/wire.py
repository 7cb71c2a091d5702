"""Answers onto the wire: head and body as bytes, straight to the transport."""

import asyncio
import socket
import struct
import time
from contextlib import suppress
from email.utils import formatdate
from typing import Final

import structlog
from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from runproxy.errors import BrokenOff, RunproxyError
from runproxy.messages import BODILESS, SAFE_METHODS, Response, Stream
from runproxy.streams import hear_out

_log = structlog.get_logger("runproxy.server")
_HIGH_WATER_BYTES: Final = 64 * 1024  # above this, wait for the client to read before the next answer
_LOOK_S: Final = 0.1


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
    request where the answer brings none.
    """

    def __init__(self, response: Response, dates: "DateHeader", request_id: str, *, close: bool = False) -> None:
        super().__init__(status=response.status)
        self._response = response
        self._dates = dates
        self._request_id = request_id
        self._closes = close
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
        """Write the whole answer."""
        if self._response.stream is not None and not self._is_sent:
            self._is_sent = True
            await self._pass_on(request, self._response.stream)
            return request.writer
        if self._is_sent or request.transport is None:
            return None
        self._is_sent = True
        self._stays_open = request.keep_alive and not self._closes
        response = self._response
        is_head = request.method == "HEAD"
        has_body = not (is_head or response.status in BODILESS)
        length = b"" if is_head and not response.body else response.wire_length  # of what GET would give, if known
        parts = (response.wire_head, length, self._own_lines(request), response.body if has_body else b"")
        request.transport.write(b"".join(parts))
        if request.transport.get_write_buffer_size() > _HIGH_WATER_BYTES:
            await request.writer.drain()
        return request.writer

    async def _pass_on(self, request: web.BaseRequest, stream: Stream) -> None:
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
        except RunproxyError as error:
            _log.warning("answer broken off", code=error.code, reason=error.message)
            self._stays_open = False
            if request.transport is not None and not (is_chunked or has_length):
                _reset(request.transport)  # an orderly end would make this part look whole
        except ConnectionError:
            self._stays_open = False
            if request.method not in SAFE_METHODS:
                await hear_out(stream)
        finally:
            await stream.aclose()

    async def _write_pieces(self, request: web.BaseRequest, stream: Stream, is_chunked: bool) -> None:
        if self._response.has_head:
            self._write(request, self._head_of_stream(request, is_chunked))
            if request.method == "HEAD":
                return
        async for piece in stream:
            self._write(request, b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
            if request.transport is not None and request.transport.get_write_buffer_size() > _HIGH_WATER_BYTES:
                await request.writer.drain()
        self._write(request, b"0\r\n\r\n" if is_chunked else b"")

    def _head_of_stream(self, request: web.BaseRequest, is_chunked: bool) -> bytes:
        coding = b"Transfer-Encoding: chunked\r\n" if is_chunked else b""
        return b"".join((self._response.wire_head, coding, self._own_lines(request)))

    def _write(self, request: web.BaseRequest, data: bytes) -> None:
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError("the client has gone")
        request.transport.write(data)

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


def _reset(transport: asyncio.Transport) -> None:
    """Close a connection with a reset, which tells the client that something went wrong."""
    held = transport.get_extra_info("socket")
    if held is not None:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


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
        _reset(transport)
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
