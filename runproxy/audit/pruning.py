"""Removing the oldest calls, so that the chain still holds: it begins anew after the last entry that was removed.

Only a start of the chain can be removed. A call that was written late, such as one of an imported cassette, stays for
as long as those that were written before it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from runproxy.audit.chain import Link
from runproxy.audit.counting import SPANS_MS, raw_hours, raw_key_days, raw_outcome_hours, start_of
from runproxy.audit.rollups import carried_hash
from runproxy.audit.rows import insert, record
from runproxy.audit.schema import (
    HOUR_MS,
    chain,
    deliveries,
    events,
    findings,
    hours,
    key_days,
    outcome_hours,
    outcomes,
    pairs,
    prunings,
    sightings,
)
from runproxy.audit.store import AuditStore
from runproxy.audit.writing import head_of, move_head

KEPT_MS: Final = HOUR_MS
"""Younger calls are never removed, for they may still be under way."""

_AT_ONCE: Final = 10_000  # entries; those who write meanwhile wait for as long as one such step takes
_ROOM: Final = 0.9  # a store that is too large is made smaller than it must be, so that there is something in it


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many calls were removed, and up to which entry; None for none."""

    calls: int
    up_to: Link | None


def cut_by_age(store: AuditStore, before_ms: int, now_ms: int) -> int:
    """Give the last entry to remove, so that calls from before a time go; 0 where none can. Raises `AuditError`."""
    before_ms = min(before_ms, now_ms - KEPT_MS)
    with store.reading() as connection:
        first_kept = connection.execute(select(func.min(events.c.seq)).where(events.c.at_ms >= before_ms)).scalar_one()
        older = () if first_kept is None else (events.c.seq < first_kept,)
        return connection.execute(select(func.max(events.c.seq)).where(*older)).scalar_one() or 0


def cut_by_size(store: AuditStore, max_bytes: int, now_ms: int) -> int:
    """Give the last entry to remove, so that a store takes up less than so much; 0 where none must, or can go.

    How much a call takes up is taken to be the same for all. Raises `AuditError`.
    """
    size = store.size_bytes()
    if size <= max_bytes:
        return 0
    with store.reading() as connection:
        count = connection.execute(select(func.count()).select_from(events)).scalar_one()
        surplus = min(count - 1, ceil(count * (1 - _ROOM * max_bytes / size)))
        last = select(events.c.seq).order_by(events.c.seq).offset(max(surplus - 1, 0)).limit(1)
        found = connection.execute(last).scalar()
    return min(found or 0, cut_by_age(store, now_ms, now_ms))


def count_up_to(store: AuditStore, seq: int) -> int:
    """Count the calls up to an entry; raises `AuditError`."""
    with store.reading() as connection:
        return connection.execute(select(func.count()).select_from(events).where(events.c.seq <= seq)).scalar_one()


def span_up_to(store: AuditStore, seq: int) -> tuple[int, Link]:
    """Give the number of the entry after which a store begins, and an entry of a call in it; raises `AuditError`."""
    with store.reading() as connection:
        anchor = connection.execute(select(chain.c.anchor_seq)).scalar_one()
        link = connection.execute(select(events.c.seq, events.c.hash).where(events.c.seq == seq)).one()
    return anchor, Link(*link)


def prune(
    store: AuditStore,
    up_to: int,
    now_ms: int,
    *,
    archive: str = "",
    told: Callable[[int], None] = lambda _: None,
    is_over: Callable[[], bool] = lambda: False,
) -> Pruned:
    """Remove all entries up to that of a call, step by step, so that those who write need not wait long.

    `archive` is noted as the place where they are kept; `told` hears how many calls are gone, and `is_over` is asked
    whether to leave it at that. Raises `AuditError`.
    """
    calls, last = 0, None
    while not is_over() and (step := _step(store, up_to, now_ms, archive)) is not None:
        calls += step.calls
        last = step.up_to
        told(calls)
    return Pruned(calls, last)


def _step(store: AuditStore, up_to: int, now_ms: int, archive: str) -> Pruned | None:
    with store.writing() as connection:
        anchor = connection.execute(select(chain.c.anchor_seq)).scalar_one()
        first = connection.execute(select(func.min(events.c.seq)).where(events.c.seq > anchor)).scalar_one()
        if first is None or first > up_to:
            return None
        in_reach = (events.c.seq > anchor, events.c.seq <= min(up_to, first + _AT_ONCE))
        last = select(events.c.seq, events.c.hash).where(*in_reach).order_by(events.c.seq.desc()).limit(1)
        end = Link(*connection.execute(last).one())
        calls = connection.execute(select(func.count()).select_from(events).where(*in_reach)).scalar_one()
        _carry_sightings(connection, end.seq)
        touched = _hours_of(connection, end.seq)
        _remove(connection, end.seq)
        _count_anew(connection, touched)
        connection.execute(update(chain).values(anchor_seq=end.seq, anchor_hash=end.hash))
        _note(connection, end, now_ms, calls, archive)
        return Pruned(calls, end)


def _carry_sightings(connection: Connection, end: int) -> None:
    """Keep when keys were first seen, though the calls that tell of it go."""
    gone = (
        select(pairs.c.team, pairs.c.key, func.min(pairs.c.at_ms).label("at_ms"))
        .where(pairs.c.event <= end)
        .group_by(pairs.c.team, pairs.c.key)
    )
    for team, key, at_ms in connection.execute(gone).all():
        of_key = and_(sightings.c.team == team, sightings.c.key == key)
        earlier = or_(sightings.c.carried_ms.is_(None), sightings.c.carried_ms > at_ms)
        connection.execute(update(sightings).where(of_key, earlier).values(carried_ms=at_ms))


def _hours_of(connection: Connection, end: int) -> list[int]:
    return list(connection.execute(select(start_of(HOUR_MS)).where(events.c.seq <= end).distinct()).scalars())


def _remove(connection: Connection, end: int) -> None:
    for table in (pairs, findings):
        connection.execute(delete(table).where(table.c.event <= end))
    for table in (events, deliveries, prunings):
        connection.execute(delete(table).where(table.c.seq <= end))
    connection.execute(delete(outcomes).where(outcomes.c.event <= end, outcomes.c.seq <= end))


def _count_anew(connection: Connection, touched: list[int]) -> None:
    """Make the roll-ups of some hours, and of their days, from what is left of their calls."""
    for table, raw in ((hours, raw_hours), (key_days, raw_key_days), (outcome_hours, raw_outcome_hours)):
        span = SPANS_MS[table]
        starts = sorted({hour - hour % span for hour in touched})
        within = (events.c.at_ms >= starts[0], events.c.at_ms < starts[-1] + span, start_of(span).in_(starts))
        connection.execute(delete(table).where(table.c.start_ms.in_(starts)))
        connection.execute(table.insert().from_select(list(table.c.keys()), raw(within)))


def _note(connection: Connection, end: Link, now_ms: int, calls: int, archive: str) -> None:
    """Write down, as an entry of the chain, what was removed."""
    carried = select(sightings.c.team, sightings.c.key, sightings.c.carried_ms).where(
        sightings.c.carried_ms.is_not(None)
    )
    rows = connection.execute(carried.order_by(sightings.c.team, sightings.c.key)).all()
    head = head_of(connection)
    row = (head.seq + 1, now_ms, end.seq, end.hash.hex(), calls, archive, carried_hash(map(tuple, rows)))
    head = head.next(record("pruning", row))
    insert(connection, prunings, [(*row, head.hash)])
    move_head(connection, head)
