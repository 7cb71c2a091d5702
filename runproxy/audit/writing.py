"""Writing entries: in one transaction, each linked to the one before it, with all that is derived from them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from sqlalchemy import Connection, Table

from runproxy.audit.chain import Link
from runproxy.audit.event import AuditEvent, Outcome, Undelivered
from runproxy.audit.rollups import RollUps
from runproxy.audit.rows import Values, delivery_row, event_row, finding_rows, insert, outcome_row, pair_rows, record
from runproxy.audit.schema import deliveries, events, findings, outcomes, pairs

# Asked for with every commit, and so given to the driver as they are.
_HEAD_OF: Final = "SELECT head_seq, head_hash FROM chain"
_MOVE_HEAD: Final = "UPDATE chain SET head_seq = ?, head_hash = ?"


@dataclass(slots=True, eq=False)
class Intent:
    """A call that is to be written down; `seq` is its number once it is."""

    event: AuditEvent
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Concluded:
    """What became of a call whose intent was written before, or is written together with this."""

    intent: Intent
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Lost:
    """That an answer was not delivered, to a call whose intent was written before."""

    intent: Intent
    undelivered: Undelivered


Entry: TypeAlias = Intent | Concluded | Lost


def write(connection: Connection, entries: Iterable[Entry]) -> Link:
    """Write entries in their order, and give the new head of the chain; nobody else may write meanwhile."""
    batch = _Batch(head_of(connection))
    for entry in entries:
        batch.add(entry)
    batch.write(connection)
    move_head(connection, batch.head)
    return batch.head


def head_of(connection: Connection) -> Link:
    """Give the last entry of the chain."""
    return Link(*connection.exec_driver_sql(_HEAD_OF).one())


def move_head(connection: Connection, head: Link) -> None:
    """Note which entry is the last one."""
    connection.exec_driver_sql(_MOVE_HEAD, (head.seq, head.hash))


class _Batch:
    """The rows of some entries; `head` is the last of them."""

    def __init__(self, head: Link) -> None:
        self.head = head
        self._rows: dict[Table, list[Values]] = {table: [] for table in (events, pairs, findings, outcomes, deliveries)}
        self._rollups = RollUps()

    def add(self, entry: Entry) -> None:
        seq = self.head.seq + 1
        match entry:
            case Intent(event):
                entry.seq = seq
                row, held, broken = event_row(seq, event), pair_rows(seq, event), finding_rows(seq, event)
                self._link(events, record("event", row, held, broken), row)
                self._rows[pairs] += held
                self._rows[findings] += broken
                self._rollups.add_event(event)
            case Concluded(intent, outcome):
                row = outcome_row(seq, intent.seq, outcome)
                self._link(outcomes, record("outcome", row), row)
                self._rollups.add_outcome(intent.event, outcome)
            case Lost(intent, undelivered):
                row = delivery_row(seq, intent.seq, undelivered)
                self._link(deliveries, record("delivery", row), row)

    def write(self, connection: Connection) -> None:
        for table, rows in self._rows.items():
            insert(connection, table, rows)
        self._rollups.write(connection)

    def _link(self, table: Table, linked: bytes, row: Values) -> None:
        self.head = self.head.next(linked)
        self._rows[table].append((*row, self.head.hash))
