# ruff: noqa: S608 - the statements are made up of the names of our own tables
"""Whoever changes, adds or removes anything in a store is found out."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.audit.chain import Link
from runproxy.audit.pruning import cut_by_age, prune
from runproxy.audit.schema import metadata
from runproxy.audit.store import AuditStore
from runproxy.audit.verifying import verify
from tests.audit.calls import DAY_MS, NOW_MS, call, entries, put, store_of, varied

TABLES = sorted(metadata.tables)
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.binary(max_size=33),
)


@pytest.fixture(scope="module", params=["whole", "pruned"])
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of a store with something in every table."""
    store = varied(tmp_path_factory.mktemp("audit"))
    if request.param == "pruned":
        prune(store, cut_by_age(store, NOW_MS - DAY_MS - 1, NOW_MS), NOW_MS, archive="archive")
        put(store, entries(call({"late": "x"}, at_ms=NOW_MS - 3 * DAY_MS)))
    else:
        prune(store, cut_by_age(store, NOW_MS - 9 * DAY_MS, NOW_MS), NOW_MS)
    _settle(store)
    return store.path


def _settle(store: AuditStore) -> None:
    """Bring all into the one file, so that it can be copied."""
    store.close()
    with sqlite3.connect(store.path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def problems(path: Path) -> tuple[str, ...]:
    """Verify a store and give what is wrong with it."""
    store = AuditStore.open(path)
    try:
        return verify(store).problems
    finally:
        store.close()


def content(path: Path) -> list[object]:
    """Give all rows of all tables, with the types of their values."""
    with sqlite3.connect(path) as connection:
        found: list[object] = [
            [tuple((type(value), value) for value in row) for row in connection.execute(f"SELECT * FROM {table}")]
            for table in TABLES
        ]
    connection.close()
    return found


def test_an_untouched_store_has_no_problems(original: Path) -> None:
    """What was written is proven, pruned or not."""
    assert problems(original) == ()


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_change_of_any_row_in_any_table_is_found(
    original: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Another value in a column, a row removed, a row added: `verify` tells of it, wherever it is."""
    assert_found(original, tmp_path_factory.mktemp("tampered") / "audit.db", data)


@pytest.mark.slow
@settings(max_examples=2_000, deadline=None)
@given(data=st.data())
def test_any_change_is_found_tried_longer(
    original: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The same, in many more tries."""
    assert_found(original, tmp_path_factory.mktemp("tampered") / "audit.db", data)


def assert_found(original: Path, path: Path, data: st.DataObject) -> None:
    """Tamper with a copy of a store, and see that it is told of, if it has made a difference."""
    copyfile(original, path)
    before = content(path)
    connection = sqlite3.connect(path)
    try:
        with connection:
            tamper(connection, data)
    except sqlite3.IntegrityError:  # the database itself does not take it
        return
    finally:
        connection.close()
    assert bool(problems(path)) == (content(path) != before)


def tamper(connection: sqlite3.Connection, data: st.DataObject) -> None:
    """Change, remove or add a row."""
    table = data.draw(st.sampled_from(TABLES), label="table")
    rows = connection.execute(f"SELECT * FROM {table}").fetchall()
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    if not rows:  # nothing has been pruned
        connection.execute(f"INSERT INTO {table} VALUES (99, 0, 0, '', 0, '', '', x'')")
        return
    row = data.draw(st.sampled_from(rows), label="row")
    this_row = " AND ".join(f"{column} IS ?" for column in columns)
    match data.draw(st.sampled_from(["change", "remove", "add"]), label="deed"):
        case "remove":
            connection.execute(f"DELETE FROM {table} WHERE {this_row}", row)
        case "change":
            place = data.draw(st.integers(0, len(columns) - 1), label="column")
            of_other_rows = st.sampled_from([other[place] for other in rows])
            value = data.draw(st.one_of(VALUES, of_other_rows), label="value")
            connection.execute(f"UPDATE {table} SET {columns[place]} = ? WHERE {this_row}", (value, *row))
        case "add":
            first = data.draw(VALUES, label="first column")
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", (first, *row[1:]))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AuditStore]:
    """Give a store of three calls, each with its outcome."""
    store = store_of(tmp_path, *(call({"n": str(number)}, at_ms=NOW_MS + number) for number in range(3)))
    yield store
    store.close()


def execute(store: AuditStore, *statements: str) -> None:
    """Tamper with a store."""
    with store.writing() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        pytest.param("UPDATE events SET team = 'ads' WHERE seq = 3", "event 3: was changed", id="event"),
        pytest.param("UPDATE pairs SET value = 'x' WHERE event = 3", "event 3: was changed", id="pair"),
        pytest.param("UPDATE outcomes SET status = 500 WHERE seq = 4", "outcome 4: was changed", id="outcome"),
        pytest.param("UPDATE outcomes SET upstream_ms = 9e999 WHERE seq = 4", "outcome 4: was changed", id="infinite"),
        pytest.param("DELETE FROM outcomes WHERE seq = 4", "entries 4 to 4: were removed", id="outcome-gone"),
        pytest.param("DELETE FROM outcomes WHERE seq = 6", "the last one on file is 5", id="last-gone"),
        pytest.param("DELETE FROM pairs WHERE event = 5", "event 5: was changed", id="pair-gone"),
        pytest.param("INSERT INTO pairs SELECT 4, place, at_ms, team, param, key, value, chars, type, form FROM pairs "
                     "WHERE event = 3", "pairs: 1 rows belong to no entry", id="stray-pair"),
        pytest.param("UPDATE hours SET calls = 4", "hours: 1 rows differ", id="roll-up"),
        pytest.param("UPDATE sightings SET first_ms = 0", "sightings: differ", id="sighting"),
        pytest.param("DELETE FROM chain", "chain: holds something else", id="chain-gone"),
    ],
)  # fmt: skip
def test_what_was_done_is_told(store: AuditStore, statement: str, told: str) -> None:
    """The first problem names the entry, or the table, and what was done."""
    assert verify(store).problems == ()
    execute(store, statement)
    assert any(told in problem for problem in verify(store).problems)


def test_only_the_entry_that_was_changed_is_named(store: AuditStore) -> None:
    """One change is one problem: the entries after it still follow each other."""
    execute(store, "UPDATE events SET path = '/v1/other' WHERE seq = 3")
    assert verify(store).problems == ("event 3: was changed",)


def test_an_end_that_was_taken_off_with_care_is_found_by_a_noted_head(store: AuditStore) -> None:
    """Whoever moves the head back leaves a store that proves itself, but not against a head from elsewhere."""
    head = verify(store).head
    execute(
        store,
        "DELETE FROM events WHERE seq = 5",
        "DELETE FROM pairs WHERE event = 5",
        "DELETE FROM outcomes WHERE event = 5",
        "UPDATE chain SET head_seq = 4, head_hash = (SELECT hash FROM outcomes WHERE seq = 4)",
        "UPDATE hours SET calls = 2",
        "UPDATE key_days SET calls = 2",
        "UPDATE outcome_hours SET calls = 2",
    )
    assert verify(store).problems == ()
    assert verify(store, [head]).problems == (
        "entry 6: was noted, but the store ends with 4; what came after it was removed",
    )


def test_a_head_that_was_noted_is_found_again_when_the_store_has_grown(store: AuditStore) -> None:
    """What came before an old head is as it was then."""
    head = Link.parse(str(verify(store).head))
    put(store, entries(call({"n": "3"})))
    assert verify(store, [head]).problems == ()
    assert verify(store, [Link(head.seq, b"?" * 32)]).problems == ("outcome 6: is not the one that was noted",)
