"""Cassette files as a whole: read, created, rewritten and removed, never over what somebody else has written meanwhile.

Who records into a file waits while it is rewritten or removed, and then goes on with the file that is there, or begins
a new one.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runproxy.cassettes import layout
from runproxy.errors import CassetteError, CassetteNotWritable, CorruptCassette
from runproxy.stores.cassette_file import CassetteFile
from runproxy.stores.new_file import new_file_beside


def read_file(path: Path) -> bytes:
    """Read a file; raises `CassetteError`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CassetteError(f"{path}: cannot be read: {error.strerror}.") from error


def read_whole(path: Path) -> bytes:
    """Read a text that is about to be changed; raises `CassetteError`, also when its last write was cut off."""
    text = read_file(path)
    if layout.find_tear(text) is not None:
        raise CorruptCassette(
            f"{path}: the last write was cut off, and the file was left alone. Record into it once, which mends it and "
            "keeps the torn bytes beside it; or restore it from version control."
        )
    return text


def create(path: Path, text: bytes) -> None:
    """Write a new file; raises `CassetteNotWritable`, also when there is one of that name."""
    try:
        with _trouble_told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with new_file_beside(path, text) as fresh:
                os.link(fresh, path)
    except FileExistsError:
        raise CassetteNotWritable(f"{path} is there already, and was left alone. Choose another name.") from None


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> bool:
    """Put in the place of a cassette what `change` makes of its text; False when that is the same.

    Raises `CassetteNotWritable`, and `CorruptCassette` for a file whose last write was cut off.
    """
    place = path.resolve()  # a link stays a link
    with CassetteFile(place).exclusive():
        text = read_whole(path)
        changed = change(text)
        if changed == text:
            return False
        with _trouble_told(path), new_file_beside(place, changed) as fresh:
            _check_unchanged(path, text)
            fresh.chmod(path.stat().st_mode)
            fresh.replace(place)
    return True


def remove(path: Path, text: bytes) -> None:
    """Remove a cassette that still holds this text; raises `CassetteNotWritable`."""
    with CassetteFile(path.resolve()).exclusive(), _trouble_told(path):
        _check_unchanged(path, text)
        path.unlink()


def _check_unchanged(path: Path, text: bytes) -> None:
    if read_file(path) != text:
        raise CassetteNotWritable(f"{path} was changed by somebody else meanwhile, and was left alone. Try again.")


@contextmanager
def _trouble_told(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise CassetteNotWritable(f"{path}: cannot be written: {error.strerror}.") from error
