"""Byte strings that are searched for all at once, at a cost that hardly depends on how many there are.

A needle is known by the words of its end: data is read as machine words, one after the other, and whether any of them
belongs to a needle is a look into one dictionary. A needle may start at any byte, so each is entered with the words
at as many offsets as a word has bytes; hence a needle must be nearly two words long, and short ones have a finder of
shorter words. What is found so is then compared in full.

Adding and removing cost what the needle alone costs. An automaton (Aho-Corasick, RE2) searches about as fast but is
built anew, as a whole, with every credential that comes or is forgotten: 60 to 200 ms for those of 2,000 credentials.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final, Literal

_CORE_SIZES: Final = (32, 15, 8)
"""What is compared first of a needle: its end, in the longest of these sizes; few, so that few have to be tried."""
_MOST_OF_A_CORE: Final = 16
"""So many needles with one end are told apart; where there are more, the end alone counts as found."""
_SHORT: Final = 4
_LONG: Final = 8
_FEW: Final = 24  # up to so many needles are searched for one by one, which is faster


class Needles:
    """Finds any of many needles of at least 8 bytes; one that is added twice must be removed twice.

    One thread may search while another adds: it finds what was there when it began, and perhaps what has come since.
    """

    def __init__(self) -> None:
        self._counts: defaultdict[bytes, int] = defaultdict(int)
        self._short = _Finder(_SHORT, "I")
        self._long = _Finder(_LONG, "Q")

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, needles: Iterable[bytes]) -> None:
        """Search for these from now on."""
        for needle in needles:
            self._counts[needle] += 1
            if self._counts[needle] == 1:
                self._finder(needle).add(needle)

    def remove(self, needles: Iterable[bytes]) -> None:
        """Search for these no longer, unless they were added more than once."""
        for needle in needles:
            self._counts[needle] -= 1
            if self._counts[needle] == 0:
                del self._counts[needle]
                self._finder(needle).remove(needle)

    def are_in(self, data: bytes) -> bool:
        """Tell whether data holds any of the needles."""
        if len(self._counts) <= _FEW:
            return any(needle in data for needle in tuple(self._counts))
        return self._long.finds(data) or self._short.finds(data)

    def _finder(self, needle: bytes) -> "_Finder":
        return self._long if len(needle) >= 2 * _LONG - 1 else self._short


class _Finder:
    """Finds needles by words of `width` bytes; they are at least twice as long, less one byte."""

    def __init__(self, width: int, code: Literal["I", "Q"]) -> None:
        self._width = width
        self._code = code
        self._words: defaultdict[int, int] = defaultdict(int)
        self._cores: defaultdict[bytes, list[bytes]] = defaultdict(list)
        self._sizes: defaultdict[int, int] = defaultdict(int)

    def add(self, needle: bytes) -> None:
        core = _core(needle)
        self._cores[core].append(needle)
        self._sizes[len(core)] += 1
        for word in self._first_words(core):
            self._words[word] += 1

    def remove(self, needle: bytes) -> None:
        core = _core(needle)
        self._cores[core].remove(needle)
        if not self._cores[core]:
            del self._cores[core]
        _take_one(self._sizes, len(core))
        for word in self._first_words(core):
            _take_one(self._words, word)

    def finds(self, data: bytes) -> bool:
        words = memoryview(data)[: len(data) - len(data) % self._width].cast(self._code)
        if not self._words or self._words.keys().isdisjoint(words):
            return False
        known = self._words
        return any(word in known and self._is_at(data, place * self._width) for place, word in enumerate(words))

    def _is_at(self, data: bytes, word_at: int) -> bool:
        """Tell whether the word that stands there belongs to a needle that stands around it."""
        for offset in range(min(self._width, word_at + 1)):
            start = word_at - offset
            for size in tuple(self._sizes):
                core = data[start : start + size]
                if core in self._cores and self._is_whole(data, start + size, core):
                    return True
        return False

    def _is_whole(self, data: bytes, end: int, core: bytes) -> bool:
        needles = self._cores.get(core, ())
        return len(needles) > _MOST_OF_A_CORE or any(data.endswith(needle, 0, end) for needle in needles)

    def _first_words(self, core: bytes) -> list[int]:
        width = self._width
        shifted = b"".join([core[offset : offset + width] for offset in range(width)])
        return memoryview(shifted).cast(self._code).tolist()


def _core(needle: bytes) -> bytes:
    return needle[-next(size for size in _CORE_SIZES if size <= len(needle)) :]


def _take_one(counts: defaultdict[int, int], name: int) -> None:
    counts[name] -= 1
    if counts[name] == 0:
        del counts[name]
