"""Text for people, on a terminal or in a pipe."""

import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # rich is only loaded by the commands that print tables
    from rich.console import Console

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_WIDE = 10_000  # in a pipe nothing is cut


def plain_console() -> "Console":
    """Give a console that takes names and values as they are, and cuts nothing where no terminal limits it."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _WIDE
    return Console(markup=False, emoji=False, highlight=False, soft_wrap=True, width=width)


def harmless(text: str) -> str:
    """Spell out control characters, which a terminal would obey."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def on_one_line(text: str) -> str:
    """Spell out what is no part of a line: a recorded text may hold anything."""
    return harmless(text).replace("\n", "\\x0a").replace("\t", "\\x09")


def counted(count: int, noun: str) -> str:
    """Say how many there are of something."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
