"""Streamed bodies: listening in on one as it passes, reading one ahead, and giving one back piece by piece."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, Self

from runproxy.coding import Decoder, Undecodable, not_storable
from runproxy.errors import NotStorable, RunproxyError
from runproxy.messages import Piece, Stream


@dataclass(frozen=True, slots=True)
class Passed:
    """A stream that has passed whole: what it says, in the pieces in which it came; or why that cannot be told."""

    body: bytes = b""
    pieces: tuple[Piece, ...] = ()
    lost: NotStorable | None = None


class Heard(Protocol):
    """What hears a stream that has passed whole."""

    async def __call__(self, passed: Passed) -> None:
        """Take what has passed; what this raises breaks the stream off."""
        ...  # pragma: no cover


class Overheard:
    """Passes a stream on, and lets `heard` know of all of it before its end is passed on.

    Where the client is told the `length` of the body in advance, its end is its last piece; else it is the end of the
    stream. Of one that breaks off, or is closed before its end, `lost` is told. One in a content `coding` is passed on
    as it is, and heard as it reads. At most `max_bytes` are kept. `now` tells seconds.
    """

    def __init__(
        self,
        stream: Stream,
        heard: Heard,
        now: Callable[[], float],
        *,
        length: int | None,
        max_bytes: int,
        coding: str = "",
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._stream = stream
        self._heard = heard
        self._now = now
        self._length = length
        self._lost = lost
        self._passed = 0
        self._last = now()
        self._is_told = False
        self._ear = _Ear(coding, max_bytes)

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
        if not self._is_told:
            self._is_told = True
            self._lost()
        await self._stream.aclose()

    def _note(self, piece: bytes) -> None:
        self._passed += len(piece)
        now = self._now()
        if self._ear.listen(piece, round((now - self._last) * 1000)):
            self._last = now

    async def _tell(self) -> None:
        if not self._is_told:
            self._is_told = True
            await self._heard(self._ear.told())


class _Ear:
    """Keeps what a stream says, for as long as it can be understood and is not too long."""

    def __init__(self, coding: str, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._body = bytearray()
        self._pieces: list[Piece] = []
        self._decoder: Decoder | None = None
        self._lost: NotStorable | None = None
        try:
            self._decoder = Decoder(coding, max_bytes)
        except Undecodable as error:
            self._lose(error)

    def listen(self, piece: bytes, after_ms: int) -> bool:
        """Take in a piece; tells whether anything could be read with it that could not before."""
        if self._decoder is None:
            return False
        try:
            plain = self._decoder.feed(piece)
        except Undecodable as error:
            self._lose(error)
            return False
        if plain:
            self._body += plain
            self._pieces.append(Piece(len(plain), after_ms))
        return bool(plain)

    def told(self) -> Passed:
        """Say what was heard, at the end."""
        if self._decoder is not None:
            try:
                self._decoder.finish()
            except Undecodable as error:
                self._lose(error)
        return Passed(bytes(self._body), tuple(self._pieces), self._lost)

    def _lose(self, error: Undecodable) -> None:
        self._lost = not_storable(error, "the body of the response", self._max_bytes)
        self._decoder = None
        self._body.clear()
        self._pieces.clear()


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


class Altered:
    """The base of a stream that gives something else than its `source`, or at another time."""

    def __init__(self, source: Stream) -> None:
        self.source = source

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self.source)

    async def aclose(self) -> None:
        """Close the source."""
        await self.source.aclose()


async def hear_out(stream: Stream) -> None:
    """Take a stream to its end, for whoever listens in on it; where it breaks off, there is nobody to tell."""
    while isinstance(stream, Altered):  # nobody is left for whom it is altered, or should be slow
        stream = stream.source
    with suppress(RunproxyError):
        async for _ in stream:
            pass


class ReadAhead:
    """Takes a stream in as it comes, and gives its pieces when they are asked for.

    Whoever reads slowly so does not slow down what listens in on the source. When `max_bytes` or more wait to be
    given, the source waits, too. Made inside a running event loop.
    """

    def __init__(self, source: Stream, max_bytes: int) -> None:
        self._source = source
        self._max_bytes = max_bytes
        self._taken: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self._waiting_bytes = 0
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._reading = asyncio.create_task(self._read())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        taken = await self._taken.get()
        if isinstance(taken, Exception):
            self._taken.put_nowait(taken)  # whoever asks again is told again
            raise taken
        self._count(-len(taken))
        return taken

    async def aclose(self) -> None:
        """Read no more, and close the source."""
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        await self._source.aclose()

    async def _read(self) -> None:
        end: Exception = StopAsyncIteration()
        try:
            async for piece in self._source:
                self._count(len(piece))
                self._taken.put_nowait(piece)
                await self._has_room.wait()
        except Exception as error:  # noqa: BLE001 - raised where its turn comes
            end = error
        self._taken.put_nowait(end)

    def _count(self, change_bytes: int) -> None:
        self._waiting_bytes += change_bytes
        if self._waiting_bytes < self._max_bytes:
            self._has_room.set()
        else:
            self._has_room.clear()
