"""Single calls: the latest that meet a filter, or all of them, one after the other."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, exists, func, or_, select

from runproxy.audit.counting import Condition, Selection, matches, of_pairs, pair_conditions, some_pair
from runproxy.audit.errors import UnusableFilter
from runproxy.audit.event import UNKNOWN, AuditEvent, Outcome
from runproxy.audit.filters import Filter
from runproxy.audit.rows import event_of, outcome_of
from runproxy.audit.schema import deliveries, events, findings, outcomes, pairs

_MOST_DIGITS: Final = 18  # more do not fit into a column
_AT_ONCE: Final = 500
_RARE: Final = 20_000  # so many rows of an index are gone through and put in order in no time


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """A call as it is on file: its number, what is known of it, and of its outcome and its delivery, if anything is."""

    seq: int
    event: AuditEvent
    outcome: Outcome | None = None
    delivery: str = ""

    @property
    def cursor(self) -> "Cursor":
        """Where the call stands."""
        return Cursor(self.event.at_ms, self.seq)

    def as_dict(self) -> dict[str, Any]:
        """Give all of it for JSON, with the time as text."""
        told: dict[str, Any] = {"outcome": UNKNOWN}
        if self.outcome:
            told = asdict(self.outcome)
            del told["at_ms"]
        known = asdict(self.event)
        return {"seq": self.seq, "time": time_text(known.pop("at_ms")), **known, **told, "delivery": self.delivery}


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of a call among all, by time; calls of one moment are in the order in which they were written."""

    at_ms: int
    seq: int

    def __str__(self) -> str:
        return f"{self.at_ms}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read what `str` gives; raises `UnusableFilter`."""
        at_ms, dash, seq = text.partition("-")
        is_number = dash and at_ms.isdecimal() and seq.isdecimal() and text.isascii()
        if not is_number or max(len(at_ms), len(seq)) > _MOST_DIGITS:
            raise UnusableFilter("cursor", f"{text!r} is none that was given out here")
        return cls(int(at_ms), int(seq))


def find_calls(connection: Connection, asked: Filter, limit: int, before: Cursor | None = None) -> list[LoggedCall]:
    """Give the latest calls that are asked about, the latest first; `before` goes on where another list has ended."""
    found = _places(connection, asked)
    at_ms, seq = found.selected_columns
    if before is not None:
        found = found.where(at_ms <= before.at_ms, or_(at_ms < before.at_ms, seq < before.seq))
    rows = connection.execute(found.order_by(at_ms.desc(), seq.desc()).limit(limit)).all()
    return read_calls(connection, [row[1] for row in rows])


def all_calls(connection: Connection, asked: Filter) -> Iterator[LoggedCall]:
    """Yield all calls that are asked about, the oldest first; few are in memory at a time."""
    found = _places(connection, asked)
    at_ms, seq = found.selected_columns
    found = found.order_by(at_ms, seq).limit(_AT_ONCE)
    rows = connection.execute(found).all()
    while rows:
        yield from read_calls(connection, [row[1] for row in rows])
        last = rows[-1]
        rows = connection.execute(found.where(at_ms >= last[0], or_(at_ms > last[0], seq > last[1]))).all()


def calls_since(connection: Connection, asked: Filter, seq: int) -> list[LoggedCall]:
    """Give the calls that were written after an entry, in this order."""
    found = select(events.c.seq).where(events.c.seq > seq, *matches(asked)).order_by(events.c.seq).limit(_AT_ONCE)
    return read_calls(connection, list(connection.execute(found).scalars()))


def read_calls(connection: Connection, seqs: Sequence[int]) -> list[LoggedCall]:
    """Read calls by their numbers, in this order."""
    rows = {row.seq: row for row in connection.execute(select(events).where(events.c.seq.in_(seqs)))}
    held, broken, told = (_below(connection, table, seqs) for table in (pairs, findings, deliveries))
    ended = {row.event: row for row in connection.execute(select(outcomes).where(outcomes.c.event.in_(seqs)))}
    return [
        LoggedCall(
            seq,
            event_of(rows[seq], held[seq], broken[seq]),
            outcome_of(ended[seq]) if seq in ended else None,
            " ".join(row.reason for row in told[seq]),
        )
        for seq in seqs
    ]


def time_text(at_ms: int) -> str:
    """Write a time in milliseconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _places(connection: Connection, asked: Filter) -> Selection:
    """Select time and number of calls, so that the latest come quickly.

    By a pair where that is rare, for its index tells all calls that have it; else by the calls in their order, many of
    which have the pairs then.
    """
    wanted = list(zip(pair_conditions(asked, pairs), pair_conditions(asked), strict=True))
    rare = next((of_pair for of_pair, _ in wanted if _is_rare(connection, of_pair)), None)
    others = [
        exists().where(some_pair.c.event == events.c.seq, *of_some)
        for of_pair, of_some in wanted
        if of_pair is not rare
    ]
    plain = replace(asked, key=None, where=())
    if rare is None:
        return select(events.c.at_ms, events.c.seq).where(*matches(plain), *others)
    found = select(pairs.c.at_ms, pairs.c.event).distinct().where(*rare, *of_pairs(asked))
    rest = replace(plain, since_ms=None, until_ms=None, team=None)
    if rest == Filter() and not others:
        return found
    return found.join(events, events.c.seq == pairs.c.event).where(*matches(rest), *others)


def _is_rare(connection: Connection, of_pair: Sequence[Condition]) -> bool:
    some = select(pairs.c.event).where(*of_pair).limit(_RARE).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one() < _RARE


def _below(connection: Connection, table: Table, seqs: Sequence[int]) -> dict[int, list[Row[Any]]]:
    """Read the rows that belong to calls, in their order."""
    order = table.c.place if "place" in table.c else table.c.seq
    found: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(select(table).where(table.c.event.in_(seqs)).order_by(table.c.event, order)):
        found[row.event].append(row)
    return found
