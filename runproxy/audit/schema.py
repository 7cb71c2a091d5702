"""The tables. `migrations` makes them; here they are as the newest migration leaves them.

Facts: `events` with their `pairs` and `findings`, `outcomes`, `deliveries` and `prunings`. Each row of these but pairs
and findings is an entry of the chain, and `chain` holds both ends of it. Roll-ups, kept in step in the same
transaction: `hours`, `key_days`, `outcome_hours` and `sightings`. An empty team stands for callers of no known team.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.types import TypeEngine

SCHEMA: Final = "v0001"
"""The newest migration."""

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

metadata: Final = MetaData()
_ROWID: Final[TypeEngine[int]] = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER is the row id there


def _number(name: str, *, key: bool = False, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=key, nullable=nullable, autoincrement=False)


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=False)


def _seq(name: str = "seq") -> Column[int]:
    return Column(name, _ROWID, primary_key=True, autoincrement=False)


def _hash(name: str = "hash") -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


events = Table(
    "events",
    metadata,
    _seq(),
    _number("at_ms"),
    _text("request_id"),
    _text("mode"),
    _text("route"),
    _text("method"),
    _text("path"),
    _text("decision"),
    _text("team"),
    _text("team_source"),
    _text("fingerprint"),
    _text("thread_id"),
    _text("run_id"),
    _text("client"),
    _text("user_agent"),
    _text("sdk"),
    _text("sdk_version"),
    _text("objects"),
    _number("most_pairs"),
    _hash(),
    Index("events_by_time", "at_ms", "team", "route", "decision"),
)
"""Calls. `objects` is JSON; `most_pairs` is the number of pairs of the largest of them."""

pairs = Table(
    "pairs",
    metadata,
    _number("event", key=True),
    _number("place", key=True),
    _number("at_ms"),
    _text("team"),
    _text("param"),
    _text("key"),
    Column("value", Text),
    _number("chars"),
    _text("type"),
    _text("form"),
    Index("pairs_by_value", "key", "value", "form", "at_ms", "team"),
    sqlite_with_rowid=False,
)
"""The pairs of calls, in the order of the body; time and team are those of the call."""

findings = Table(
    "findings",
    metadata,
    _number("event", key=True),
    _number("place", key=True),
    _text("code"),
    _text("param"),
    _number("bound", nullable=True),
    _number("actual", nullable=True),
    _number("refuses"),
    sqlite_with_rowid=False,
)
"""The broken rules of calls; `bound` is the limit that was not kept."""

outcomes = Table(
    "outcomes",
    metadata,
    _seq("event"),
    _number("seq"),
    _number("at_ms"),
    _number("status"),
    _text("outcome"),
    _text("upstream"),
    _number("upstream_ms", nullable=True),
    _number("total_ms", nullable=True),
    _hash(),
)

deliveries = Table(
    "deliveries",
    metadata,
    _seq(),
    _number("event"),
    _number("at_ms"),
    _text("reason"),
    _hash(),
    Index("deliveries_by_event", "event"),
)

prunings = Table(
    "prunings",
    metadata,
    _seq(),
    _number("at_ms"),
    _number("up_to_seq"),
    _text("up_to_hash"),
    _number("events"),
    _text("archive"),
    _text("sightings"),
    _hash(),
)
"""What was removed: all entries up to a place. `sightings` is a hash of what that table keeps of them."""

chain = Table(
    "chain",
    metadata,
    _seq("id"),
    _number("anchor_seq"),
    _hash("anchor_hash"),
    _number("head_seq"),
    _hash("head_hash"),
)
"""One row: the entry before the first that is on file, and the last one."""

hours = Table(
    "hours",
    metadata,
    _number("start_ms", key=True),
    _text("team", key=True),
    _text("route", key=True),
    _text("decision", key=True),
    _number("calls"),
    _number("most_pairs"),
    _number("near_pairs"),
    sqlite_with_rowid=False,
)

key_days = Table(
    "key_days",
    metadata,
    _number("start_ms", key=True),
    _text("team", key=True),
    _text("route", key=True),
    _text("decision", key=True),
    _text("key", key=True),
    _number("calls"),
    _number("most_chars"),
    _number("near_chars"),
    sqlite_with_rowid=False,
)

outcome_hours = Table(
    "outcome_hours",
    metadata,
    _number("start_ms", key=True),
    _text("team", key=True),
    _text("route", key=True),
    _text("decision", key=True),
    _text("outcome", key=True),
    _number("status", key=True),
    _number("calls"),
    sqlite_with_rowid=False,
)

sightings = Table(
    "sightings",
    metadata,
    _text("team", key=True),
    _text("key", key=True),
    _number("first_ms"),
    _number("carried_ms", nullable=True),
    sqlite_with_rowid=False,
)
"""When a team first wrote a key; `carried_ms` is what calls that have been removed since tell of it."""
