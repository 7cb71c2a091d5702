"""Counting calls, cheaply: a look-up and an addition for each, and all the rest when somebody asks."""

from bisect import bisect_left
from collections import Counter
from typing import Final, NamedTuple

BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""The upper bounds of the classes that times are counted in, in seconds."""

OTHER: Final = "other"
"""Stands for what is not told apart: routes that are not in the table, and teams beyond the first of them."""

_MAX_TEAMS: Final = 200  # a trusted header can name any team, and every name is a series of its own


class Kind(NamedTuple):
    """What calls are told apart by; `status_class` is the first digit of the status."""

    route: str
    mode: str
    outcome: str
    status_class: int
    team: str | None


class Times:
    """How many calls took how long."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds


class Tally:
    """What has been counted so far. No key and no value of metadata is in it, nor any path."""

    def __init__(self) -> None:
        self.calls: Counter[Kind] = Counter()
        self.total = Times()
        self.violations: Counter[str] = Counter()
        self.misses: Counter[str] = Counter()
        self.undelivered: Counter[str] = Counter()
        self.live = 0
        self._teams: set[str] = set()

    def count(self, kind: Kind, seconds: float) -> None:
        """Count one call that has been answered."""
        if kind.team is not None:
            kind = kind._replace(team=self._label(kind.team))
        self.calls[kind] += 1
        self.total.add(seconds)

    def _label(self, team: str) -> str:
        if team not in self._teams:
            if len(self._teams) >= _MAX_TEAMS:
                return OTHER
            self._teams.add(team)
        return team
