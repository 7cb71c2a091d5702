"""Made-up calls, and stores that hold some."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from runproxy.audit.event import AuditEvent, Finding, MetadataObject, Outcome, Pair, Undelivered
from runproxy.audit.store import AuditStore
from runproxy.audit.writing import Concluded, Entry, Intent, Lost, write

NOW_MS = 1_700_000_000_000
"""A moment within an hour, in 2023: so long ago that it is in the past wherever tests run."""

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

BLANK = AuditEvent(NOW_MS, "req_1", "passthrough", "modify_run", "POST", "/v1/threads/t/runs/r", "accepted")


def call(metadata: Mapping[str, str] | None = None, **fields: Any) -> AuditEvent:
    """Make a call with this metadata; `broken` lists codes of rules that it breaks, at its first key."""
    pairs = tuple(Pair("metadata", key, value, len(value)) for key, value in (metadata or {}).items())
    broken = fields.pop("broken", ())
    refuses = fields.get("decision") == "refused"
    param = f"metadata.{pairs[0].key}" if pairs else "metadata"
    findings = tuple(Finding(code, param, refuses=refuses) for code in broken)
    given = {"objects": (MetadataObject("metadata", len(pairs)),), "pairs": pairs, "findings": findings, **fields}
    return replace(BLANK, **given)


def entries(*calls: AuditEvent, status: int = 200) -> list[Entry]:
    """Make the entries of calls that have ended."""
    found: list[Entry] = []
    for one in calls:
        intent = Intent(one)
        if one.decision == "refused":
            found += [intent, Concluded(intent, Outcome(one.at_ms, 400, "refused", total_ms=0))]
        else:
            found += [intent, Concluded(intent, Outcome(one.at_ms + 70, status, "forwarded", "answered", 68, 70))]
    return found


def put(store: AuditStore, held: Iterable[Entry]) -> None:
    """Write entries."""
    with store.writing() as connection:
        write(connection, held)


def store_of(folder: Path, *calls: AuditEvent) -> AuditStore:
    """Make a store that holds calls."""
    store = AuditStore.open(folder / "audit.db", creates=True)
    put(store, entries(*calls))
    return store


def varied(folder: Path) -> AuditStore:
    """Make a store with something in every table but that of prunings."""
    store = store_of(
        folder,
        call({"user": "a", "env": "test"}, team="search", at_ms=NOW_MS - 2 * DAY_MS),
        call({"user": "b" * 500}, team="ads", at_ms=NOW_MS - DAY_MS, decision="warned", broken=["policy_near_limit"]),
        call({"e-mail": "a@example.org"}, decision="refused", broken=["policy_forbidden_shape", "policy_unknown_key"]),
        call({"user": "a", "ticket": "ABC-1"}, team="search", at_ms=NOW_MS - DAY_MS + 5),
    )
    lost, gone = Intent(call({"user": "c"}, at_ms=NOW_MS - 5)), Intent(call(team="ads", route="create_run"))
    put(store, [lost, gone, Lost(gone, Undelivered(NOW_MS + 9, "client_gone"))])
    put(store, [Concluded(gone, Outcome(NOW_MS + 10, 502, "failed", "unknown", 9, 10))])
    return store
