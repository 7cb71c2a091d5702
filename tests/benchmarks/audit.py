"""A million calls in the audit: how long writing, asking and proving them takes. Run by hand:

    python -m tests.benchmarks.audit [--events 1000000] [--store FILE] [--runs 5] [--verify]

The calls are made up, from a seed: 12 teams over 30 days, with one to six pairs each. The store is a new file in a
temporary folder unless one is named; one that is there is asked and not written to.
"""

import argparse
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from rich.progress import Progress
from sqlalchemy import Connection

from runproxy.audit import report
from runproxy.audit.event import AuditEvent, Decision, Finding, MetadataObject, Outcome, Pair
from runproxy.audit.filters import Filter
from runproxy.audit.reading import find_calls
from runproxy.audit.store import AuditStore
from runproxy.audit.verifying import verify
from runproxy.audit.writing import Concluded, Entry, Intent, write

CODES: Final = ("policy_unknown_key", "policy_missing_key", "policy_value_pattern", "string_above_max_length")
DAY_MS: Final = 86_400_000
DAYS: Final = 30
END_MS: Final = 1_790_000_000_000
BATCH: Final = 20_000
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
        made = entries(count)
        while batch := list(islice(made, BATCH)):
            with store.writing() as connection:
                write(connection, batch)
            progress.advance(task, sum(isinstance(one, Intent) for one in batch))
    store.analyze()
    return time.perf_counter() - started


def questions() -> Iterator[tuple[str, Callable[[Connection], object]]]:
    """Name what is asked: the reports, and searches for what is common, rare and not there at all."""
    everything = Filter()
    week = Filter(since_ms=END_MS - 7 * DAY_MS - 1_234_567, until_ms=END_MS - 1_000_000)
    for name, asked in (("all", everything), ("7 days", week), ("one team", Filter(team="team-03"))):
        for ask in (report.summary, report.coverage, report.keys, report.teams, report.violations, report.nearness):
            yield f"{ask.__name__}, {name}", partial(ask, asked=asked)
    yield "timeline, all", partial(report.timeline, asked=everything, span_ms=DAY_MS)
    yield "values of env, all", partial(report.values, asked=everything, key="env")
    yield "values of trace_id, all", partial(report.values, asked=everything, key="trace_id")
    yield "new keys, all of them", partial(report.new_keys, asked=everything)
    testing = (("env", ("test",)),)
    searches = {
        "a key that many have": Filter(key="user_id"),
        "a key, refused": Filter(key="user_id", decision="refused"),
        "a pair that few have": Filter(where=(("user_id", ("user_000123",)),)),
        "a pair that many have": Filter(where=testing),
        "a pair, a team, a month ago": Filter(where=testing, team="team-11", until_ms=END_MS - 29 * DAY_MS),
        "refused, a team": Filter(decision="refused", team="team-09"),
        "what is not there": Filter(decision="refused", team="nobody"),
        "the id of a run": Filter(about=f"run_{500_000:024d}"),
    }
    for name, asked in searches.items():
        yield f"search, {name}", partial(find_calls, asked=asked, limit=50)


def ask_all(store: AuditStore, runs: int) -> None:
    """Ask each question so often, and print the median and the worst, in milliseconds."""
    print(f"{'question':44}{'median ms':>10}{'worst ms':>10}{'CPU ms':>10}")
    for name, ask in questions():
        walls, work = [], []
        for _ in range(runs):
            with store.reading() as connection:
                wall, cpu = time.perf_counter(), time.process_time()
                ask(connection)
                walls.append((time.perf_counter() - wall) * 1000)
                work.append((time.process_time() - cpu) * 1000)
        print(f"{name:44}{statistics.median(walls):10.0f}{max(walls):10.0f}{statistics.median(work):10.0f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--verify", action="store_true", help="prove the store, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.store or Path(folder) / "audit.db"
        is_there = path.exists()
        store = AuditStore.open(path, creates=True)
        if not is_there:
            took = fill(store, given.events)
            size = store.size_bytes() / 1e6
            print(f"wrote {given.events:,} calls in {took:.1f} s ({time.process_time():.1f} s of CPU): {size:,.0f} MB")
        ask_all(store, given.runs)
        if given.verify:
            started = time.perf_counter()
            found = verify(store)
            took = time.perf_counter() - started
            print(f"verified {found.calls:,} calls in {took:.1f} s: {len(found.problems)} problems")
        store.close()


if __name__ == "__main__":
    main()
