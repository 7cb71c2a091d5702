"""Streamed bodies: what is heard of one that passes, and what is given back of one that was recorded."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runproxy.coding import CODINGS, Encoder, encoded
from runproxy.errors import OpaqueBody, TooLongToRecord, UpstreamError
from runproxy.messages import Piece, cut_anew
from runproxy.streams import Altered, Overheard, Passed, Playback, ReadAhead, hear_out


class Given:
    """A stream of given pieces, that breaks off in the end if told so."""

    def __init__(self, *pieces: bytes, breaks: bool = False) -> None:
        self._pieces = list(pieces)
        self._breaks = breaks
        self.is_closed = False

    def __aiter__(self) -> "Given":
        return self

    async def __anext__(self) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        if self._breaks:
            raise UpstreamError("broken off", code="upstream_disconnected")
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Remember it."""
        self.is_closed = True


class Ear:
    """Takes down what it hears, and in what order with what the client gets."""

    def __init__(self) -> None:
        self.heard: list[Passed] = []

    async def __call__(self, passed: Passed) -> None:
        """Hear a stream that has passed whole."""
        self.heard.append(passed)


def ticking(step_s: float = 0.01) -> Callable[[], float]:
    """Give a clock that moves on by each look at it."""
    now = 0.0

    def look() -> float:
        nonlocal now
        now += step_s
        return now

    return look


def overheard(stream: Given, ear: Ear, length: int | None = None, max_bytes: int = 100, coding: str = "") -> Overheard:
    """Listen in on a stream."""
    return Overheard(stream, ear, ticking(), length=length, max_bytes=max_bytes, coding=coding)


async def test_all_is_passed_and_heard_with_times() -> None:
    """Each piece with the time after the one before it."""
    ear = Ear()
    passed = [piece async for piece in overheard(Given(b"ab", b"c"), ear)]
    assert passed == [b"ab", b"c"]
    assert ear.heard == [Passed(b"abc", (Piece(2, 10), Piece(1, 10)))]


async def test_it_is_heard_before_the_client_knows_the_end() -> None:
    """Where the length is told in advance, that is before the last piece; else before the end of the stream."""
    ear = Ear()
    told = overheard(Given(b"ab", b"c"), ear, length=3)
    assert (await anext(told), ear.heard) == (b"ab", [])
    assert (await anext(told), len(ear.heard)) == (b"c", 1)
    untold = overheard(Given(b"ab", b"c"), ear)
    assert [await anext(untold), await anext(untold), len(ear.heard)] == [b"ab", b"c", 1]
    with pytest.raises(StopAsyncIteration):
        await anext(untold)
    assert len(ear.heard) == 2


async def test_what_breaks_off_or_is_closed_is_not_heard() -> None:
    """A part must not be taken for the whole."""
    ear = Ear()
    with pytest.raises(UpstreamError):
        _ = [piece async for piece in overheard(Given(b"ab", breaks=True), ear, length=3)]
    stream = Given(b"ab", b"c")
    closed = overheard(stream, ear)
    await anext(closed)
    await closed.aclose()
    assert (ear.heard, stream.is_closed) == ([], True)


async def test_what_is_too_long_is_heard_of_without_its_body() -> None:
    """It passes all the same, and memory is bounded."""
    ear = Ear()
    passed = [piece async for piece in overheard(Given(b"ab", b"cd"), ear, max_bytes=3)]
    assert passed == [b"ab", b"cd"]
    assert (ear.heard[0].body, ear.heard[0].pieces) == (b"", ())
    assert isinstance(ear.heard[0].lost, TooLongToRecord)


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_compressed_stream_passes_as_it_is_and_is_heard_as_it_reads(coding: str) -> None:
    """Each piece is heard when it can be read, with the time since the last that could; the end brings nothing."""
    encoder, ear = Encoder(coding), Ear()
    first, second, end = encoder.feed(b"ab"), encoder.feed(b"c"), encoder.finish()
    sent = [first[:2], first[2:], second, end]
    assert [piece async for piece in overheard(Given(*sent), ear, coding=coding)] == sent
    assert ear.heard == [Passed(b"abc", (Piece(2, 20), Piece(1, 10)))]


