"""Proving that nothing in a store was changed or removed: every fact is hashed anew, and every roll-up counted anew.

What cannot be proven by the store alone is that it ends where it ended yesterday: whoever takes off the last entries
can move the head back. A head that was noted elsewhere proves that, and so does an archive.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import Connection, Table, func, select

from runproxy.audit.chain import Link
from runproxy.audit.counting import Selection, raw_hours, raw_key_days, raw_outcome_hours
from runproxy.audit.rollups import carried_hash
from runproxy.audit.rows import Values, record
from runproxy.audit.schema import (
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

MAX_PROBLEMS: Final = 100
"""So many are told; of a store that was written anew there may be millions."""

_LINKED: Final = ((events, "event"), (outcomes, "outcome"), (deliveries, "delivery"), (prunings, "pruning"))
_AT_MS, _TEAM, _KEY = (list(pairs.c.keys()).index(name) for name in ("at_ms", "team", "key"))
_SIGHTINGS: Final = list(prunings.c.keys()).index("sightings")
_AT_ONCE: Final = 1_000
_TOLD_EVERY: Final = 2_000


@dataclass(frozen=True, slots=True)
class Verified:
    """What was proven: from the entry after `anchor` to `head`, all is as it was written, but for the problems."""

    anchor: Link
    head: Link
    calls: int
    prunings: int
    problems: tuple[str, ...]


def verify(store: AuditStore, noted: Sequence[Link] = (), told: Callable[[int], None] = lambda _: None) -> Verified:
    """Hash and count a store anew. `noted` are places of the chain known from elsewhere; `told` hears of the progress.

    Raises `AuditError` for a store that cannot be read.
    """
    with store.reading() as connection:
        return _Verification(connection, noted).run(told)


class _Entry(NamedTuple):
    """An entry as it is on file: its row but for the hash, and the hash."""

    seq: int
    kind: str
    row: Values
    digest: bytes


class _Verification:
    def __init__(self, connection: Connection, noted: Sequence[Link]) -> None:
        self._connection = connection
        self._noted = {link.seq: link.hash for link in noted}
        self._problems: list[str] = []
        self._sightings: dict[tuple[str, str], int] = {}
        self._below = [_Below(self._rows(table, "event", "place"), table.name) for table in (pairs, findings)]
        self._calls = 0
        self._pruned: list[Values] = []

    def run(self, told: Callable[[int], None]) -> Verified:
        anchor, head = self._ends()
        self._check_noted(anchor)
        last = anchor
        for number, entry in enumerate(self._entries()):
            if number % _TOLD_EVERY == 0:
                told(max(0, entry.seq - anchor.seq))
            last = self._check(entry, last)
        self._check_end(last, head)
        self._check_anchor(anchor)
        self._check_sightings()
        for table, raw in ((hours, raw_hours()), (key_days, raw_key_days()), (outcome_hours, raw_outcome_hours())):
            self._check_rollup(table, raw)
        return Verified(anchor, head, self._calls, len(self._pruned), tuple(self._problems))

    def _tell(self, problem: str) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(problem)

    def _rows(self, table: Table, *order: str) -> Iterator[Values]:
        """Yield rows as they are stored: no type is made of them that hides a change."""
        statement = select(table).order_by(*(table.c[name] for name in order))
        found = self._connection.exec_driver_sql(str(statement.compile(dialect=self._connection.dialect)))
        for rows in found.partitions(_AT_ONCE):
            yield from map(tuple, rows)

    def _ends(self) -> tuple[Link, Link]:
        rows = list(self._rows(chain, "id"))
        if [tuple(map(type, row)) for row in rows] == [(int, int, bytes, int, bytes)] and rows[0][0] == 1:
            return Link(*rows[0][1:3]), Link(*rows[0][3:5])
        self._tell("chain: holds something else than its two ends")
        return Link(0, b""), Link(0, b"")

    def _entries(self) -> Iterator[_Entry]:
        """Yield all entries in the order of their numbers."""
        streams = [self._entries_in(table, kind) for table, kind in _LINKED]
        return heapq.merge(*streams, key=lambda entry: entry.seq)

    def _entries_in(self, table: Table, kind: str) -> Iterator[_Entry]:
        place = list(table.c.keys()).index("seq")
        for *row, digest in self._rows(table, "seq"):
            if isinstance(row[place], int):
                yield _Entry(row[place], kind, tuple(row), digest)
            else:
                self._tell(f"{table.name}: a row has {row[place]!r} in place of a number")

    def _check(self, entry: _Entry, last: Link) -> Link:
        """Hash an entry anew, and give the place that the next one follows."""
        below = self._take_below(entry) if entry.kind == "event" else []
        if entry.kind == "pruning":
            self._pruned.append(entry.row)
        if entry.seq <= last.seq:
            self._tell(f"{entry.kind} {entry.seq}: was added, where entries have been removed or another one stands")
            return last
        if entry.seq > last.seq + 1:
            self._tell(f"entries {last.seq + 1} to {entry.seq - 1}: were removed")
        elif not _is_linked(last, entry, below):
            self._tell(f"{entry.kind} {entry.seq}: was changed")
        if self._noted.pop(entry.seq, entry.digest) != entry.digest:
            self._tell(f"{entry.kind} {entry.seq}: is not the one that was noted")
        return Link(entry.seq, entry.digest)

    def _take_below(self, entry: _Entry) -> list[list[Values]]:
        self._calls += 1
        below = [held.of(entry.seq) for held in self._below]
        for pair in below[0]:
            if isinstance(pair[_AT_MS], int):
                self._see((pair[_TEAM], pair[_KEY]), pair[_AT_MS])
        return below

    def _see(self, seen: tuple[str, str], at_ms: int) -> None:
        self._sightings[seen] = min(self._sightings.get(seen, at_ms), at_ms)

    def _check_noted(self, anchor: Link) -> None:
        for seq in [seq for seq in self._noted if seq <= anchor.seq]:
            digest = self._noted.pop(seq)
            if seq < anchor.seq:
                self._tell(f"entry {seq}: was noted, but has been removed by pruning; name a later one")
            elif digest != anchor.hash:
                self._tell(f"entry {seq}: is not the one that was noted")

    def _check_end(self, last: Link, head: Link) -> None:
        if head != last:
            self._tell(f"chain: ends with entry {head.seq}, but the last one on file is {last.seq}, or was changed")
        for seq in self._noted:
            self._tell(f"entry {seq}: was noted, but the store ends with {last.seq}; what came after it was removed")
        for held in self._below:
            held.rest()
            if held.strays:
                self._tell(f"{held.name}: {held.strays} rows belong to no call")

    def _check_anchor(self, anchor: Link) -> None:
        """The chain begins where the latest pruning says, or else with entry 1."""
        begins = Link(*self._pruned[-1][2:4]) if self._pruned else None
        told = (begins.seq, begins.hash) if begins else (0, None)
        held = (anchor.seq, anchor.hash.hex() if begins else None)
        if told != held:
            self._tell(f"chain: begins after entry {anchor.seq}, but was pruned up to {told[0]}")

    def _check_sightings(self) -> None:
        carried, held = [], {}
        for team, key, first_ms, carried_ms in self._rows(sightings, "team", "key"):
            held[team, key] = first_ms
            if isinstance(carried_ms, int):
                carried.append((team, key, carried_ms))
                self._see((team, key), carried_ms)
            elif carried_ms is not None:
                self._tell("sightings: hold something else than times")
        if held != self._sightings:
            self._tell("sightings: differ from what the calls tell")
        if carried_hash(carried) != (self._pruned[-1][_SIGHTINGS] if self._pruned else carried_hash([])):
            self._tell("sightings: differ from what was noted when calls were pruned")

    def _check_rollup(self, table: Table, raw: Selection) -> None:
        held = select(table)
        for one, other in ((held, raw), (raw, held)):
            found = self._connection.execute(
                select(func.count()).select_from(one.except_(other).subquery())
            ).scalar_one()
            if found:
                self._tell(f"{table.name}: {found} rows differ from what the calls tell")
                return


class _Below:
    """The rows that belong to calls, which are taken in the order of the calls."""

    def __init__(self, rows: Iterator[Values], name: str) -> None:
        self._rows = rows
        self._next = next(rows, None)
        self.name = name
        self.strays = 0

    def of(self, event: int) -> list[Values]:
        """Take the rows of a call; those before them belong to none."""
        found = []
        while self._next is not None and isinstance(self._next[0], int) and self._next[0] <= event:
            if self._next[0] == event:
                found.append(self._next)
            else:
                self.strays += 1
            self._next = next(self._rows, None)
        return found

    def rest(self) -> None:
        """Count what is left, which belongs to no call."""
        self.strays += sum(1 for _ in self._rows) + (self._next is not None)
        self._next = None


def _is_linked(last: Link, entry: _Entry, below: Sequence[Sequence[Values]]) -> bool:
    try:
        return last.next(record(entry.kind, entry.row, *below)).hash == entry.digest
    except TypeError:  # bytes or text stand where they cannot be
        return False
