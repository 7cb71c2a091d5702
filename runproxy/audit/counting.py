"""Counting calls by hour or by day: from the facts, from the roll-ups, or from both.

Roll-ups answer for whole hours and days. Where a filter starts or ends within one, the calls of that part are counted
from the facts; so an answer is exact, and quick all the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Table,
    and_,
    case,
    func,
    or_,
    select,
    true,
    union_all,
)

from runproxy.audit.filters import Filter, Near, Rule
from runproxy.audit.rollups import NEAR_KEY_CHARS, NEAR_PAIRS, NEAR_VALUE_CHARS
from runproxy.audit.schema import DAY_MS, HOUR_MS, events, findings, hours, key_days, outcome_hours, outcomes, pairs

Condition: TypeAlias = ColumnElement[bool]
Selection: TypeAlias = Select[*tuple[Any, ...]]
_Raw: TypeAlias = Callable[[Sequence[Condition]], Selection]

SPANS_MS: Final = {hours: HOUR_MS, key_days: DAY_MS, outcome_hours: HOUR_MS}
"""How long a time the rows of a roll-up count."""

some_pair: Final = pairs.alias("some_pair")
"""Any pair of a call, apart from those that a question is about."""

_ALL: Final = true()
_CALL: Final = (events.c.team, events.c.route, events.c.decision)


def how_often(condition: Condition) -> ColumnElement[int]:
    """Count the rows that meet a condition."""
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def start_of(span_ms: int) -> ColumnElement[int]:
    """Give when the hour or the day of a call began."""
    return events.c.at_ms - events.c.at_ms % span_ms


def raw_hours(where: Sequence[Condition] = ()) -> Selection:
    """Count calls from the facts, in the columns of `hours`."""
    return (
        select(
            start_of(HOUR_MS).label("start_ms"),
            *_CALL,
            func.count().label("calls"),
            func.max(events.c.most_pairs).label("most_pairs"),
            how_often(events.c.most_pairs >= NEAR_PAIRS).label("near_pairs"),
        )
        .where(*where)
        .group_by("start_ms", *_CALL)
    )


def raw_key_days(where: Sequence[Condition] = ()) -> Selection:
    """Count the calls that carry a key from the facts, in the columns of `key_days`; a call counts once for a key."""
    once = (
        select(start_of(DAY_MS).label("start_ms"), *_CALL, pairs.c.key, func.max(pairs.c.chars).label("chars"))
        .join_from(events, pairs, pairs.c.event == events.c.seq)
        .where(*where)
        .group_by(events.c.seq, pairs.c.key)
        .subquery()
    )
    return select(
        *(once.c[name] for name in ("start_ms", "team", "route", "decision", "key")),
        func.count().label("calls"),
        func.max(once.c.chars).label("most_chars"),
        how_often(once.c.chars >= NEAR_VALUE_CHARS).label("near_chars"),
    ).group_by(*(once.c[name] for name in ("start_ms", "team", "route", "decision", "key")))


def raw_outcome_hours(where: Sequence[Condition] = ()) -> Selection:
    """Count what became of calls from the facts, in the columns of `outcome_hours`."""
    kind = (outcomes.c.outcome, outcomes.c.status)
    return (
        select(start_of(HOUR_MS).label("start_ms"), *_CALL, *kind, func.count().label("calls"))
        .join_from(events, outcomes, outcomes.c.event == events.c.seq)
        .where(*where)
        .group_by("start_ms", *_CALL, *kind)
    )


def counted_hours(asked: Filter) -> Subquery:
    """Count the calls that are asked about: team, route, decision, calls; by day where a key is named, else by hour."""
    if asked.key is None or asked.needs_facts:
        return _counted(hours, raw_hours, asked)
    by_key = counted_key_days(asked)
    return select(*(by_key.c[name] for name in ("start_ms", "team", "route", "decision", "calls"))).subquery()


def counted_key_days(asked: Filter) -> Subquery:
    """Count the calls that are asked about by their keys, in rows like those of `key_days`.

    Where the filter names a key, only that one is counted.
    """
    key = asked.key
    named = () if key is None else (key_days.c.key == key, pairs.c.key == key)
    return _counted(key_days, raw_key_days, replace(asked, key=None), *named)


def counted_outcome_hours(asked: Filter) -> Subquery:
    """Count what became of the calls that are asked about, in rows like those of `outcome_hours`."""
    return _counted(outcome_hours, raw_outcome_hours, asked)


def matches(asked: Filter) -> list[Condition]:
    """Give what an event must meet."""
    found = _of_calls(events, asked)
    if asked.since_ms is not None:
        found.append(events.c.at_ms >= asked.since_ms)
    if asked.until_ms is not None:
        found.append(events.c.at_ms < asked.until_ms)
    if asked.about is not None:
        found.append(or_(*(events.c[name] == asked.about for name in ("request_id", "thread_id", "run_id"))))
    if asked.rule is not None:
        found.append(events.c.seq.in_(select(findings.c.event).where(*breaks(asked.rule))))
    if asked.near is not None:
        found.append(_is_near(asked.near))
    return found + [events.c.seq.in_(select(some_pair.c.event).where(*held)) for held in pair_conditions(asked)]


def breaks(rule: Rule) -> list[Condition]:
    """Give what a finding must meet."""
    found = [findings.c.code == rule.code]
    return found if rule.refuses is None else [*found, findings.c.refuses == int(rule.refuses)]


def _is_near(near: Near) -> Condition:
    """Give what an event must meet."""
    if near.limit == "pairs":
        return events.c.most_pairs >= NEAR_PAIRS
    is_long = func.length(some_pair.c.key) >= NEAR_KEY_CHARS
    if near.limit == "value":
        is_long = some_pair.c.chars >= NEAR_VALUE_CHARS
    of_key = () if near.key is None else (some_pair.c.key == near.key,)
    return events.c.seq.in_(select(some_pair.c.event).where(is_long, *of_key))


def pair_conditions(asked: Filter, of: FromClause = some_pair) -> list[list[Condition]]:
    """Give what some pair of a call must meet, for each pair and each key that is asked about."""
    found: list[list[Condition]] = [[of.c.key == key, of.c.value.in_(values)] for key, values in asked.where]
    return found if asked.key is None else [*found, [of.c.key == asked.key]]


def of_pairs(asked: Filter) -> list[Condition]:
    """Give what a pair must meet of the time and the team that are asked about, which it knows of its call."""
    found = [] if asked.team is None else [pairs.c.team == asked.team]
    found += [] if asked.since_ms is None else [pairs.c.at_ms >= asked.since_ms]
    return found + ([] if asked.until_ms is None else [pairs.c.at_ms < asked.until_ms])


def pairs_match(asked: Filter) -> list[Condition]:
    """Give what a pair must meet so that its call is asked about."""
    if asked == Filter(asked.since_ms, asked.until_ms, asked.team):
        return of_pairs(asked)
    return [*of_pairs(asked), pairs.c.event.in_(select(events.c.seq).where(*matches(asked)))]


def _counted(
    table: Table, raw: _Raw, asked: Filter, in_table: Condition = _ALL, in_facts: Condition = _ALL
) -> Subquery:
    """Take whole spans from a roll-up and the rest from the facts; all from the facts where no roll-up can answer."""
    since, until, span = asked.since_ms, asked.until_ms, SPANS_MS[table]
    start = None if since is None else since + -since % span
    end = None if until is None else until - until % span
    if asked.needs_facts or asked.key is not None or (start is not None and end is not None and start >= end):
        return raw([*matches(asked), in_facts]).subquery()
    within, beside = [in_table], []
    if since is not None and start is not None:
        within.append(table.c.start_ms >= start)
        beside.append(and_(events.c.at_ms >= since, events.c.at_ms < start))
    if until is not None and end is not None:
        within.append(table.c.start_ms < end)
        beside.append(and_(events.c.at_ms >= end, events.c.at_ms < until))
    rolled_up = select(table).where(*_of_calls(table, asked), *within)
    if not beside:
        return rolled_up.subquery()
    return union_all(rolled_up, raw([or_(*beside), *_of_calls(events, asked), in_facts])).subquery()


def _of_calls(table: Table, asked: Filter) -> list[Condition]:
    wanted = (("team", asked.team), ("route", asked.route), ("decision", asked.decision))
    return [table.c[name] == value for name, value in wanted if value is not None]
