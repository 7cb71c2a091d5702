"""An archive: a folder of files that together hold the chain from the first entry that was exported on.

Each file is JSON lines, compressed with gzip: a head, then the entries in their order. The line of an entry names the
columns, so that it can be read without this program, and has its hash, so that the chain can be proven from the files
alone. A file is named by the entries it holds, and appears only once all of it is on the disk.
"""

import gzip
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain as chain_of
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Table, select

from runproxy.audit.chain import Link
from runproxy.audit.entries import BELOW, LINKED, Entries, Entry
from runproxy.audit.errors import AuditError
from runproxy.audit.rows import Values, record
from runproxy.audit.schema import chain
from runproxy.audit.store import AuditStore

FORMAT: Final = "runproxy-audit/1"
_NAME: Final = re.compile(r"audit-([0-9]{12})-([0-9]{12})-([0-9a-f]{64})\.jsonl\.gz")
_OF_A_FILE: Final = 1_000_000
_TOLD_EVERY: Final = 2_000
_LEVEL: Final = 6


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file of an archive: its first entry, and its last one with its hash."""

    path: Path
    first: int
    last: Link


class Archive:
    """The archive in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self) -> list[ArchiveFile]:
        """List the files in the order of their entries; raises `AuditError` where one is missing in between."""
        paths = sorted(self.folder.glob("audit-*.jsonl.gz"))
        found = [
            ArchiveFile(path, int(named[1]), Link(int(named[2]), bytes.fromhex(named[3])))
            for path in paths
            if (named := _NAME.fullmatch(path.name))
        ]
        for before, after in pairwise(found):
            if after.first != before.last.seq + 1:
                raise AuditError(
                    f"{self.folder}: entries {before.last.seq + 1} to {after.first - 1} are missing: {after.path.name} "
                    f"does not follow {before.path.name}."
                )
        return found

    def end(self) -> Link | None:
        """Give the last entry of the archive; None for an empty one."""
        files = self.files()
        return files[-1].last if files else None

    def extend(self, store: AuditStore, told: Callable[[int], None] = lambda _: None) -> int:
        """Export what has come since the last export, and tell how many entries that were.

        Raises `AuditError` where the store is not the one that was exported before, or has lost what comes next.
        """
        with store.reading() as connection:
            begins = Link(*connection.execute(select(chain.c.anchor_seq, chain.c.anchor_hash)).one())
            last = self.end() or begins
            start = last.seq
            if last.seq < begins.seq:
                raise AuditError(
                    f"{self.folder}: ends with entry {last.seq}, but entries up to {begins.seq} have been removed from "
                    f"{store.path}. Begin another archive in an empty folder."
                )
            entries = _counted(_linked(Entries(connection, last.seq), last, store.path), told)
            while (first := next(entries, None)) is not None:
                last = self._write(last, first, islice(entries, _OF_A_FILE - 1))
        return last.seq - start

    def check(self, told: Callable[[int], None] = lambda _: None) -> None:
        """Hash all entries anew; raises `AuditError` for the first that was changed."""
        last: Link | None = None
        for file in self.files():
            for link in read_links(file, last):
                last = link
                if link.seq % _TOLD_EVERY == 0:
                    told(link.seq)

    def prove(self, after: int, up_to: Link) -> None:
        """Hash the entries behind a number anew, up to one that must be as given; raises `AuditError`."""
        files = [file for file in self.files() if after < file.last.seq and file.first <= up_to.seq]
        if not files or files[0].first > after + 1 or files[-1].last.seq < up_to.seq:
            raise AuditError(
                f"{self.folder}: does not hold all entries from {after + 1} to {up_to.seq}. Export them first: "
                f"runproxy audit export --into {self.folder}"
            )
        for file in files:
            for link in read_links(file):
                if link.seq == up_to.seq and link.hash != up_to.hash:
                    raise AuditError(f"{file.path}: entry {link.seq} is another one than that of the store.")

    def _write(self, after: Link, first: Entry, others: Iterator[Entry]) -> Link:
        """Write entries into a file that is whole, or not there; gives the last one."""
        temporary = self.folder / f".audit-{first.seq:012}.tmp"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=_LEVEL, filename="", mtime=0) as packed:
                    packed.write(_line({"format": FORMAT, "after": str(after)}))
                    for entry in chain_of((first,), others):
                        packed.write(_line(_readable(entry)))
                file.flush()
                os.fsync(file.fileno())
            path = self.folder / f"audit-{first.seq:012}-{entry.seq:012}-{entry.digest.hex()}.jsonl.gz"
            temporary.replace(path)
            _sync(self.folder)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            raise AuditError(f"{self.folder}: cannot be written: {error.strerror}.") from error
        return Link(entry.seq, entry.digest)


