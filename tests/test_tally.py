"""Counting: what is told apart, and what is not."""

import pytest

from runproxy.tally import BOUNDS_S, OTHER, Kind, Tally, Times

REPLAYED = Kind("modify_run", "replay", "replayed", 2, None)


def test_calls_of_a_kind_are_counted_together() -> None:
    """Calls that agree in route, mode, outcome, class of status and team are one figure."""
    tally = Tally()
    for kind in (REPLAYED, REPLAYED, REPLAYED._replace(status_class=4)):
        tally.count(kind, 0.01)
    assert tally.calls == {REPLAYED: 2, REPLAYED._replace(status_class=4): 1}
    assert sum(tally.total.counts) == 3


def test_teams_beyond_the_first_are_not_told_apart() -> None:
    """A header can name any team, so what would be a series for each is bounded."""
    tally = Tally()
    for number in range(1000):
        tally.count(REPLAYED._replace(team=f"team-{number}"), 0.01)
    tally.count(REPLAYED._replace(team="team-0"), 0.01)
    assert len(tally.calls) == 201
    assert tally.calls[REPLAYED._replace(team=OTHER)] == 800
    assert tally.calls[REPLAYED._replace(team="team-0")] == 2


@pytest.mark.parametrize(
    ("seconds", "place"),
    [
        pytest.param(0.0, 0, id="at-once"),
        pytest.param(BOUNDS_S[0], 0, id="at-a-bound"),
        pytest.param(BOUNDS_S[0] * 1.01, 1, id="above-a-bound"),
        pytest.param(BOUNDS_S[-1] * 2, len(BOUNDS_S), id="above-all"),
    ],
)
def test_a_time_is_counted_below_its_upper_bound(seconds: float, place: int) -> None:
    """A bound belongs to the class that ends with it, as in Prometheus."""
    times = Times()
    times.add(seconds)
    assert times.counts.index(1) == place
    assert times.sum_s == seconds
