"""The entries of a chain as they are on file, in their order, for whoever proves or copies them."""

import heapq
from collections.abc import Iterator
from itertools import chain
from typing import Final, NamedTuple

from sqlalchemy import Connection, Table, select

from runproxy.audit.chain import Link
from runproxy.audit.rows import Values, record
from runproxy.audit.schema import deliveries, events, findings, outcomes, pairs, prunings

LINKED: Final = {"event": events, "outcome": outcomes, "delivery": deliveries, "pruning": prunings}
"""The tables whose rows are entries, by the kind of entry."""
BELOW: Final = {"event": (pairs, findings)}
"""The tables whose rows belong to an entry of a kind, and are hashed with it."""

_AT_ONCE: Final = 1_000


class Entry(NamedTuple):
    """An entry: its number and kind, its row but for the hash, the hash, and the rows that belong to it by table."""

    seq: int
    kind: str
    row: Values
    digest: bytes
    below: tuple[list[Values], ...]

    def follows(self, last: Link) -> bool:
        """Tell whether the hash is the one of an entry that is linked to the one before."""
        if any(isinstance(value, float) for row in (self.row, *chain.from_iterable(self.below)) for value in row):
            return False  # no entry holds one, and JSON has no word for infinity but that for nothing
        try:
            return last.next(record(self.kind, self.row, *self.below)).hash == self.digest
        except TypeError:  # something stands there that was never written so
            return False


class Entries:
    """Gives the entries after a number, or all; `strays` counts rows that belong to none, by table, in the end."""

    def __init__(self, connection: Connection, after: int | None = None) -> None:
        self._connection = connection
        self._after = after
        self._below = {table: _Below(rows_of(connection, table, "event", after)) for table in BELOW["event"]}
        self.strays: dict[str, int] = {}

    def __iter__(self) -> Iterator[Entry]:
        streams = [self._of_kind(kind, table) for kind, table in LINKED.items()]
        for seq, kind, row, digest in heapq.merge(*streams, key=lambda found: found[0]):
            below = tuple(self._below[table].of(seq) for table in BELOW.get(kind, ()))
            yield Entry(seq, kind, row, digest, below)
        for table, held in self._below.items():
            self._stray(table, held.rest())

    def _of_kind(self, kind: str, table: Table) -> Iterator[tuple[int, str, Values, bytes]]:
        place = list(table.c.keys()).index("seq")
        for *row, digest in rows_of(self._connection, table, "seq", self._after):
            if isinstance(row[place], int):
                yield row[place], kind, tuple(row), digest
            else:
                self._stray(table, 1)

    def _stray(self, table: Table, count: int) -> None:
        if count:
            self.strays[table.name] = self.strays.get(table.name, 0) + count


class _Below:
    """The rows that belong to entries, which are taken in the order of those."""

    def __init__(self, rows: Iterator[Values]) -> None:
        self._rows = rows
        self._next = next(rows, None)
        self._strays = 0

    def of(self, seq: int) -> list[Values]:
        """Take the rows of an entry; those before them belong to none."""
        found = []
        while self._next is not None and isinstance(self._next[0], int) and self._next[0] <= seq:
            if self._next[0] == seq:
                found.append(self._next)
            else:
                self._strays += 1
            self._next = next(self._rows, None)
        return found

    def rest(self) -> int:
        """Take what is left, and tell how many rows belong to no entry."""
        left = sum(1 for _ in self._rows) + (self._next is not None)
        self._next = None
        return self._strays + left


def rows_of(connection: Connection, table: Table, number: str, after: int | None = None) -> Iterator[Values]:
    """Yield the rows of a table in the order of a number, and then of its key.

    They come as they are stored: no type is made of them that would hide a change.
    """
    order = [table.c[number], *(column for column in table.primary_key.columns if column.name != number)]
    found = select(table).order_by(*order)
    if after is not None:
        found = found.where(table.c[number] > after)
    compiled = found.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    for rows in connection.exec_driver_sql(str(compiled)).partitions(_AT_ONCE):
        yield from map(tuple, rows)
