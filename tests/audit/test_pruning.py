"""Removing the oldest calls: what is left is proven, counted right, and remembers when keys were first seen."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runproxy.audit import pruning, report
from runproxy.audit.filters import Filter
from runproxy.audit.pruning import cut_by_age, cut_by_size, prune
from runproxy.audit.reading import find_calls
from runproxy.audit.store import AuditStore
from runproxy.audit.verifying import verify
from tests.audit.calls import DAY_MS, HOUR_MS, NOW_MS, call, entries, put, store_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AuditStore]:
    """Give a store of 40 calls, two each hour, the last one now."""
    times = [NOW_MS - place * HOUR_MS // 2 for place in range(40)][::-1]
    store = store_of(tmp_path, *(call({f"k{at % 3}": str(at)}, team=("a", "b")[at % 2], at_ms=at) for at in times))
    yield store
    store.close()


def times(store: AuditStore) -> list[int]:
    """Give the times of all calls, in hours before now."""
    with store.reading() as connection:
        return [(NOW_MS - one.event.at_ms) // HOUR_MS for one in find_calls(connection, Filter(), 100)]


def test_calls_from_before_a_time_go_and_the_rest_is_proven(store: AuditStore) -> None:
    """The chain begins after the last call that went, and says so itself."""
    gone = prune(store, cut_by_age(store, NOW_MS - 5 * HOUR_MS, NOW_MS), NOW_MS, archive="exports")
    found = verify(store)
    assert gone.calls == 29
    assert gone.up_to == found.anchor
    assert (found.calls, found.prunings, found.problems) == (11, 1, ())
    assert max(times(store)) == 5


def test_pruning_in_steps_comes_to_the_same(store: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes meanwhile waits for a step only; each step leaves a store that is proven."""
    monkeypatch.setattr(pruning, "_AT_ONCE", 7)
    steps: list[int] = []
    seen: list[tuple[str, ...]] = []

    def told(count: int) -> None:
        steps.append(count)
        seen.append(verify(store).problems)
        put(store, entries(call({"between": str(count)}, at_ms=NOW_MS)))

    prune(store, cut_by_age(store, NOW_MS - 5 * HOUR_MS, NOW_MS), NOW_MS, told=told)
    assert steps[-1] == 29
    assert len(steps) > 3
    assert set(seen) == {()}
    assert verify(store).problems == ()


def test_pruning_again_goes_on_from_there(store: AuditStore) -> None:
    """What pruning wrote down of itself goes in its turn; a cut that is behind removes nothing."""
    first = cut_by_age(store, NOW_MS - 9 * HOUR_MS, NOW_MS)
    prune(store, first, NOW_MS)
    assert prune(store, first, NOW_MS).calls == 0
    put(store, entries(call({"late": "x"}, at_ms=NOW_MS)))
    prune(store, cut_by_age(store, NOW_MS - 2 * HOUR_MS, NOW_MS), NOW_MS)
    assert verify(store).problems == ()
    assert max(times(store)) == 2


def test_everything_may_go_but_what_may_still_be_under_way(store: AuditStore) -> None:
    """Calls of the last hour stay, whatever is asked for."""
    prune(store, cut_by_age(store, NOW_MS + DAY_MS, NOW_MS), NOW_MS)
    assert times(store) == [0, 0, 1]
    prune(store, cut_by_age(store, NOW_MS + DAY_MS, NOW_MS + DAY_MS), NOW_MS + DAY_MS)
    assert times(store) == []
    assert verify(store).problems == ()


def test_a_call_that_was_written_late_stays_with_those_before_it(tmp_path: Path) -> None:
    """Only a start of the chain can go: an imported call of last year waits for the calls written before it."""
    store = store_of(tmp_path, call({"n": "1"}, at_ms=NOW_MS), call({"old": "2"}, at_ms=NOW_MS - 300 * DAY_MS))
    assert cut_by_age(store, NOW_MS - DAY_MS, NOW_MS) == 0
    store.close()


def test_keys_are_not_new_because_their_first_calls_are_gone(store: AuditStore) -> None:
    """When a key was first seen is kept, and is proven by what pruning wrote down."""
    with store.reading() as connection:
        before = {row.key: row.first_ms for row in report.new_keys(connection, Filter())}
    prune(store, cut_by_age(store, NOW_MS, NOW_MS), NOW_MS)
    with store.reading() as connection:
        assert {row.key: row.first_ms for row in report.new_keys(connection, Filter())} == before
    assert verify(store).problems == ()


def test_a_store_that_is_too_large_loses_its_oldest_calls(tmp_path: Path) -> None:
    """What is in use afterwards is below the limit; a store that is small enough is left as it is."""
    store = store_of(tmp_path, *(call({"note": "x" * 500}, at_ms=NOW_MS - DAY_MS + place) for place in range(1_000)))
    size = store.size_bytes()
    assert cut_by_size(store, size, NOW_MS) == 0
    prune(store, cut_by_size(store, size // 2, NOW_MS), NOW_MS)
    left = times(store)
    with store.reading() as connection:
        kept = report.summary(connection, Filter()).calls
    assert store.size_bytes() <= size // 2
    assert 200 < kept < 500
    assert left
    assert verify(store).problems == ()
    store.close()


def test_what_was_removed_is_not_left_in_the_file(tmp_path: Path) -> None:
    """Who reads the file afterwards does not find the values."""
    store = store_of(
        tmp_path, *(call({"mail": f"person{place}@example.org"}, at_ms=NOW_MS - DAY_MS) for place in range(50))
    )
    prune(store, cut_by_age(store, NOW_MS, NOW_MS), NOW_MS)
    with store.reading() as connection:
        connection.exec_driver_sql("SELECT 1")
    store.close()
    with (tmp_path / "audit.db").open("rb") as file:
        assert b"@example.org" not in file.read()
