"""Replayed answers at the pace at which they were recorded, or at another one."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from runproxy.messages import Backend, Piece, Request, Response
from runproxy.streams import Playback

_TIMING: Final = re.compile(r"none|recorded|scaled:(?P<factor>\d+(?:\.\d+)?)|fixed:(?P<fixed>\d+)ms")


@dataclass(frozen=True, slots=True)
class Timing:
    """How long to wait before an answer and between the pieces of a stream: a time, or a share of that recorded."""

    factor: float = 0.0
    fixed_ms: int = 0

    @classmethod
    def parse(cls, text: str) -> "Timing | None":
        """Read `none`, `recorded`, `scaled:0.1` or `fixed:20ms`; None is no waiting. Raises `ValueError`."""
        found = _TIMING.fullmatch(text)
        if found is None:
            raise ValueError("one of 'none', 'recorded', 'scaled:0.1' and 'fixed:20ms' was expected")
        if text == "none":
            return None
        return cls(float(found["factor"] or 1.0)) if found["fixed"] is None else cls(0.0, int(found["fixed"]))

    def of(self, recorded_ms: int) -> int:
        """Say how long to wait where it took so long when it was recorded, both in milliseconds."""
        return round(recorded_ms * self.factor) + self.fixed_ms


def checked_timing(text: str) -> str:
    """Give back a timing that can be parsed; raises `ValueError`."""
    Timing.parse(text)
    return text


class Paced:
    """Waits before each replayed answer of `backend`, and gives what was streamed piece by piece."""

    def __init__(
        self, backend: Backend, timing: Timing, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._backend = backend
        self._timing = timing
        self._sleep = sleep

    async def send(self, request: Request) -> Response:
        """Answer as the backend does; raises what it raises."""
        answer = await self._backend.send(request)
        if answer.source is None:
            return answer
        await self._sleep(self._timing.of(answer.source.elapsed_ms) / 1000)
        if not answer.pieces:
            return answer
        pieces = [Piece(piece.length, self._timing.of(piece.after_ms)) for piece in answer.pieces]
        return replace(answer, body=b"", pieces=(), stream=Playback(answer.body, pieces, self._sleep))
