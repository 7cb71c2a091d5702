"""Truncate: the body ends before its declared end."""

from dataclasses import dataclass

from runproxy.backends.faults.cut import cut
from runproxy.backends.faults.fault import Send
from runproxy.errors import BrokenOff
from runproxy.messages import Request, Response


@dataclass(frozen=True, slots=True)
class Truncate:
    """Gives the first `after_bytes` of an answer, by default half of it, and closes the connection in good order."""

    after_bytes: int | None = None

    async def strike(self, request: Request, send: Send, _: float) -> Response:
        """Make the call, and give the first part of its answer; raises what `send` raises."""
        return cut(request, await send(request), BrokenOff, self.after_bytes)
