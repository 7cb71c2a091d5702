"""The first tables: calls with their pairs, findings and outcomes, the chain, the roll-ups, and a view for people."""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "v0001"
down_revision = None

_ROWID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_EVENT_TEXTS = (
    *("request_id", "mode", "route", "method", "path", "decision", "team", "team_source", "fingerprint"),
    *("thread_id", "run_id", "client", "user_agent", "sdk", "sdk_version", "objects"),
)
_CALLS = """
CREATE VIEW calls AS
SELECT e.seq, strftime('%Y-%m-%dT%H:%M:%fZ', e.at_ms / 1000.0, 'unixepoch') AS time, e.team, e.decision, o.status,
  coalesce(o.outcome, 'unknown') AS outcome, e.route, e.thread_id, e.run_id,
  (SELECT json_group_object(p.key, p.value) FROM pairs p WHERE p.event = e.seq) AS pairs,
  (SELECT group_concat(f.code, ' ') FROM findings f WHERE f.event = e.seq) AS findings,
  o.upstream, o.upstream_ms, o.total_ms,
  (SELECT group_concat(d.reason, ' ') FROM deliveries d WHERE d.event = e.seq) AS delivery,
  e.sdk, e.sdk_version, e.user_agent, e.client, e.team_source, e.fingerprint, e.mode, e.method, e.path, e.request_id
FROM events e LEFT JOIN outcomes o ON o.event = e.seq
"""


def upgrade() -> None:
    """Make the tables."""
    _make_facts()
    _make_chain()
    _make_rollups()
    if op.get_bind().dialect.name == "sqlite":
        op.execute(_CALLS)


def _make_facts() -> None:
    texts = [_text(name) for name in _EVENT_TEXTS]
    op.create_table("events", _seq("seq"), _number("at_ms"), *texts, _number("most_pairs"), _hash("hash"))
    op.create_index("events_by_time", "events", ["at_ms", "team", "route", "decision"])
    _make_keyed(
        "pairs",
        (_number("event"), _number("place")),
        _number("at_ms"),
        *map(_text, ("team", "param", "key")),
        sa.Column("value", sa.Text),
        _number("chars"),
        *map(_text, ("type", "form")),
    )
    op.create_index("pairs_by_value", "pairs", ["key", "value", "form", "at_ms", "team"])
    _make_keyed(
        "findings",
        (_number("event"), _number("place")),
        *map(_text, ("code", "param")),
        *(_number(name, nullable=True) for name in ("bound", "actual")),
        _number("refuses"),
    )


def _make_chain() -> None:
    op.create_table(
        "outcomes",
        _seq("event"),
        *map(_number, ("seq", "at_ms", "status")),
        *map(_text, ("outcome", "upstream")),
        *(_number(name, nullable=True) for name in ("upstream_ms", "total_ms")),
        _hash("hash"),
    )
    op.create_table("deliveries", _seq("seq"), *map(_number, ("event", "at_ms")), _text("reason"), _hash("hash"))
    op.create_index("deliveries_by_event", "deliveries", ["event"])
    op.create_table(
        "prunings",
        _seq("seq"),
        *map(_number, ("at_ms", "up_to_seq")),
        _text("up_to_hash"),
        _number("events"),
        *map(_text, ("archive", "sightings")),
        _hash("hash"),
    )
    ends = (_number("anchor_seq"), _hash("anchor_hash"), _number("head_seq"), _hash("head_hash"))
    op.create_table("chain", _seq("id"), *ends)


def _make_rollups() -> None:
    def calls() -> list[sa.Column[object]]:
        return [_number("start_ms"), *map(_text, ("team", "route", "decision"))]

    _make_keyed("hours", calls(), *map(_number, ("calls", "most_pairs", "near_pairs")))
    _make_keyed("key_days", [*calls(), _text("key")], *map(_number, ("calls", "most_chars", "near_chars")))
    _make_keyed("outcome_hours", [*calls(), _text("outcome"), _number("status")], _number("calls"))
    _make_keyed("sightings", map(_text, ("team", "key")), _number("first_ms"), _number("carried_ms", nullable=True))


def _make_keyed(name: str, keys: Iterable[sa.Column[object]], *others: sa.Column[object]) -> None:
    """Make a table that is laid out by its key."""
    keys = tuple(keys)
    key = sa.PrimaryKeyConstraint(*(column.name for column in keys))
    op.create_table(name, *keys, *others, key, sqlite_with_rowid=False)


def _seq(name: str) -> sa.Column[object]:
    return sa.Column(name, _ROWID, primary_key=True, autoincrement=False)


def _number(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text, nullable=False)


def _hash(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.LargeBinary, nullable=False)
