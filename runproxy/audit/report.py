"""What the audit tells, one function for each question. All take a connection that reads, and which calls are meant.

Counts are exact. Where a row says when something was last seen, it is to the hour, or for keys to the day.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Subquery, case, distinct, func, select

from runproxy.audit.counting import (
    Selection,
    breaks,
    counted_hours,
    counted_key_days,
    counted_outcome_hours,
    how_often,
    matches,
    pairs_match,
    raw_hours,
)
from runproxy.audit.event import DECISIONS, UNKNOWN
from runproxy.audit.filters import Filter
from runproxy.audit.looks import looks_like
from runproxy.audit.rollups import NEAR_KEY_CHARS
from runproxy.audit.schema import events, findings, key_days, pairs, sightings
from runproxy.limits import MAX_KEY_CHARS, MAX_PAIRS, MAX_VALUE_CHARS

MOST_COUNTED: Final = 10_000
"""Nobody needs to know more exactly how many values a new key has, and ids have as many as there are calls."""

_LOOKED_AT: Final = 200
"""So many values are looked at to tell what values of a key look like."""


@dataclass(frozen=True, slots=True)
class Summary:
    """All calls in figures: how many by decision and by outcome, of how many teams, keys and broken rules, and when."""

    calls: int
    decisions: dict[str, int]
    outcomes: dict[str, int]
    teams: int
    keys: int
    violations: int
    warnings: int
    first_ms: int | None
    last_ms: int | None


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key: the calls that carry it, by how many teams, its longest value, and how many values are near the limit."""

    key: str
    calls: int
    teams: int
    longest: int
    near: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class ValueRow:
    """A value of a key, in the form it is on file: how often it was written, by how many teams, and when."""

    value: str | None
    form: str
    times: int
    teams: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class TeamRow:
    """A team: its calls by decision, how many keys it writes, and the most pairs it has sent at once."""

    team: str
    calls: int
    accepted: int
    warned: int
    refused: int
    keys: int
    most_pairs: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class ViolationRow:
    """A rule that a team broke: how many calls that refused, of how many it only warned, and the last such call."""

    code: str
    team: str
    refused: int
    warned: int
    params: int
    last_ms: int
    last_call: str


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """How many of a team's calls carry a key."""

    team: str
    key: str
    calls: int
    of: int

    @property
    def share(self) -> float:
        """The same as a number between 0 and 1."""
        return self.calls / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class NewKeyRow:
    """A key that nobody wrote before: when and by whom it was first seen, how many values it has, and of which kind.

    `calls` counts all that have carried it since, also after the time that is asked about. Values that differ are
    counted up to `MOST_COUNTED`.
    """

    key: str
    first_ms: int
    team: str
    teams: int
    calls: int
    distinct: int
    looks_like: str


@dataclass(frozen=True, slots=True)
class NearnessRow:
    """How near a team has come to a limit of the API: the most, the key it was, and how many calls were near it."""

    limit: str
    of: int
    team: str
    key: str
    most: int
    near: int


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """The calls of a span of time with one decision."""

    start_ms: int
    decision: str
    calls: int


def summary(connection: Connection, asked: Filter) -> Summary:
    """Tell how many calls there are, and what became of them."""
    hours, ended = counted_hours(asked), counted_outcome_hours(asked)
    decisions = _sums(connection, hours, "decision")
    outcomes = _sums(connection, ended, "outcome")
    calls = sum(decisions.values())
    if unknown := calls - sum(outcomes.values()):
        outcomes[UNKNOWN] = unknown
    keys = counted_key_days(asked)
    broken = select(how_often(findings.c.refuses == 1), how_often(findings.c.refuses == 0))
    ((violations, warnings),) = _rows(connection, _of_calls(broken, findings.c.event, asked))
    return Summary(
        calls,
        {name: decisions.get(name, 0) for name in DECISIONS},
        outcomes,
        len(_sums(connection, hours, "team").keys() - {""}),
        len(_sums(connection, keys, "key")),
        violations,
        warnings,
        *_first_and_last(connection, asked),
    )


def keys(connection: Connection, asked: Filter) -> list[KeyRow]:
    """List the keys that calls carry, those of most calls first."""
    held = counted_key_days(asked)
    first = select(sightings.c.key, func.min(sightings.c.first_ms).label("first_ms")).group_by(sightings.c.key)
    if asked.team is not None:
        first = first.where(sightings.c.team == asked.team)
    seen = first.subquery()
    found = (
        select(
            held.c.key,
            func.sum(held.c.calls).label("calls"),
            func.count(distinct(held.c.team)),
            func.max(held.c.most_chars),
            func.sum(held.c.near_chars),
            func.min(seen.c.first_ms),
            func.max(held.c.start_ms),
        )
        .join_from(held, seen, seen.c.key == held.c.key)
        .group_by(held.c.key)
        .order_by(func.sum(held.c.calls).desc(), held.c.key)
    )
    return [KeyRow(*row) for row in _rows(connection, found)]


