"""Facts as rows of the tables, and back."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain
from operator import attrgetter
from typing import Any, Final, TypeAlias

import orjson
from sqlalchemy import Connection, Dialect, Row, Table

from runproxy.audit.event import AuditEvent, Finding, MetadataObject, Outcome, Pair, Undelivered

Values: TypeAlias = tuple[Any, ...]
"""A row in the order of the columns of its table."""

_PLAIN: Final = tuple(name for name in AuditEvent.__slots__ if name not in ("objects", "pairs", "findings"))
"""What of an event is a column as it is."""
_plain_of: Final = attrgetter(*_PLAIN)
_AT_ONCE: Final = 64


def record(kind: str, row: Values, *below: Sequence[Values]) -> bytes:
    """Give the one form of an entry that is hashed: its row but for the hash, and the rows that belong to it, as JSON.

    Raises `TypeError` for a row that has no JSON.
    """
    return orjson.dumps((kind, row, *below))


def insert(connection: Connection, table: Table, rows: list[Values]) -> None:
    """Insert rows. They go to the driver as they are, because SQLAlchemy takes longer over a row than the database.

    As many as come at once under load go with one statement, during which the driver does not need the interpreter:
    with one for each row, this thread and that of the event loop would take it from each other with every row.
    """
    if len(rows) > _AT_ONCE:
        connection.exec_driver_sql(_insert_sql(connection.dialect, table, 1), rows)
    elif rows:
        connection.exec_driver_sql(_insert_sql(connection.dialect, table, len(rows)), tuple(chain.from_iterable(rows)))


@cache
def _insert_sql(dialect: Dialect, table: Table, count: int) -> str:
    head, words, row = str(table.insert().compile(dialect=dialect)).partition(" VALUES ")
    return f"{head}{words}{', '.join([row] * count)}"


def event_row(seq: int, event: AuditEvent) -> Values:
    """Give the row of a call, but for its hash."""
    return (seq, *_plain_of(event), objects_text(event.objects), event.most_pairs)


def pair_rows(seq: int, event: AuditEvent) -> list[Values]:
    """Give the rows of the pairs of a call."""
    at_ms, team = event.at_ms, event.team
    return [
        (seq, place, at_ms, team, pair.param, pair.key, pair.value, pair.chars, pair.type, pair.form)
        for place, pair in enumerate(event.pairs)
    ]


def finding_rows(seq: int, event: AuditEvent) -> list[Values]:
    """Give the rows of the findings of a call."""
    return [
        (seq, place, found.code, found.param, found.limit, found.actual, int(found.refuses))
        for place, found in enumerate(event.findings)
    ]


def outcome_row(seq: int, event: int, held: Outcome) -> Values:
    """Give the row of an outcome, but for its hash; `event` is the number of the call."""
    return (event, seq, held.at_ms, held.status, held.outcome, held.upstream, held.upstream_ms, held.total_ms)


def delivery_row(seq: int, event: int, held: Undelivered) -> Values:
    """Give the row of a delivery, but for its hash; `event` is the number of the call."""
    return (seq, event, held.at_ms, held.reason)


def event_of(row: Row[Any], pairs: Iterable[Row[Any]], findings: Iterable[Row[Any]]) -> AuditEvent:
    """Read a call from its rows; raises `ValueError` or `TypeError` for rows that this module has not written."""
    return AuditEvent(
        **{name: getattr(row, name) for name in _PLAIN},
        objects=tuple(MetadataObject(*held) for held in orjson.loads(row.objects)),
        pairs=tuple(Pair(held.param, held.key, held.value, held.chars, held.type, held.form) for held in pairs),
        findings=tuple(
            Finding(held.code, held.param, held.bound, held.actual, bool(held.refuses)) for held in findings
        ),
    )


def outcome_of(row: Row[Any]) -> Outcome:
    """Read an outcome from its row."""
    return Outcome(row.at_ms, row.status, row.outcome, row.upstream, row.upstream_ms, row.total_ms)


def delivery_of(row: Row[Any]) -> Undelivered:
    """Read a delivery from its row."""
    return Undelivered(row.at_ms, row.reason)


def objects_text(objects: Iterable[MetadataObject]) -> str:
    """Write metadata objects as they stand in the row of their call."""
    return orjson.dumps([(held.param, held.pairs, held.is_main) for held in objects]).decode()
