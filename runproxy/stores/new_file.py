"""Files that appear whole: written beside their place, on disk to the last byte, and then put there in one step."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def new_file_beside(path: Path, text: bytes) -> Iterator[Path]:
    """Write a new file in the same folder; it is removed unless it was renamed. Raises `OSError`."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with fresh.open("xb") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)
