"""Bodies that must be known as a whole, because somebody judges them."""

import asyncio
from dataclasses import dataclass, replace

from runproxy.errors import BodyTooLarge, BodyTooSlow
from runproxy.messages import Request, Stream


@dataclass(frozen=True, slots=True)
class BodyReader:
    """Reads bodies of at most `max_bytes`, which must arrive within `within_s` seconds."""

    max_bytes: int
    within_s: float

    def has_read(self, request: Request) -> bool:
        """Tell whether there is nothing left to read of a body, or to say against its length."""
        return request.stream is None and len(request.body) <= self.max_bytes

    async def whole(self, request: Request) -> Request:
        """Give a request with its whole body; raises `BodyTooLarge`, `BodyTooSlow` and what its stream raises."""
        if max(len(request.body), request.content_length or 0) > self.max_bytes:
            raise BodyTooLarge(self.max_bytes)
        if request.stream is None:
            return request
        try:
            async with asyncio.timeout(self.within_s):
                return replace(request, body=await self._read(request.stream), stream=None)
        except TimeoutError as error:
            raise BodyTooSlow(self.within_s) from error

    async def _read(self, stream: Stream) -> bytes:
        parts = bytearray()
        async for piece in stream:
            parts += piece
            if len(parts) > self.max_bytes:
                raise BodyTooLarge(self.max_bytes)
        return bytes(parts)