def values(connection: Connection, asked: Filter, key: str, limit: int = 100) -> list[ValueRow]:
    """List the values of a key, those that were written most often first."""
    times = func.count().label("times")
    found = (
        select(
            pairs.c.value,
            pairs.c.form,
            times,
            func.count(distinct(pairs.c.team)),
            func.min(pairs.c.at_ms),
            func.max(pairs.c.at_ms),
        )
        .where(*pairs_match(replace(asked, key=None)), pairs.c.key == key)
        .group_by(pairs.c.value, pairs.c.form)
        .order_by(times.desc(), pairs.c.value)
        .limit(limit)
    )
    return [ValueRow(*row) for row in _rows(connection, found)]


def distinct_values(connection: Connection, asked: Filter, key: str) -> int:
    """Count the values of a key that differ."""
    found = select(func.count(distinct(pairs.c.value))).where(
        *pairs_match(replace(asked, key=None)), pairs.c.key == key
    )
    return connection.execute(found).scalar_one()


def teams(connection: Connection, asked: Filter) -> list[TeamRow]:
    """List the teams, those with most calls first; an empty name stands for callers of no known team."""
    hours, of_keys = _counted_with_pairs(asked), counted_key_days(asked)
    many = select(of_keys.c.team, func.count(distinct(of_keys.c.key))).group_by(of_keys.c.team)
    keys_of = dict(_rows(connection, many))
    calls = func.sum(hours.c.calls)
    found = (
        select(
            hours.c.team,
            calls,
            *(func.sum(case((hours.c.decision == name, hours.c.calls), else_=0)) for name in DECISIONS),
            func.max(hours.c.most_pairs),
            func.min(hours.c.start_ms),
            func.max(hours.c.start_ms),
        )
        .group_by(hours.c.team)
        .order_by(calls.desc(), hours.c.team)
    )
    return [
        TeamRow(team, calls, accepted, warned, refused, keys_of.get(team, 0), most, first, last)
        for team, calls, accepted, warned, refused, most, first, last in _rows(connection, found)
    ]


def violations(connection: Connection, asked: Filter) -> list[ViolationRow]:
    """List the rules that were broken, by team, those of most calls first; where a rule is asked for, that alone."""
    found = select(
        findings.c.code,
        events.c.team,
        func.count(distinct(case((findings.c.refuses == 1, findings.c.event)))),
        func.count(distinct(case((findings.c.refuses == 0, findings.c.event)))),
        func.count(distinct(findings.c.param)),
        func.max(events.c.at_ms),
        func.max(events.c.seq),
    ).join_from(findings, events, events.c.seq == findings.c.event)
    this_rule = () if asked.rule is None else breaks(asked.rule)
    found = found.where(*matches(asked), *this_rule).group_by(findings.c.code, events.c.team)
    rows = _rows(connection, found.order_by(func.count().desc(), findings.c.code, events.c.team))
    last = select(events.c.seq, events.c.request_id).where(events.c.seq.in_([row[-1] for row in rows]))
    names = dict(_rows(connection, last))
    return [
        ViolationRow(code, team, refused, warned, params, at_ms, names[seq])
        for code, team, refused, warned, params, at_ms, seq in rows
    ]


def coverage(connection: Connection, asked: Filter) -> list[CoverageRow]:
    """Tell for each team and key how many of the team's calls carry the key; of one key, if the filter names one."""
    of_team = _sums(connection, counted_hours(replace(asked, key=None)), "team")
    held = counted_key_days(asked)
    found = select(held.c.team, held.c.key, func.sum(held.c.calls)).group_by(held.c.team, held.c.key)
    ordered = found.order_by(held.c.team, func.sum(held.c.calls).desc(), held.c.key)
    return [CoverageRow(team, key, calls, of_team[team]) for team, key, calls in _rows(connection, ordered)]


def new_keys(connection: Connection, asked: Filter, limit: int | None = None) -> list[NewKeyRow]:
    """List the keys that were first seen in the time that is asked about, the newest first.

    Where the filter names a team, that is by this team, which another may have been before. Other parts of the filter
    but the key do not count.
    """
    found = select(sightings.c.key, sightings.c.team, sightings.c.first_ms).order_by(sightings.c.first_ms)
    if asked.team is not None:
        found = found.where(sightings.c.team == asked.team)
    if asked.key is not None:
        found = found.where(sightings.c.key == asked.key)
    seen: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for key, team, first_ms in _rows(connection, found):
        seen[key].append((team, first_ms))
    since, until = asked.since_ms or 0, asked.until_ms
    new = [key for key, by in seen.items() if since <= by[0][1] and (until is None or by[0][1] < until)]
    return [_new_key(connection, key, seen[key], asked.team) for key in new[::-1][:limit]]


