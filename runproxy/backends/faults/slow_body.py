"""Slow body: the answer trickles in."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from runproxy.backends.faults.fault import Send, has_body, length_of, stream_of, streamed
from runproxy.messages import Request, Response, Stream
from runproxy.streams import Altered, ReadAhead

_STEP_S: Final = 0.05
_AHEAD_BYTES: Final = 16 * 1024 * 1024
"""So much of a stream may be here before the client has it; the longest that is recorded is as long by default."""


@dataclass(frozen=True, slots=True)
class SlowBody:
    """Gives the body of an answer at `bytes_per_s`; it is taken in, and recorded, as fast as it comes."""

    bytes_per_s: int
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def strike(self, request: Request, send: Send, _: float) -> Response:
        """Make the call, and give its answer slowly; raises what `send` raises."""
        response = await send(request)
        if not has_body(request, response):
            return response
        body = stream_of(response)
        source = body if response.stream is None else ReadAhead(body, _AHEAD_BYTES)
        return streamed(response, Trickle(source, self.bytes_per_s, self.sleep), length_of(response))


class Trickle(Altered):
    """Gives the pieces of a stream in small ones, each after its time; `sleep` waits for seconds."""

    def __init__(self, source: Stream, bytes_per_s: int, sleep: Callable[[float], Awaitable[None]]) -> None:
        super().__init__(source)
        self._most = math.ceil(bytes_per_s * _STEP_S)
        self._s_per_byte = 1 / bytes_per_s
        self._sleep = sleep
        self._here = memoryview(b"")

    async def __anext__(self) -> bytes:
        if not self._here:
            self._here = memoryview(await anext(self.source))
        piece, self._here = bytes(self._here[: self._most]), self._here[self._most :]
        await self._sleep(len(piece) * self._s_per_byte)
        return piece
