"""Reading and writing an open cassette file where something stands in it, and not as a whole."""

import errno
import os
from contextlib import suppress
from typing import Final

from runproxy.cassettes import layout

TAIL_BYTES: Final = len(layout.TAIL)
_LIST_OPENS: Final = b"["


def append(file: int, size: int, elements: list[bytes]) -> None:
    """Write over the closing brackets; on failure the file is as it was."""
    end = size - TAIL_BYTES
    comma = b"" if os.pread(file, 1, end - 1) == _LIST_OPENS else b","
    try:
        write_all(file, comma + b",".join(elements) + layout.TAIL, end)
    except OSError:
        with suppress(OSError):  # what fails here is mended as a torn tail by the next writer
            write_all(file, layout.TAIL, end)
            os.ftruncate(file, size)
        raise


def ends_well(file: int) -> bool:
    """Tell whether the brackets to be written over stand right behind the head or a whole interaction."""
    head, end = _head_of(file), os.fstat(file).st_size - TAIL_BYTES
    if head is None or end < len(head):
        return False
    if end > len(head) and os.pread(file, len(layout.END), end - len(layout.END)) != layout.END:
        return False
    return os.pread(file, TAIL_BYTES, end) == layout.TAIL


def _head_of(file: int) -> bytes | None:
    """Give the head of a laid-out file; it is read whole only where it says more than the ordinary."""
    start = os.pread(file, len(layout.HEAD), 0)
    return start if start == layout.HEAD else layout.head_of(os.pread(file, layout.MAX_HEAD_BYTES, 0))


def read_all(file: int) -> bytes:
    """Read the whole text."""
    size = os.fstat(file).st_size
    parts = []
    offset = 0
    while offset < size and (part := os.pread(file, size - offset, offset)):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def write_all(file: int, data: bytes, offset: int) -> None:
    """Write all of it, or raise `OSError`."""
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        if written == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        view, offset = view[written:], offset + written
