"""Streamed bodies: listening in on one as it passes, and giving one back piece by piece."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, Self

from runproxy.messages import Piece, Stream


class Heard(Protocol):
    """What hears a stream that has passed whole."""

    async def __call__(self, body: bytes | None, pieces: tuple[Piece, ...]) -> None:
        """Take what has passed, None where it was too long to keep; what this raises breaks the stream off."""
        ...  # pragma: no cover


class Overheard:
    """Passes a stream on, and lets `heard` know of all of it before its end is passed on.

    Where the client is told the `length` of the body in advance, its end is its last piece; else it is the end of the
    stream. A stream that breaks off, or is closed before its end, is not heard. At most `max_bytes` are kept. `now`
    tells seconds.
    """

    def __init__(
        self, stream: Stream, heard: Heard, now: Callable[[], float], *, length: int | None, max_bytes: int
    ) -> None:
        self._stream = stream
        self._heard = heard
        self._now = now
        self._length = length
        self._max_bytes = max_bytes
        self._kept = bytearray()
        self._pieces: list[Piece] = []
        self._passed = 0
        self._last = now()
        self._is_told = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await anext(self._stream)
        except StopAsyncIteration:
            await self._tell()
            raise
        self._note(piece)
        if self._passed == self._length:
            await self._tell()
        return piece

    async def aclose(self) -> None:
        """Close the stream that passes."""
        await self._stream.aclose()

    def _note(self, piece: bytes) -> None:
        now = self._now()
        self._passed += len(piece)
        if self._passed <= self._max_bytes:
            self._kept += piece
            self._pieces.append(Piece(len(piece), round((now - self._last) * 1000)))
        self._last = now

    async def _tell(self) -> None:
        if self._is_told:
            return
        self._is_told = True
        is_whole = self._passed <= self._max_bytes
        await self._heard(bytes(self._kept) if is_whole else None, tuple(self._pieces))


class Playback:
    """Gives a recorded body back piece by piece, each after its time; `sleep` waits for seconds."""

    def __init__(self, body: bytes, pieces: Iterable[Piece], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._body = body
        self._pieces = iter(pieces)
        self._sleep = sleep
        self._start = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece = next(self._pieces, None)
        if piece is None:
            raise StopAsyncIteration
        await self._sleep(piece.after_ms / 1000)
        start, self._start = self._start, self._start + piece.length
        return self._body[start : self._start]

    async def aclose(self) -> None:
        """Do nothing: all of it is here."""
