"""How often a fault strikes: exactly by count, and by chance in a way that can be repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runproxy.backends.faults import Schedule
from runproxy.backends.faults.schedule import chance_of


def struck(schedule: Schedule, calls: int, seed: int = 0) -> list[int]:
    """Give the numbers, from 1, of the calls that are struck."""
    numbers: list[int] = []
    for seen in range(calls):
        if schedule.strikes(seen, len(numbers), chance_of(seed, "name", seen, "whether")):
            numbers.append(seen + 1)
    return numbers


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param(Schedule(), [1, 2, 3, 4, 5, 6, 7, 8], id="all"),
        pytest.param(Schedule(times=2), [1, 2], id="first"),
        pytest.param(Schedule(after=3), [4, 5, 6, 7, 8], id="later"),
        pytest.param(Schedule(after=2, times=1), [3], id="one"),
        pytest.param(Schedule(every=3), [3, 6], id="every"),
        pytest.param(Schedule(every=3, after=1), [4, 7], id="every-later"),
        pytest.param(Schedule(every=2, times=2), [2, 4], id="every-first"),
    ],
)
def test_counts_are_exact(schedule: Schedule, expected: list[int]) -> None:
    """`after` calls pass, then every so many is struck, and no more than `times`."""
    assert struck(schedule, 8) == expected


@given(seed=st.integers(0, 2**63), share=st.floats(0.01, 1))
def test_a_share_comes_about(seed: int, share: float) -> None:
    """Of many calls about that share is struck, whatever the seed; the same calls for the same seed."""
    calls = struck(Schedule(share), 2000, seed)
    assert abs(len(calls) / 2000 - share) < 0.07  # six standard deviations at the widest
    assert calls == struck(Schedule(share), 2000, seed)


@given(seed=st.integers(0, 2**63), share=st.floats(0.01, 1), times=st.integers(1, 20), after=st.integers(0, 20))
def test_a_share_keeps_the_counts(seed: int, share: float, times: int, after: int) -> None:
    """Chance decides among those that may be struck, and never more than `times`."""
    calls = struck(Schedule(share, after=after, times=times), 200, seed)
    assert len(calls) <= times
    assert all(number > after for number in calls)


@given(st.integers(), st.text(), st.integers(0), st.text())
def test_chance_is_from_0_to_1(seed: int, name: str, nth: int, purpose: str) -> None:
    """1 never comes, so that a share of 1 is all."""
    assert 0 <= chance_of(seed, name, nth, purpose) < 1


def test_chances_differ_by_all_they_are_made_of() -> None:
    """Another seed, name, number or purpose is another chance."""
    chances = {
        chance_of(seed, name, nth, purpose) for seed in (0, 1) for name in "ab" for nth in (0, 1) for purpose in "xy"
    }
    assert len(chances) == 16
