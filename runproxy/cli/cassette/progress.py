"""Bars for work that takes long, where somebody watches."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

Item = TypeVar("Item")

_LONG_BYTES: Final = 1024 * 1024
"""Less than this is done before anybody has seen a bar."""


def watched(items: Sequence[Item], doing: str) -> Iterable[Item]:
    """Go through items, with a bar on a terminal that is gone afterwards; in a pipe nothing is drawn."""
    return _drawn(items, doing) if sys.stderr.isatty() and len(items) > 1 else items


@contextmanager
def working(doing: str, *paths: Path) -> Iterator[None]:
    """Show on a terminal that large files are being worked on, in a bar that moves until it is done."""
    if not sys.stderr.isatty() or sum(map(_size, paths)) < _LONG_BYTES:
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task(doing, total=None)
        yield


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # told by whoever reads it
        return 0


def _drawn(items: Sequence[Item], doing: str) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import track

    yield from track(items, doing, console=Console(stderr=True), transient=True)
