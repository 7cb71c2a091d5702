"""Latency: the call waits."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from runproxy.backends.faults.fault import Send
from runproxy.messages import Request, Response


@dataclass(frozen=True, slots=True)
class Latency:
    """Waits before a call is made: `latency_ms`, and as chance will have it up to `jitter_ms` less or more."""

    latency_ms: int
    jitter_ms: int = 0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def strike(self, request: Request, send: Send, chance: float) -> Response:
        """Make the call when the time has passed; raises what `send` raises."""
        await self.sleep((self.latency_ms + self.jitter_ms * (2 * chance - 1)) / 1000)
        return await send(request)
