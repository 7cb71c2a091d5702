"""A bar for what takes long, where somebody watches; in a pipe nothing is drawn."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


@contextmanager
def counting(doing: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Give what is told how much has been done; of how much, where that is known."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(doing, total=total)
        yield lambda done: progress.update(task, completed=done)


def bar(items: Iterable[Item], doing: str, total: int | None = None) -> Iterator[Item]:
    """Pass items on, and draw how many have passed."""
    with counting(doing, total) as told:
        for done, item in enumerate(items, 1):
            yield item
            told(done)
