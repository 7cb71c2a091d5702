"""One cassette file: locking, positioned appending, mending a torn tail. Blocking; no other process is disturbed.

Every change happens under an exclusive `flock` on the file itself. Appending is one write over the closing brackets,
so its cost does not depend on the size of the file. All other changes write a new file beside it and rename that, so
whoever waits for the lock looks, once it has it, whether its file is still the one of that name.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
import structlog

from runproxy.cassettes import decode_interaction, encode_interaction, layout
from runproxy.errors import CassetteNotFound, CassetteNotWritable, CorruptCassette, RunproxyError
from runproxy.stores.known import Known, Version, version_of
from runproxy.stores.new_file import new_file_beside
from runproxy.stores.positioned import TAIL_BYTES, append, ends_well, read_all, write_all

_ATTEMPTS: Final = 100  # to open a file that others remove
_AT_ONCE_BYTES: Final = 256 * 1024
_log = structlog.get_logger("runproxy.stores")


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a file, in laid-out interactions: append (`earlier` None), remove (`added` None) or replace."""

    earlier: bytes | None
    added: bytes | None


class CassetteFile:
    """A cassette file by its path. `syncs`: a change is on the disk, and not only with the system, when it is made."""

    def __init__(self, path: Path, *, syncs: bool = False) -> None:
        self._path = path
        self._syncs = syncs
        self._known = Known()

    @property
    def version(self) -> object:
        """The version that is known, with all that was written here since, and nothing that others have."""
        return self._known.version

    @version.setter
    def version(self, version: object) -> None:
        self._known.learn(version, ())

    def read(self) -> bytes:
        """Read the whole text up to the last whole interaction; raises `CassetteNotFound`."""
        try:
            with self._path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                text = file.read()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise CassetteNotFound(f"There is no cassette at {self._path}.") from error
        except OSError as error:
            raise _not_usable("read", self._path, error) from error
        torn = layout.find_tear(text)
        if torn is None:
            return text
        _log.warning("torn tail ignored", cassette=str(self._path), torn_bytes=len(torn.torn))
        return torn.whole

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep all other writers waiting for as long as the context lasts; a file that is not there has none."""
        if not self._path.exists():
            yield
            return
        with self._locked():
            yield

    def append_at_once(self, edits: Sequence[Edit]) -> bool:
        """Append without waiting for anybody or for the disk; False when that cannot be, and nothing is changed.

        Raises `CassetteNotWritable`.
        """
        if self._syncs or sum(len(edit.added or b"") for edit in edits) > _AT_ONCE_BYTES:
            return False
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _not_usable("write", self._path, error) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not (self._is_current(file) and ends_well(file)):
                return False
            left = self._left_to_do(file, edits)
            if not _only_append(left):
                return False
            self._append(file, left)
        except BlockingIOError:
            return False
        except OSError as error:
            raise _not_usable("write", self._path, error) from error
        finally:
            os.close(file)
        return True

    def apply(self, edits: Sequence[Edit]) -> None:
        """Make all changes, or none of them; raises `CassetteNotWritable` or `CorruptCassette`."""
        try:
            while not self._apply_once(edits):
                pass
        except OSError as error:
            raise _not_usable("write", self._path, error) from error

    def _apply_once(self, edits: Sequence[Edit]) -> bool:
        """Make the changes, unless the file had to be laid out anew first; then it is a new file, to be locked anew."""
        with self._locked() as file:
            if not ends_well(file):
                return self._mend(file)
            left = self._left_to_do(file, edits)
            if not _only_append(left):
                return self._rewrite(file, left)
            self._append(file, left)
            if self._syncs:
                os.fdatasync(file)
            return True

    def _left_to_do(self, file: int, edits: Sequence[Edit]) -> list[Edit]:
        """Leave out what would replace an interaction by itself, where it is known to stand."""
        version = version_of(os.fstat(file))
        return [
            edit
            for edit in edits
            if edit.earlier is None or edit.earlier != edit.added or not self._known.holds(version, edit.earlier)
        ]

    def _append(self, file: int, edits: Sequence[Edit]) -> None:
        added = [edit.added for edit in edits if edit.added is not None]
        if not added:
            return
        before = os.fstat(file)
        append(file, before.st_size, added)
        self._known.follow(version_of(before), version_of(os.fstat(file)), added)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        while True:
            file = self._open()
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                if self._is_current(file):
                    yield file
                    return
            finally:
                os.close(file)

    def _open(self) -> int:
        for _ in range(_ATTEMPTS):
            with suppress(FileNotFoundError):
                return os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
            self._create()
        raise CassetteNotWritable(f"{self._path} comes and goes; another program seems to remove it.")

    def _create(self) -> None:
        """Bring the file into being as a whole: readers never see a part of it, and an existing one stays."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with new_file_beside(self._path, layout.EMPTY) as fresh, suppress(FileExistsError):
            os.link(fresh, self._path)
            self._sync_folder()

    def _sync_folder(self) -> None:
        """Bring the name of the file to the disk, without which a file that is there cannot be found (fsync(2))."""
        if not self._syncs:
            return
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _is_current(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False

    def _mend(self, file: int) -> bool:
        """Bring a file to the layout that can be appended to; False, because no change is made yet."""
        text = read_all(file)
        torn = layout.find_tear(text)
        if torn is None:
            return self._lay_out_anew(text)
        kept_in = self._keep_torn(torn.torn)
        _log.warning("torn tail cut off", cassette=str(self._path), torn_bytes=len(torn.torn), kept_in=str(kept_in))
        write_all(file, layout.TAIL, len(torn.whole) - TAIL_BYTES)
        os.ftruncate(file, len(torn.whole))
        return False

    def _keep_torn(self, torn: bytes) -> Path:
        for number in range(1, 1000):
            path = self._path.with_name(f"{self._path.name}.{number}.torn")
            with suppress(FileExistsError), new_file_beside(path, torn) as fresh:
                os.link(fresh, path)
                return path
        raise CassetteNotWritable(f"{self._path}: there are 999 .torn files beside it; look at them and remove them.")

    def _rewrite(self, file: int, edits: Sequence[Edit]) -> bool:
        text = read_all(file)
        try:
            elements = layout.split(text)
        except ValueError:
            return self._lay_out_anew(text)
        for edit in edits:
            _apply_to(elements, edit, str(self._path))
        changed = layout.compose(elements, layout.head_of(text) or layout.HEAD)
        version = version_of(os.fstat(file)) if changed == text else self._replace_with(changed)
        self._known.learn(version, elements)
        return True

    def _lay_out_anew(self, text: bytes) -> bool:
        """Lay out what another tool has printed; False, because no change is made yet."""
        self._replace_with(layout.reformat(text, str(self._path)))
        return False

    def _replace_with(self, text: bytes) -> Version:
        with new_file_beside(self._path, text) as fresh:
            fresh.chmod(self._path.stat().st_mode)
            version = version_of(fresh.stat())  # now: once it is in place, others may write into it
            fresh.replace(self._path)
        self._sync_folder()
        return version


def _apply_to(elements: list[bytes], edit: Edit, where: str) -> None:
    """Change a list of laid-out interactions; an earlier one that somebody else has replaced is left alone."""
    place = _find(elements, edit.earlier, where) if edit.earlier is not None else None
    if place is None:
        elements.extend([edit.added] if edit.added is not None else [])
    elif edit.added is None:
        del elements[place]
    else:
        elements[place] = edit.added


def _find(elements: list[bytes], sought: bytes, where: str) -> int | None:
    """Find an interaction by its text, else by its content, for it may have been edited by hand."""
    if sought in elements:
        return elements.index(sought)
    for place, held in enumerate(elements):
        place_in_file = f"{where}: interactions[{place}]"
        try:
            stored = orjson.loads(held)
        except orjson.JSONDecodeError as error:
            raise CorruptCassette(f"{place_in_file}: not valid JSON: {error.msg}.") from error
        if layout.element(encode_interaction(decode_interaction(stored, place_in_file))) == sought:
            return place
    return None


def _only_append(edits: Sequence[Edit]) -> bool:
    return all(edit.earlier is None for edit in edits)


def _not_usable(verb: str, path: Path, error: OSError) -> RunproxyError:
    reason = error.strerror or type(error).__name__
    return CassetteNotWritable(f"Cannot {verb} the cassette {path}: {reason}.")
