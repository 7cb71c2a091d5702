"""Many needles are found in one pass, and exactly those that are there."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.redaction.needles import Needles

LETTERS = st.binary(min_size=8, max_size=80).map(lambda data: bytes(97 + byte % 3 for byte in data))
HAYSTACKS = st.binary(max_size=200).map(lambda data: bytes(97 + byte % 3 for byte in data))


def filled(*needles: bytes, others: int = 100) -> Needles:
    """Make a set that holds some needles, among so many others that all are searched for at once."""
    chance = random.Random(1)
    made = Needles()
    made.add(needles)
    made.add(b"\xff" + chance.randbytes(chance.randint(8, 60)) + b"\xff" for _ in range(others))
    return made


@settings(deadline=None, max_examples=300)
@given(needles=st.lists(LETTERS, min_size=1, max_size=8), data=HAYSTACKS)
def test_what_is_found_is_what_a_search_one_by_one_finds(needles: list[bytes], data: bytes) -> None:
    """Over few letters, where almost everything nearly matches, the answer is that of the plain search."""
    assert filled(*needles).are_in(data) == any(needle in data for needle in needles)


@settings(deadline=None, max_examples=200)
@given(needle=st.binary(min_size=8, max_size=300), before=st.binary(max_size=20), after=st.binary(max_size=20))
def test_a_needle_is_found_at_any_offset(needle: bytes, before: bytes, after: bytes) -> None:
    """Whatever stands around it, and however long it is."""
    assert filled(needle).are_in(before + needle + after)


@pytest.mark.parametrize("size", [8, 9, 14, 15, 16, 31, 32, 33, 200])
@pytest.mark.parametrize("offset", range(9))
def test_a_needle_of_any_size_is_found_and_one_short_is_not(size: int, offset: int) -> None:
    """The sizes around those of a machine word and of the end that is compared first."""
    needle = random.Random(size).randbytes(size)
    needles, before = filled(needle), b"." * offset
    assert needles.are_in(before + needle)
    assert not needles.are_in(before + needle[:-1])
    assert not needles.are_in(before + needle[1:])


@pytest.mark.parametrize("others", [0, 100], ids=["one-by-one", "at-once"])
def test_what_was_added_twice_must_be_removed_twice(others: int) -> None:
    """Two credentials may share a form; forgetting one of them leaves it."""
    needle = b"a-form-of-two-credentials"
    needles = filled(needle, needle, others=others)
    needles.remove([needle])
    assert needles.are_in(needle)
    needles.remove([needle])
    assert not needles.are_in(needle)


@settings(deadline=None, max_examples=100)
@given(kept=st.lists(LETTERS, max_size=6), gone=st.lists(LETTERS, max_size=6), data=HAYSTACKS)
def test_what_was_removed_leaves_no_trace(kept: list[bytes], gone: list[bytes], data: bytes) -> None:
    """Adding and removing is the same as never having added."""
    needles = filled(*kept, *gone)
    needles.remove(gone)
    assert needles.are_in(data) == any(needle in data for needle in kept)


def test_more_than_16_needles_with_one_end_are_found_by_it_alone() -> None:
    """Whoever sends ever more credentials with one end makes nothing slower, and hides nothing."""
    end = b"an-end-that-has-over-32-bytes-in-all-of-it"
    few, many = Needles(), Needles()
    few.add(b"%d" % number + end for number in range(10, 26))
    many.add(b"%d" % number + end for number in range(10, 27))
    few.add(filled_words())
    many.add(filled_words())
    assert not few.are_in(b"99" + end)
    assert few.are_in(b"13" + end)
    assert many.are_in(b"99" + end)


def filled_words() -> list[bytes]:
    """Give needles enough that all are searched for at once."""
    return [b"needle-number-%d" % number for number in range(100)]
