"""How commands write cassettes: as a whole, in one step, and never over what somebody else has written meanwhile."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> bool:
    """Put in the place of a cassette what `change` makes of its text; False when that is the same.

    Who records into it meanwhile waits. Raises `CassetteNotWritable`, and `CorruptCassette` for a file whose last write
    was cut off.
    """
    from runproxy.stores.cassette_file import CassetteFile

    with CassetteFile(path.resolve()).exclusive():
        return _rewrite(path, change)


def _rewrite(path: Path, change: Callable[[bytes], bytes]) -> bool:
    from runproxy.errors import CassetteNotWritable

    text = read_whole(path)
    changed = change(text)
    if changed == text:
        return False
    with _fresh_beside(path.resolve(), changed) as fresh:
        if path.read_bytes() != text:
            raise CassetteNotWritable(f"{path} was changed by somebody else meanwhile, and was left alone. Try again.")
        fresh.chmod(path.stat().st_mode)
        fresh.replace(path.resolve())
    return True


def create(path: Path, text: bytes) -> None:
    """Write a new file; raises `CassetteNotWritable`, also when there is one of that name."""
    from runproxy.errors import CassetteNotWritable

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _fresh_beside(path, text) as fresh:
            os.link(fresh, path)
    except FileExistsError:
        raise CassetteNotWritable(f"{path} is there already, and was left alone. Choose another name.") from None
    except OSError as error:
        raise CassetteNotWritable(f"{path}: cannot be written: {error.strerror}.") from error


def read_whole(path: Path) -> bytes:
    """Read a text that is about to be changed; raises `CassetteError`, also when its last write was cut off."""
    from runproxy.cassette import layout
    from runproxy.errors import CorruptCassette

    text = read_file(path)
    if layout.find_tear(text) is not None:
        raise CorruptCassette(
            f"{path}: the last write was cut off, and the file was left alone. Record into it once, which mends it and "
            "keeps the torn bytes beside it; or restore it from version control."
        )
    return text


def read_file(path: Path) -> bytes:
    """Read a file; raises `CassetteError`."""
    from runproxy.errors import CassetteError

    try:
        return path.read_bytes()
    except OSError as error:
        raise CassetteError(f"{path}: cannot be read: {error.strerror}.") from error


@contextmanager
def _fresh_beside(path: Path, text: bytes) -> Iterator[Path]:
    """Write a new file in the same folder, on disk to the last byte; it is removed unless it was renamed."""
    from runproxy.errors import CassetteNotWritable

    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with fresh.open("xb") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        yield fresh
    except FileExistsError:
        raise
    except OSError as error:
        raise CassetteNotWritable(f"{path}: cannot be written: {error.strerror}.") from error
    finally:
        fresh.unlink(missing_ok=True)
