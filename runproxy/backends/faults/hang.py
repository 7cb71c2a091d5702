"""Hang: nothing comes, or nothing more."""

from dataclasses import dataclass
from functools import partial

from runproxy.backends.faults.cut import break_off
from runproxy.backends.faults.fault import At, Send
from runproxy.errors import BrokenOff
from runproxy.messages import Request, Response


@dataclass(frozen=True, slots=True)
class Hang:
    """Says nothing until the client goes, or for `hang_s` seconds; in the body after `after_bytes`, by default half."""

    hang_s: float
    at: At = "request"
    after_bytes: int | None = None

    async def strike(self, request: Request, send: Send, _: float) -> Response:
        """Answer with silence; raises what `send` raises."""
        return await break_off(request, send, partial(BrokenOff, silence_s=self.hang_s), self.at, self.after_bytes)
