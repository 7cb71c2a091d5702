"""The database of the audit: SQLite in WAL mode, where what is committed outlives a loss of power.

This is the only module that knows the engine. Another one needs its address and its way to begin here, and `upsert` in
`writing`.
"""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound

from runproxy.audit.chain import Link
from runproxy.audit.errors import AuditError
from runproxy.audit.schema import SCHEMA, chain
from runproxy.audit.settings import DEFAULT_STORE

_BUSY_MS: Final = 5_000
"""How long to wait for another process that writes."""
_CACHE_KIB: Final = 64 * 1024
_STATEMENTS: Final = 512
"""So many are kept ready: there is one for each number of rows that are written at once."""
_NO_TEXT: Final = "Could not decode to UTF-8"  # the words of the sqlite3 module
_WAL_BYTES: Final = 64 * 1024 * 1024  # the log is cut back to this when it was larger
_MIGRATIONS: Final = Path(__file__).parent / "migrations"

Reading: TypeAlias = Connection
"""What questions to a store are asked with; `AuditStore.reading` gives one."""


class AuditStore:
    """A store that is open. Any thread may read, one at a time may write; other processes may do both."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity = _identity(path)
        self._log = path.with_name(f"{path.name}-wal")
        self._log_identity: tuple[int, int] | None = None
        self._reading = _engine(path, "BEGIN")
        self._writing = _engine(path, "BEGIN IMMEDIATE")

    @classmethod
    def open(cls, path: Path, *, creates: bool = False) -> "AuditStore":
        """Open a store and bring its schema up to date, or make one if it `creates`; raises `AuditError`."""
        if not creates and not path.exists():
            raise AuditError(
                f"{path}: there is no audit store. A proxy that forwards calls makes one, by default {DEFAULT_STORE} "
                "in the folder it is started in; name it with --store, or as audit.store in the settings."
            )
        if not creates and path.stat().st_size == 0:  # looking into it would make a database of it
            raise AuditError(f"{path}: is empty, and no audit store; it was left alone.")
        with _told(path):
            if creates:
                _make_folder(path)
            store = cls(path)
            try:
                store._migrate(creates=creates)
            except BaseException:
                store.close()
                raise
            return store

    def close(self) -> None:
        """Close all connections."""
        self._reading.dispose()
        self._writing.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the store, and changes nothing; raises `AuditError`."""
        with _told(self.path), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection that alone may write; leaving it commits, an error undoes all. Raises `AuditError`."""
        self._check_identity()
        with _told(self.path), self._writing.begin() as connection:
            yield connection
        # What is committed stands in the log at first, and a young store has nothing anywhere else.
        self._log_identity = self._log_identity or _identity(self._log)

    def _check_identity(self) -> None:
        held = {self.path: self._identity, self._log: self._log_identity}
        for path, identity in held.items():
            if identity is not None and _identity(path) != identity:
                raise AuditError(
                    f"{path}: was removed or replaced while it was in use, and what is written would be lost. Put it "
                    "back, or start runproxy anew."
                )

    def size_bytes(self) -> int:
        """Tell how much of the file is in use; what was removed is used again, but leaves the file as it is."""
        with self.reading() as connection:
            pages, free, page = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("page_count", "freelist_count", "page_size")
            )
        return int((pages - free) * page)

    def analyze(self) -> None:
        """Let the database look at what is in it, after much has changed, so that it finds the best ways to answers."""
        with self.writing() as connection:
            connection.exec_driver_sql("PRAGMA analysis_limit = 1000")
            connection.exec_driver_sql("ANALYZE")

    def vacuum(self) -> None:
        """Give the room of what was removed back to the disk; nobody else can write meanwhile. Raises `AuditError`."""
        with _told(self.path):
            connection = self._writing.raw_connection()
            try:
                connection.cursor().execute("VACUUM")
            except sqlite3.Error as error:
                raise AuditError(f"{self.path}: {error}.") from error
            finally:
                connection.close()

    def _migrate(self, *, creates: bool) -> None:
        """Bring the schema up to date; of several processes that start at once, the first does it."""
        with self._reading.connect() as connection:
            found = _schema_of(connection)
            if found == SCHEMA:
                return
            if not found and not creates:
                raise AuditError(f"{self.path}: is no audit store of runproxy; it was left alone.")
        with self.writing() as connection:
            found = _schema_of(connection)
            if found == SCHEMA:
                return
            if found and found > SCHEMA:
                raise AuditError(f"{self.path}: was written by a newer runproxy (schema {found}); use that one.")
            if not found and inspect(connection).get_table_names():
                raise AuditError(f"{self.path}: is a database, but no audit store of runproxy; it was left alone.")
            _upgrade(connection)
            if not found:
                genesis = Link(0, secrets.token_bytes(32))
                connection.execute(
                    chain.insert().values(
                        id=1,
                        anchor_seq=genesis.seq,
                        anchor_hash=genesis.hash,
                        head_seq=genesis.seq,
                        head_hash=genesis.hash,
                    )
                )


def _engine(path: Path, begin: str) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"cached_statements": _STATEMENTS},
        pool_reset_on_return=None,
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _set_up(connection: Any, _: object) -> None:
    connection.isolation_level = (
        None  # the driver begins no transaction by itself, so that ours hold for the schema too
    )
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")  # what was pruned must not be found in the file
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")


def _make_folder(path: Path) -> None:
    """Make the file, which nobody else may read, and its folder; the default one keeps itself out of git."""
    is_default = path.parent.name == DEFAULT_STORE.partition("/")[0]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if is_default and not (path.parent / ".gitignore").exists():
            (path.parent / ".gitignore").write_text("*\n", encoding="utf-8")
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise AuditError(f"{path}: cannot be made or written: {error.strerror}.") from error


def _identity(path: Path) -> tuple[int, int] | None:
    """Tell which file a path leads to: one that is open goes on to be written when its name is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _schema_of(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or "")


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - takes time to load, and only a store that is new or old needs it
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, "head")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what goes wrong with the database into `AuditError`; what it says holds no value."""
    try:
        yield
    except DBAPIError as error:
        reason = str(error.orig)
        if reason.startswith(_NO_TEXT):  # it would go on with the text
            reason = "holds text that is no UTF-8, which runproxy never writes; something else has changed it"
        raise AuditError(f"{path}: {reason}.") from error
    except (NoResultFound, MultipleResultsFound) as error:
        raise AuditError(
            f"{path}: does not tell where its chain ends; something else has changed it. Restore it from a backup."
        ) from error