@pytest.mark.parametrize(
    ("sent", "coding", "lost"),
    [
        pytest.param(b"{}", "gzip", OpaqueBody, id="not what it says"),
        pytest.param(encoded(b"{}", "br")[:-1], "br", OpaqueBody, id="cut off"),
        pytest.param(b"{}", "gzip, br", OpaqueBody, id="two codings"),
        pytest.param(encoded(bytes(1000), "zstd"), "zstd", TooLongToRecord, id="a bomb"),
    ],
)
async def test_a_compressed_stream_that_cannot_be_read_passes_all_the_same(
    sent: bytes, coding: str, lost: type[Exception]
) -> None:
    """It is heard of, with the reason."""
    ear = Ear()
    assert [piece async for piece in overheard(Given(sent, b"more"), ear, coding=coding)] == [sent, b"more"]
    assert (ear.heard[0].body, type(ear.heard[0].lost)) == (b"", lost)


async def test_a_recorded_body_comes_piece_by_piece() -> None:
    """Each after its time."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    played = [piece async for piece in Playback(b"abc", [Piece(2, 20), Piece(1, 5)], sleep)]
    assert (played, waited) == ([b"ab", b"c"], [0.02, 0.005])


EVENTS = st.lists(st.lists(st.text("ab: ", max_size=4), min_size=1, max_size=3), max_size=4)


@given(EVENTS, st.data())
def test_pieces_of_whole_lines_stay_the_same_lines(events: list[list[str]], data: st.DataObject) -> None:
    """Whatever was put in the place of what stood in a line."""
    texts = ["".join(f"{line}\n" for line in event).encode() for event in events]
    pieces = tuple(Piece(len(text), 1) for text in texts)
    changed = data.draw(st.sampled_from([b"[redacted]", b"", b"b"]))
    after = [text.replace(b"a", changed) for text in texts]
    cut = cut_anew(b"".join(texts), pieces, b"".join(after))
    assert [piece.length for piece in cut] == [len(text) for text in after]


@pytest.mark.parametrize(
    ("before", "lengths", "after", "expected"),
    [
        pytest.param(b"a\nb\n", (1, 3), b"aa\nb\n", (5,), id="a piece that ends within a line"),
        pytest.param(b"a\nb\n", (2, 2), b"a\n\nb\n", (5,), id="more lines than before"),
        pytest.param(b"a\nb\n", (1, 3), b"a\nb\n", (1, 3), id="unchanged"),
        pytest.param(b"a\n", (), b"b\n", (), id="not streamed"),
    ],
)
def test_pieces_that_cannot_be_told_become_one(
    before: bytes, lengths: tuple[int, ...], after: bytes, expected: tuple[int, ...]
) -> None:
    """The times add up."""
    cut = cut_anew(before, [Piece(length, 5) for length in lengths], after)
    assert tuple(piece.length for piece in cut) == expected
    assert sum(piece.after_ms for piece in cut) == 5 * len(lengths)


async def test_what_is_read_ahead_is_heard_before_it_is_given() -> None:
    """Whoever listens in does not wait for a slow reader, who gets the same pieces."""
    ear = Ear()
    ahead = ReadAhead(overheard(Given(b"one", b"two"), ear), 100)
    while not ear.heard:  # noqa: ASYNC110 - what is waited for is what a task of its own does
        await asyncio.sleep(0)
    assert ear.heard[0].body == b"onetwo"
    assert [piece async for piece in ahead] == [b"one", b"two"]
    assert [piece async for piece in ahead] == []
    await ahead.aclose()


async def test_no_more_is_read_ahead_than_may_wait() -> None:
    """The source waits until there is room again."""
    source = Given(*[b"12345"] * 10)
    ahead = ReadAhead(source, 10)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(source._pieces) == 8
    assert await anext(ahead) == b"12345"
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(source._pieces) == 7
    await ahead.aclose()
    assert source.is_closed


async def test_what_breaks_off_ahead_breaks_off_in_its_turn() -> None:
    """After all that came before, and again for whoever asks again."""
    ahead = ReadAhead(Given(b"one", breaks=True), 100)
    assert await anext(ahead) == b"one"
    for _ in range(2):
        with pytest.raises(UpstreamError, match="broken off"):
            await anext(ahead)
    await ahead.aclose()


async def test_hearing_out_takes_the_source_of_what_was_altered() -> None:
    """Nobody is there for whom it could be slow, or broken."""

    class Endless(Altered):
        async def __anext__(self) -> bytes:
            raise AssertionError("nobody asked for this")

    ear = Ear()
    await hear_out(Endless(Endless(overheard(Given(b"one"), ear))))
    assert ear.heard[0].body == b"one"
    await hear_out(Given(b"one", breaks=True))
