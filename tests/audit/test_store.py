"""The database: made once, brought up to date, shared by processes, and told of in words when it cannot be used."""

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from runproxy.audit.errors import AuditError
from runproxy.audit.schema import SCHEMA, metadata
from runproxy.audit.store import AuditStore
from runproxy.audit.verifying import verify
from tests.audit.calls import call, entries, put, varied

MIGRATIONS = Path(__file__).parents[2] / "runproxy" / "audit" / "migrations"
AT_ONCE = 6


def test_the_migrations_end_in_the_schema_of_the_code(tmp_path: Path) -> None:
    """Tables, columns and indices are those that the code knows, and the newest migration is the one it names."""
    store = AuditStore.open(tmp_path / "audit.db", creates=True)
    with store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    store.close()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA]


def test_what_is_committed_outlives_a_loss_of_power(tmp_path: Path) -> None:
    """The journal is a write-ahead log, and every commit waits for the disk."""
    store = AuditStore.open(tmp_path / "audit.db", creates=True)
    with store.writing() as connection:
        modes = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    store.close()
    assert modes == ["wal", 2]


def test_nobody_else_may_read_a_store(tmp_path: Path) -> None:
    """The file and those beside it are for their owner alone, for they hold what teams write."""
    store = varied(tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    store.close()
    assert set(modes.values()) == {0o600}
    assert "audit.db-wal" in modes


def test_the_default_folder_keeps_itself_out_of_git(tmp_path: Path) -> None:
    """Nobody commits the audit by accident; other folders are left as they are."""
    AuditStore.open(tmp_path / ".runproxy" / "audit.db", creates=True).close()
    AuditStore.open(tmp_path / "mine" / "audit.db", creates=True).close()
    assert (tmp_path / ".runproxy" / ".gitignore").read_text() == "*\n"
    assert not (tmp_path / "mine" / ".gitignore").exists()


def test_processes_that_start_at_once_make_one_store(tmp_path: Path) -> None:
    """One of them makes the tables, the others wait for it; all can write."""
    path = tmp_path / "audit.db"
    code = (
        "import sys; from pathlib import Path; from runproxy.audit.store import AuditStore; "
        "from tests.audit.calls import call, entries, put; "
        "store = AuditStore.open(Path(sys.argv[1]), creates=True); put(store, entries(call({'n': sys.argv[2]})))"
    )
    command = [sys.executable, "-c", code, str(path)]
    running = [subprocess.Popen([*command, str(number)], stderr=subprocess.PIPE) for number in range(AT_ONCE)]
    failed = [told for one in running if (told := one.communicate(timeout=60)[1]) or one.returncode]
    assert failed == []
    store = AuditStore.open(path)
    found = verify(store)
    store.close()
    assert (found.calls, found.problems) == (AT_ONCE, ())


def test_a_store_that_is_not_there_is_not_made_by_asking(tmp_path: Path) -> None:
    """The error says what makes one."""
    with pytest.raises(AuditError, match="there is no audit store") as caught:
        AuditStore.open(tmp_path / "audit.db")
    assert "--store" in caught.value.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(
            b"something else than a database, of some length" * 30, "file is not a database", id="no-database"
        ),
        pytest.param("CREATE TABLE notes (text)", "no audit store of runproxy", id="another-database"),
        pytest.param(
            "CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('v9999')",
            "newer runproxy (schema v9999)",
            id="newer",
        ),
    ],
)
def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path, content: bytes | str, told: str) -> None:
    """The error names the file and what it is."""
    path = tmp_path / "audit.db"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with sqlite3.connect(path) as connection:
            connection.executescript(content)
        connection.close()
    before = path.read_bytes()
    with pytest.raises(AuditError) as caught:
        AuditStore.open(path, creates=True)
    assert str(path) in caught.value.message
    assert told in caught.value.message
    assert isinstance(content, str) or path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_told_of(tmp_path: Path) -> None:
    """The error names the file and the reason."""
    (tmp_path / "file").touch()
    with pytest.raises(AuditError, match="cannot be made or written: Not a directory"):
        AuditStore.open(tmp_path / "file" / "below" / "audit.db", creates=True)


def test_a_name_of_a_folder_is_told_of(tmp_path: Path) -> None:
    """The same for a path that is no file."""
    with pytest.raises(AuditError, match="Is a directory"):
        AuditStore.open(tmp_path, creates=True)


@pytest.mark.parametrize("name", ["audit.db", "audit.db-wal"])
def test_a_store_that_loses_a_file_takes_no_more(tmp_path: Path, name: str) -> None:
    """What is committed stands in the log beside the database at first, and would be lost with either of them."""
    store = varied(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(AuditError, match=f"{name}: was removed or replaced"):
        put(store, entries(call()))
    store.close()


def test_a_store_that_was_emptied_is_not_made_anew_by_asking(tmp_path: Path) -> None:
    """It would prove itself, with nothing in it."""
    (tmp_path / "audit.db").touch()
    with pytest.raises(AuditError, match="is empty, and no audit store"):
        AuditStore.open(tmp_path / "audit.db")
    assert (tmp_path / "audit.db").stat().st_size == 0


def test_text_that_is_none_is_told_without_it(tmp_path: Path) -> None:
    """What the database says of it holds the text, which may be a value, or a command to a terminal."""
    store = varied(tmp_path)
    store.close()
    with sqlite3.connect(tmp_path / "audit.db") as connection:
        connection.execute("UPDATE events SET path = CAST(x'1b5b33316dff41' AS TEXT)")
    store = AuditStore.open(tmp_path / "audit.db")
    with pytest.raises(AuditError) as caught:
        verify(store)
    store.close()
    assert "holds text that is no UTF-8, which runproxy never writes" in caught.value.message
    assert "1m" not in caught.value.message


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    """A transaction that ends in an error is undone as a whole."""
    store = varied(tmp_path)
    before = verify(store)

    def fail() -> None:
        with store.writing() as connection:
            connection.exec_driver_sql("DELETE FROM pairs")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    after = verify(store)
    put(store, entries(call({"n": "1"})))
    assert (before, verify(store).problems) == (after, ())
    store.close()


def test_people_see_calls_in_a_view(tmp_path: Path) -> None:
    """The view `calls` has times that can be read, pairs as JSON, and what became of calls."""
    store = varied(tmp_path)
    with store.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT time, team, decision, outcome, pairs, findings, delivery FROM calls ORDER BY seq"
        ).all()
    store.close()
    assert rows[0] == (
        "2023-11-12T22:13:20.000Z",
        "search",
        "accepted",
        "forwarded",
        '{"user":"a","env":"test"}',
        None,
        None,
    )
    assert rows[2][2:6] == (
        "refused",
        "refused",
        '{"e-mail":"a@example.org"}',
        "policy_forbidden_shape policy_unknown_key",
    )
    assert [row[3] for row in rows[4:]] == ["unknown", "failed"]
    assert rows[5][6] == "client_gone"
