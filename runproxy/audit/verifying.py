"""Proving that nothing in a store was changed or removed: every fact is hashed anew, and every roll-up counted anew.

What cannot be proven by the store alone is that it ends where it ended yesterday: whoever takes off the last entries
can move the head back. A head that was noted elsewhere proves that, and so does an archive.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Table, func, select

from runproxy.audit.chain import Link
from runproxy.audit.counting import Selection, raw_hours, raw_key_days, raw_outcome_hours
from runproxy.audit.entries import Entries, Entry, rows_of
from runproxy.audit.rollups import carried_hash
from runproxy.audit.rows import Values
from runproxy.audit.schema import (
    chain,
    hours,
    key_days,
    outcome_hours,
    pairs,
    prunings,
    sightings,
)
from runproxy.audit.store import AuditStore

MAX_PROBLEMS: Final = 100
"""So many are told; of a store that was written anew there may be millions."""

_AT_MS, _TEAM, _KEY = (list(pairs.c.keys()).index(name) for name in ("at_ms", "team", "key"))
_SIGHTINGS: Final = list(prunings.c.keys()).index("sightings")
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


def count_entries(connection: Connection) -> int:
    """Tell how many entries there are to prove, as far as that can be told of a store that was not proven yet."""
    told = connection.execute(select(func.max(chain.c.head_seq))).scalar()
    return told if isinstance(told, int) else 0


class _Verification:
    def __init__(self, connection: Connection, noted: Sequence[Link]) -> None:
        self._connection = connection
        self._noted = {link.seq: link.hash for link in noted}
        self._problems: list[str] = []
        self._sightings: dict[tuple[str, str], int] = {}
        self._entries = Entries(connection)
        self._calls = 0
        self._pruned: list[Values] = []

    def run(self, told: Callable[[int], None]) -> Verified:
        anchor, head = self._ends()
        self._check_noted(anchor)
        last = anchor
        for number, entry in enumerate(self._entries):
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

    def _ends(self) -> tuple[Link, Link]:
        rows = list(rows_of(self._connection, chain, "id"))
        if [tuple(map(type, row)) for row in rows] == [(int, int, bytes, int, bytes)] and rows[0][0] == 1:
            return Link(*rows[0][1:3]), Link(*rows[0][3:5])
        self._tell("chain: holds something else than its two ends")
        return Link(0, b""), Link(0, b"")

    def _check(self, entry: Entry, last: Link) -> Link:
        """Hash an entry anew, and give the place that the next one follows."""
        if entry.kind == "event":
            self._count(entry)
        if entry.kind == "pruning":
            self._pruned.append(entry.row)
        if entry.seq <= last.seq:
            self._tell(f"{entry.kind} {entry.seq}: was added, where entries have been removed or another one stands")
            return last
        if entry.seq > last.seq + 1:
            self._tell(f"entries {last.seq + 1} to {entry.seq - 1}: were removed")
        elif not entry.follows(last):
            self._tell(f"{entry.kind} {entry.seq}: was changed")
        if self._noted.pop(entry.seq, entry.digest) != entry.digest:
            self._tell(f"{entry.kind} {entry.seq}: is not the one that was noted")
        return Link(entry.seq, entry.digest)

    def _count(self, entry: Entry) -> None:
        self._calls += 1
        for pair in entry.below[0]:
            if isinstance(pair[_AT_MS], int):
                self._see((pair[_TEAM], pair[_KEY]), pair[_AT_MS])

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
        for name, count in self._entries.strays.items():
            self._tell(f"{name}: {count} rows belong to no entry")

    def _check_anchor(self, anchor: Link) -> None:
        """The chain begins where the latest pruning says, or else with entry 1."""
        begins = Link(*self._pruned[-1][2:4]) if self._pruned else None
        told = (begins.seq, begins.hash) if begins else (0, None)
        held = (anchor.seq, anchor.hash.hex() if begins else None)
        if told != held:
            self._tell(f"chain: begins after entry {anchor.seq}, but was pruned up to {told[0]}")

    def _check_sightings(self) -> None:
        carried, held = [], {}
        for team, key, first_ms, carried_ms in rows_of(self._connection, sightings, "team"):
            held[team, key] = first_ms
            if (type(team), type(key), type(carried_ms)) == (str, str, int):
                carried.append((team, key, carried_ms))
                self._see((team, key), carried_ms)
            elif carried_ms is not None:
                self._tell("sightings: hold something else than teams, keys and times")
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