def nearness(connection: Connection, asked: Filter) -> list[NearnessRow]:
    """List who has come near a limit of the API, the nearest first; where a limit is asked for, near that alone."""
    hours, of_keys = _counted_with_pairs(asked), counted_key_days(asked)
    most, near = func.max(hours.c.most_pairs), func.sum(hours.c.near_pairs)
    found = [
        NearnessRow("pairs", MAX_PAIRS, team, "", *counts)
        for team, *counts in _rows(connection, select(hours.c.team, most, near).group_by(hours.c.team))
    ]
    by_key = (of_keys.c.team, of_keys.c.key)
    calls = func.sum(of_keys.c.calls)
    chars, near = func.max(of_keys.c.most_chars), func.sum(of_keys.c.near_chars)
    for team, key, *counts, times in _rows(connection, select(*by_key, chars, near, calls).group_by(*by_key)):
        found.append(NearnessRow("value", MAX_VALUE_CHARS, team, key, *counts))
        found.append(NearnessRow("key", MAX_KEY_CHARS, team, key, len(key), times if len(key) >= NEAR_KEY_CHARS else 0))
    if asked.near is not None:
        found = [row for row in found if row.limit == asked.near.limit and asked.near.key in (None, row.key)]
    return sorted((row for row in found if row.near), key=lambda row: (-row.most / row.of, row.team, row.key))


def timeline(connection: Connection, asked: Filter, span_ms: int) -> list[TimelineRow]:
    """Count calls by decision in spans of time, which are whole hours; days where the filter names a key."""
    held = counted_hours(asked)
    start = (held.c.start_ms - held.c.start_ms % span_ms).label("start_ms")
    found = select(start, held.c.decision, func.sum(held.c.calls)).group_by(start, held.c.decision)
    return [TimelineRow(*row) for row in _rows(connection, found.order_by(start, held.c.decision))]


def _rows(connection: Connection, found: Selection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(found)]


def _new_key(connection: Connection, key: str, seen: Sequence[tuple[str, int]], team: str | None) -> NewKeyRow:
    first_team, first_ms = seen[0]
    calls, many = _calls_with(connection, key, team), _values_of(connection, key, team)
    return NewKeyRow(key, first_ms, first_team, len(seen), calls, many, looks_like(_some_values(connection, key, team)))


def _sums(connection: Connection, counted: Subquery, name: str) -> dict[str, int]:
    """Sum calls by one column."""
    found = select(counted.c[name], func.sum(counted.c.calls)).group_by(counted.c[name])
    return dict(_rows(connection, found))


def _counted_with_pairs(asked: Filter) -> Subquery:
    """Count calls by hour with their numbers of pairs, which the roll-up of a key does not tell."""
    return counted_hours(asked) if asked.key is None else raw_hours(matches(asked)).subquery()


def _of_calls(found: Selection, event: ColumnElement[int], asked: Filter) -> Selection:
    """Restrict rows to those of the calls that are asked about."""
    return found if asked == Filter() else found.join(events, events.c.seq == event).where(*matches(asked))


def _first_and_last(connection: Connection, asked: Filter) -> tuple[int | None, int | None]:
    """Tell when the first and the last of the calls was made."""
    if asked.key is not None and not asked.needs_facts:
        of_pairs = [*pairs_match(replace(asked, key=None)), pairs.c.key == asked.key]
        ((first, last),) = _rows(connection, select(func.min(pairs.c.at_ms), func.max(pairs.c.at_ms)).where(*of_pairs))
        return first, last
    found = select(events.c.at_ms).where(*matches(asked)).limit(1)
    order = (events.c.at_ms.asc(), events.c.at_ms.desc())  # two questions, which the index answers at once
    first, last = (connection.execute(found.order_by(one)).scalar() for one in order)
    return first, last


def _calls_with(connection: Connection, key: str, team: str | None) -> int:
    """Count the calls that carry a key, of all times."""
    of_team = () if team is None else (key_days.c.team == team,)
    found = select(func.coalesce(func.sum(key_days.c.calls), 0)).where(key_days.c.key == key, *of_team)
    return int(connection.execute(found).scalar_one())


def _values_of(connection: Connection, key: str, team: str | None) -> int:
    """Count the values of a key that differ, up to `MOST_COUNTED`: the index gives one after the other."""
    of_team = () if team is None else (pairs.c.team == team,)
    some = select(pairs.c.value).distinct().where(pairs.c.key == key, *of_team).limit(MOST_COUNTED).subquery()
    return connection.execute(select(func.count(some.c.value))).scalar_one()


def _some_values(connection: Connection, key: str, team: str | None) -> list[str]:
    of_team = () if team is None else (pairs.c.team == team,)
    readable = pairs.c.form.in_(("full", "cut"))
    found = select(pairs.c.value).distinct().where(pairs.c.key == key, readable, *of_team).limit(_LOOKED_AT)
    return list(connection.execute(found).scalars())
