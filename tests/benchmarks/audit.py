"""A million calls in the audit: how long writing, asking and proving them takes. Run by hand:

    python -m tests.benchmarks.audit [--events 1000000] [--store FILE] [--runs 3]

The calls are made up, from a seed: 12 teams over 30 days, with one to six pairs each. The store is a new file in a
temporary folder unless one is named; one that is there is asked and not written to.
"""

import argparse
import random
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.progress import Progress

from runproxy.audit.event import AuditEvent, Decision, Finding, MetadataObject, Outcome, Pair
from runproxy.audit.store import AuditStore
from runproxy.audit.writing import Concluded, Entry, Intent, write

CODES: Final = ("policy_unknown_key", "policy_missing_key", "policy_value_pattern", "string_above_max_length")
DAY_MS: Final = 86_400_000
DAYS: Final = 30
END_MS: Final = 1_790_000_000_000
BATCH: Final = 5_000
TEAMS: Final = (*(f"team-{number:02d}" for number in range(1, 12)), "")
ROUTES: Final = ("modify_run", "modify_run", "modify_run", "create_run", "create_thread", "create_response")
WORDS: Final = ("search", "index", "nightly", "customer asked", "retry of an earlier run", "überprüft", "see ticket")


def entries(count: int, seed: int = 1) -> Iterator[Entry]:
    """Make up calls and their outcomes, in the order of their times."""
    chance = random.Random(seed)
    step = DAYS * DAY_MS / count
    for number in range(count):
        at_ms = END_MS - DAYS * DAY_MS + int(number * step)
        intent = Intent(event(chance, number, at_ms))
        yield intent
        if intent.event.decision == "refused":
            yield Concluded(intent, Outcome(at_ms, 400, "refused", total_ms=1))
        elif number % 1_000:  # of a few calls nobody knows what became
            took = chance.randrange(40, 900)
            yield Concluded(intent, Outcome(at_ms + took, 200, "forwarded", "answered", took - 2, took))


def event(chance: random.Random, number: int, at_ms: int) -> AuditEvent:
    """Make up one call."""
    luck = chance.random()
    team = TEAMS[int(luck * luck * len(TEAMS))]
    keys = KEYS_OF[team]
    start, many = int(chance.random() * len(keys)), 1 + int(chance.random() * 6)
    pairs = tuple(
        Pair("metadata", key, value, len(value)) for key, value in pairs_of(chance, (keys * 2)[start:][:many])
    )
    luck = chance.random()
    decision: Decision = "refused" if luck < 0.04 else "warned" if luck < 0.08 else "accepted"
    findings: tuple[Finding, ...] = ()
    if decision != "accepted":
        code = CODES[int(chance.random() * len(CODES))]
        findings = (Finding(code, f"metadata.{pairs[0].key}", refuses=decision == "refused"),)
    thread, run = f"thread_{number // 3:024d}", f"run_{number:024d}"
    return AuditEvent(
        at_ms,
        f"req_{chance.getrandbits(128):032x}",
        "passthrough",
        ROUTES[number % len(ROUTES)],
        "POST",
        f"/v1/threads/{thread}/runs/{run}",
        decision,
        team,
        "credential" if team else "",
        FINGERPRINTS[team],
        thread,
        run,
        f"10.0.0.{number % 250}",
        "OpenAI/Python 2.8.1",
        "openai-python",
        "2.8.1",
        (MetadataObject("metadata", many),),
        pairs,
        findings,
    )


def pairs_of(chance: random.Random, keys: list[str]) -> Iterator[tuple[str, str]]:
    """Make up values: ids, numbers, mail addresses, words and free text, by the name of the key."""
    for key in keys:
        luck = chance.random()
        match key.partition("_")[0]:
            case "user":
                yield key, f"user_{int(luck * 50_000):06d}"
            case "trace":
                yield key, str(uuid.UUID(int=chance.getrandbits(128), version=4))
            case "ticket":
                yield key, f"ABC-{int(luck * 100_000)}"
            case "mail":
                yield key, f"person{int(luck * 5_000)}@example.org"
            case "count":
                yield key, str(int(luck * 1_000))
            case "note":
                yield key, ((WORDS[int(luck * len(WORDS))] + " ") * int(1 + luck * 40))[:512]
            case _:
                yield key, ("production", "staging", "test")[int(luck * 3)]


KINDS: Final = ("user_id", "trace_id", "ticket", "mail", "count", "note", "env", "region", "stage", "origin")
KEYS_OF: Final = {
    team: [*KINDS, *(f"{kind}_{more}" for kind in ("env", "count", "ticket") for more in range(place % 4))]
    for place, team in enumerate(TEAMS)
}
FINGERPRINTS: Final = {team: f"fp_{place:032x}" if team else "" for place, team in enumerate(TEAMS)}


def fill(store: AuditStore, count: int) -> float:
    """Write so many calls, with a bar, and tell how many seconds that took."""
    started = time.perf_counter()
    with Progress() as progress:
        task = progress.add_task("Writing calls", total=count)
        batch: list[Entry] = []
        for entry in entries(count):
            batch.append(entry)
            if len(batch) >= BATCH:
                _write(store, batch)
                progress.advance(task, sum(isinstance(one, Intent) for one in batch))
                batch = []
        _write(store, batch)
    store.analyze()
    return time.perf_counter() - started


def _write(store: AuditStore, batch: list[Entry]) -> None:
    with store.writing() as connection:
        write(connection, batch)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.store or Path(folder) / "audit.db"
        is_there = path.exists()
        store = AuditStore.open(path, creates=True)
        if not is_there:
            took = fill(store, given.events)
            print(f"wrote {given.events:,} calls in {took:.1f} s, {store.size_bytes() / 1e6:,.0f} MB")
        store.close()


if __name__ == "__main__":
    main()
