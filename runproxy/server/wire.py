"""Answers onto the wire: head and body as bytes, straight to the transport."""

import time
from email.utils import formatdate
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from runproxy.messages import BODILESS, Response

_HIGH_WATER_BYTES: Final = 64 * 1024  # above this, wait for the client to read before the next answer


class WireResponse(web.StreamResponse):
    """Sends a `Response` as it is: aiohttp adds no header, renders no head, and copies no body.

    An answer that is given again and again has its head rendered once; only the date is put in.
    """

    def __init__(self, response: Response, dates: "DateHeader", *, close: bool = False) -> None:
        super().__init__(status=response.status)
        self._response = response
        self._dates = dates
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
        if self._is_sent or request.transport is None:
            return None
        self._is_sent = True
        self._stays_open = request.keep_alive and not self._closes
        response = self._response
        is_head = request.method == "HEAD"
        has_body = not (is_head or response.status in BODILESS)
        length = b"" if is_head and not response.body else response.wire_length  # of what GET would give, if known
        date = b"" if response.has_date else self._dates.line()
        end = self._connection_line(request)
        parts = (response.wire_head, length, date, end, response.body if has_body else b"")
        request.transport.write(b"".join(parts))
        if request.transport.get_write_buffer_size() > _HIGH_WATER_BYTES:
            await request.writer.drain()
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: the answer was written whole."""

    def _connection_line(self, request: web.BaseRequest) -> bytes:
        """Say what the HTTP version of the client does not take for granted, and end the head."""
        if not self._stays_open:
            return b"Connection: close\r\n\r\n"
        return b"\r\n" if request.version >= HttpVersion11 else b"Connection: keep-alive\r\n\r\n"


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
