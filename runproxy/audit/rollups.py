"""Roll-ups: calls counted by hour and by day, so that a million are asked in no time; kept in step with the facts."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final, TypeAlias

import orjson
from sqlalchemy import Connection, Dialect, Table, case
from sqlalchemy.dialects import postgresql, sqlite

from runproxy.audit.event import AuditEvent, Outcome, Pair
from runproxy.audit.schema import DAY_MS, HOUR_MS, hours, key_days, outcome_hours, sightings
from runproxy.limits import MAX_KEY_CHARS, MAX_PAIRS, MAX_VALUE_CHARS

NEAR: Final = 0.8
"""What has reached this share of a limit of the API is near it."""
NEAR_PAIRS: Final = round(NEAR * MAX_PAIRS)
NEAR_KEY_CHARS: Final = round(NEAR * MAX_KEY_CHARS)
NEAR_VALUE_CHARS: Final = round(NEAR * MAX_VALUE_CHARS)

_Call: TypeAlias = tuple[int, str, str, str]


class RollUps:
    """Counts entries that are about to be written, and adds them to the tables."""

    def __init__(self) -> None:
        self._groups: dict[_Call, _Group] = {}

    def add_event(self, event: AuditEvent) -> None:
        """Count a call, and each of its keys once."""
        self._group(event).add(event)

    def add_outcome(self, event: AuditEvent, outcome: Outcome) -> None:
        """Count what became of a call, in the hour of the call."""
        self._group(event).outcomes[outcome.outcome, outcome.status] += 1

    def write(self, connection: Connection) -> None:
        """Add what was counted to the tables."""
        groups = self._groups.items()
        _add(connection, hours, [(*call, *held.counts) for call, held in groups if held.counts[0]])
        kinds = [(*call, *kind, count) for call, held in groups for kind, count in held.outcomes.items()]
        _add(connection, outcome_hours, kinds)
        of_keys = [(call, key, row) for call, held in groups for key, row in held.keys.items()]
        days = [(at - at % DAY_MS, *call, key, *row[:3]) for (at, *call), key, row in of_keys]
        _add(connection, key_days, days)
        seen: dict[tuple[str, str], int] = {}
        for call, key, row in of_keys:
            seen[call[1], key] = min(seen.get((call[1], key), row[3]), row[3])
        _add(connection, sightings, [(*of_team, first, None) for of_team, first in seen.items()])

    def _group(self, event: AuditEvent) -> "_Group":
        call = (event.at_ms - event.at_ms % HOUR_MS, event.team, event.route, event.decision)
        held = self._groups.get(call)
        if held is None:
            held = self._groups[call] = _Group()
        return held


def carried_hash(carried: Iterable[tuple[str, str, int]]) -> str:
    """Give the hash of sightings that calls tell of which have been removed: team, key and time, in this order."""
    return hashlib.sha256(orjson.dumps(list(carried))).hexdigest()


class _Group:
    """The calls of one hour, team, route and decision."""

    __slots__ = ("counts", "keys", "outcomes")

    def __init__(self) -> None:
        self.counts = [0, 0, 0]
        self.keys: dict[str, list[int]] = {}
        self.outcomes: Counter[tuple[str, int]] = Counter()

    def add(self, event: AuditEvent) -> None:
        counts, most_pairs = self.counts, event.most_pairs
        counts[0] += 1
        counts[1] = max(counts[1], most_pairs)
        counts[2] += most_pairs >= NEAR_PAIRS
        for key, chars in _longest(event.pairs).items():
            row = self.keys.get(key)
            if row is None:
                self.keys[key] = [1, chars, chars >= NEAR_VALUE_CHARS, event.at_ms]
                continue
            row[0] += 1
            row[1] = max(row[1], chars)
            row[2] += chars >= NEAR_VALUE_CHARS
            row[3] = min(row[3], event.at_ms)


def _longest(pairs: Sequence[Pair]) -> dict[str, int]:
    """Give each key once, with the length of its longest value."""
    longest = {pair.key: pair.chars for pair in pairs}
    if len(longest) < len(pairs):
        for pair in pairs:
            longest[pair.key] = max(longest[pair.key], pair.chars)
    return longest


def _add(connection: Connection, table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Add rows to those of the same key."""
    if rows:
        connection.exec_driver_sql(_upsert_sql(connection.dialect, table), list(rows))


@cache
def _upsert_sql(dialect: Dialect, table: Table) -> str:
    """Make the statement that adds a row: counts are summed, the greatest and the earliest are kept."""
    insert = sqlite.insert(table) if dialect.name == "sqlite" else postgresql.insert(table)
    changes = {}
    for held in table.columns:
        more = insert.excluded[held.name]
        match held.name.partition("_")[0]:
            case "calls" | "near":
                changes[held.name] = held + more
            case "most":
                changes[held.name] = case((more > held, more), else_=held)
            case "first":
                changes[held.name] = case((more < held, more), else_=held)
    keys = list(table.primary_key.columns)
    return str(insert.on_conflict_do_update(index_elements=keys, set_=changes).compile(dialect=dialect))
