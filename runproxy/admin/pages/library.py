"""The cassettes of a folder as people look at them: how large, how old, and whether secrets are in them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from runproxy.cassettes import Cassette
from runproxy.cassettes.scanning import Finding, Scanner
from runproxy.errors import CassetteError, CassetteNotWritable
from runproxy.stores.file import FileStore

_MAX_READ_BYTES: Final = 32 * 1000 * 1000
"""A cassette that is larger is not read for a list, which would take seconds."""


@dataclass(frozen=True, slots=True)
class Volume:
    """A cassette in short.

    `interactions` and `recorded_at`, when the last of them was recorded, are None where it was not read, and `unread`
    says why.
    """

    name: str
    bytes: int
    changed_at: datetime
    interactions: int | None = None
    recorded_at: datetime | None = None
    findings: tuple[Finding, ...] = ()
    unread: str = ""


class Library:
    """Reads cassettes, and reads one again only when it has changed. All of it blocks."""

    def __init__(self, store: FileStore, scanner: Scanner) -> None:
        self._store = store
        self._scanner = scanner
        self._volumes: dict[str, tuple[object, Volume]] = {}

    def volumes(self) -> list[Volume]:
        """List the cassettes by name; of one that is gone meanwhile, nothing is told."""
        names = self._store.names()
        for gone in self._volumes.keys() - set(names):
            self._volumes.pop(gone, None)
        found = []
        for name in names:
            try:
                found.append(self.volume(name))
            except CassetteError:  # gone, or a link out of the folder; one that cannot be read is told of
                continue
        return found

    def volume(self, name: str) -> Volume:
        """Give one cassette in short; raises `CassetteNotFound`, and `Refusal` for a name that leaves the folder."""
        version = self._store.version(name)
        if version is None:
            self._store.load(name)  # says that there is none, and which there are
        held = self._volumes.get(name)
        if held is None or held[0] != version:
            held = self._volumes[name] = version, self._looked_at(name)
        return held[1]

    def open(self, name: str) -> Cassette:
        """Read a cassette; raises what the store raises."""
        return self._store.load(name)

    def _looked_at(self, name: str) -> Volume:
        path = self._store.path(name)
        try:
            found = path.stat()
            short = Volume(name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))
            if found.st_size > _MAX_READ_BYTES:
                return _unread(short, "too large to be looked into here; use runproxy cassette scan")
            findings = self._scanner.scan(path.read_bytes(), str(path)).findings
            cassette = self._store.load(name)
        except OSError as error:
            raise CassetteNotWritable(f"Cannot read the cassette {path}: {error.strerror}.") from error
        except CassetteError as error:
            return _unread(short, error.message, findings)
        last = max((held.recorded_at for held in cassette), default=None)
        return Volume(name, short.bytes, short.changed_at, len(cassette), last, findings)


def _unread(short: Volume, why: str, findings: tuple[Finding, ...] = ()) -> Volume:
    return Volume(short.name, short.bytes, short.changed_at, findings=findings, unread=why)
