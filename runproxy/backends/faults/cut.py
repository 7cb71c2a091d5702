"""Answers that break off: before their head, or inside their body."""

from collections.abc import Callable
from typing import Final, TypeAlias

from runproxy.backends.faults.fault import At, Send, as_fault, has_body, length_of, lose, stream_of, streamed
from runproxy.errors import BrokenOff
from runproxy.messages import Request, Response, Stream, make_headers
from runproxy.streams import Altered, hear_out

Ending: TypeAlias = Callable[[], BrokenOff]
"""Makes what a stream breaks off with, and so says how the connection ends."""

NO_ANSWER: Final = 444
"""The status, in logs and counts, of a call that is not answered at all; the number is that of nginx."""


async def break_off(request: Request, send: Send, ending: Ending, at: At, after_bytes: int | None) -> Response:
    """Break off a call at a place: the connection ends there as `ending` says; raises what `send` raises."""
    if at == "body":
        return cut(request, await send(request), ending, after_bytes)
    if at == "answer":
        await lose(await send(request))
    return as_fault(Response(NO_ANSWER, make_headers(), stream=_Nothing(ending), has_head=False))


def cut(request: Request, response: Response, ending: Ending, after_bytes: int | None) -> Response:
    """Break off a body after so many bytes, by default half of it, and before its last one in any case.

    Its length stays declared, so that a client can tell. What has no body passes.
    """
    if not has_body(request, response):
        return response
    length = length_of(response)
    if length is not None:
        after_bytes = min(length // 2 if after_bytes is None else after_bytes, length - 1)
    return as_fault(streamed(response, Cut(stream_of(response), ending, after_bytes), length))


class _Nothing:
    """A stream of nothing, that breaks off at once."""

    def __init__(self, ending: Ending) -> None:
        self._ending = ending

    def __aiter__(self) -> "_Nothing":
        return self

    async def __anext__(self) -> bytes:
        raise self._ending()

    async def aclose(self) -> None:
        """Do nothing: it holds nothing."""


class Cut(Altered):
    """Gives the first bytes of a stream, and then breaks off; what is left is heard out, so that it is recorded.

    Where `after_bytes` is None, half of the first piece is given. It breaks off, too, where the source ends before.
    """

    def __init__(self, source: Stream, ending: Ending, after_bytes: int | None) -> None:
        super().__init__(source)
        self._left = after_bytes
        self._ending = ending
        self._is_cut = False

    async def __anext__(self) -> bytes:
        piece = b"" if self._left == 0 else await anext(self.source, b"")
        if self._left is None:
            self._left = len(piece) // 2
        given = piece[: self._left]
        self._left -= len(given)
        if given:
            return given
        self._is_cut = True
        broken = self._ending()
        if broken.silence_s:  # the client hears nothing meanwhile, either way
            await hear_out(self.source)
        raise broken

    async def aclose(self) -> None:
        """Hear out the source where it was cut, and close it."""
        if self._is_cut:
            await hear_out(self.source)
        await super().aclose()