def read_links(file: ArchiveFile, after: Link | None = None) -> Iterator[Link]:
    """Hash the entries of a file anew and yield their places; raises `AuditError` for one that was changed.

    The first of them must follow `after`, where that is known.
    """
    try:
        with gzip.open(file.path, "rb") as lines:
            head = orjson.loads(next(lines))
            if head["format"] != FORMAT:
                raise AuditError(f"{file.path}: is of the format {head['format']}, which this runproxy does not know.")
            last = Link.parse(head["after"])
            if after is not None and last != after:
                raise AuditError(f"{file.path}: does not follow entry {after.seq} of the file before it.")
            for number, line in enumerate(lines, 2):
                link, digest = _link_in(orjson.loads(line), last)
                if link.hash != digest:
                    raise AuditError(f"{file.path}: line {number}: entry {link.seq} was changed.")
                yield link
                last = link
    except (OSError, EOFError, zlib.error, StopIteration, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AuditError(f"{file.path}: cannot be read as an archive: {type(error).__name__}.") from error
    if last != file.last:
        raise AuditError(f"{file.path}: ends with entry {last.seq}, and not with the one in its name.")


def _linked(entries: Iterable[Entry], last: Link, path: Path) -> Iterator[Entry]:
    """Pass entries on for as long as each follows the one before it."""
    for entry in entries:
        if entry.seq != last.seq + 1 or not entry.follows(last):
            raise AuditError(
                f"{path}: entry {entry.seq} does not follow entry {last.seq}: the store is another one than before, or "
                "was changed. Ask 'runproxy audit verify'."
            )
        yield entry
        last = Link(entry.seq, entry.digest)


def _counted(entries: Iterator[Entry], told: Callable[[int], None]) -> Iterator[Entry]:
    for done, entry in enumerate(entries, 1):
        yield entry
        if done % _TOLD_EVERY == 0:
            told(done)


def _readable(entry: Entry) -> dict[str, object]:
    below = {
        str(table.name): [_named(table, row) for row in rows]  # which is a text of a kind of its own
        for table, rows in zip(BELOW.get(entry.kind, ()), entry.below, strict=True)
    }
    return {"entry": entry.kind, "hash": entry.digest.hex(), "row": _named(LINKED[entry.kind], entry.row), **below}


def _named(table: Table, row: Values) -> dict[str, object]:
    """Give the values of a row by the names of its columns; the hash, which comes last, may be missing."""
    return dict(zip(map(str, table.c.keys()), row, strict=False))


def _link_in(read: dict[str, Any], last: Link) -> tuple[Link, bytes]:
    """Hash a line anew as the entry after another, and give the hash it names."""
    below = [[tuple(row.values()) for row in read[table.name]] for table in BELOW.get(read["entry"], ())]
    return last.next(record(read["entry"], tuple(read["row"].values()), *below)), bytes.fromhex(read["hash"])


def _line(value: dict[str, object]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def _sync(folder: Path) -> None:
    """See to it that a new name in a folder outlives a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
