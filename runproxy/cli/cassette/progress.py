"""A bar for work over many files, where somebody watches."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def watched(items: Sequence[Item], doing: str) -> Iterable[Item]:
    """Go through items, with a bar on a terminal that is gone afterwards; in a pipe nothing is drawn."""
    return _drawn(items, doing) if sys.stderr.isatty() and len(items) > 1 else items


def _drawn(items: Sequence[Item], doing: str) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import track

    yield from track(items, doing, console=Console(stderr=True), transient=True)
