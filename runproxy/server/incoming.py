"""The body of a request off the wire, piece by piece as it comes."""

import asyncio
from typing import Final, Self

from aiohttp import ClientError, HttpVersion11, StreamReader, web

from runproxy.errors import BodyTooSlow, ClientGone, Refusal, RunproxyError

_AHEAD_BYTES: Final = 256 * 1024
_AHEAD_S: Final = 0.1
TROUBLE: Final = (OSError, ClientError, web.RequestPayloadError)
"""What reading a body can end in: the connection is gone, or what came is no HTTP."""


def told(trouble: Exception, content: StreamReader) -> RunproxyError:
    """Say what has become of a body that could not be read."""
    if isinstance(trouble, OSError):
        return ClientGone(content.total_bytes)
    return Refusal("The request body is not framed as HTTP/1.1 demands.", code="invalid_framing")


class Incoming:
    """The body of a request; between two pieces at most `pause_s` seconds may pass.

    What is not asked for is soon not taken from the client either. One that waits to be told to send its body is told
    when the first piece is asked for (RFC 9110 section 10.1.1).
    """

    def __init__(self, received: web.BaseRequest, pause_s: float) -> None:
        self._received = received
        self._content = received.content
        self._pause_s = pause_s
        self._is_awaited = "Expect" in received.headers and received.version == HttpVersion11
        self.begun = b""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece, self.begun = self.begun, b""
        if not piece:
            try:
                async with asyncio.timeout(self._pause_s):
                    piece = await self._read()
            except TimeoutError as error:
                raise BodyTooSlow(self._pause_s, "The next piece of the request body") from error
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Do nothing: the connection is the server's, which ends it where something is left to read."""

    async def read_ahead(self) -> bool:
        """Take what comes soon as `begun`, up to some length, and tell whether that is all there is.

        Trouble is not told here, but to whoever reads on.
        """
        if self._is_awaited or (self._received.content_length or 0) > _AHEAD_BYTES:
            return False
        begun = bytearray()
        try:
            async with asyncio.timeout(_AHEAD_S):
                while len(begun) < _AHEAD_BYTES and (piece := await self._read()):
                    begun += piece
        except TimeoutError:  # it is passed on as it comes
            pass
        except RunproxyError:
            return False
        self.begun = bytes(begun)
        return self._content.at_eof()

    async def _read(self) -> bytes:
        if self._is_awaited:
            self._is_awaited = False
            if self._received.transport is not None:
                self._received.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._received.transport is None and not self._content.is_eof():
            raise ClientGone(self._content.total_bytes)
        try:
            return await self._content.readany()
        except TROUBLE as error:
            raise told(error, self._content) from error
