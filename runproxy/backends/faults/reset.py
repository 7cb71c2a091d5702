"""Reset: the connection is reset by the peer."""

from dataclasses import dataclass
from functools import partial

from runproxy.backends.faults.cut import break_off
from runproxy.backends.faults.fault import At, Send
from runproxy.errors import BrokenOff
from runproxy.messages import Request, Response


@dataclass(frozen=True, slots=True)
class Reset:
    """Resets the connection, in the body after `after_bytes`, by default half of it."""

    at: At = "request"
    after_bytes: int | None = None

    async def strike(self, request: Request, send: Send, _: float) -> Response:
        """Answer with a reset; raises what `send` raises."""
        return await break_off(request, send, partial(BrokenOff, resets=True), self.at, self.after_bytes)
