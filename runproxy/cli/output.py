"""Text for people, on a terminal or in a pipe."""

import re
import sys
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:  # rich is only loaded by the commands that print tables
    from rich.console import Console

# What a terminal obeys, and what changes the direction or the line of text (Unicode's UAX 9).
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_LAST_OF_TWO_DIGITS = 0xFF
FORMATS: Final = ("text", "json", "sarif", "github")
_WIDE = 10_000  # in a pipe nothing is cut


findings_option = click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    help="Lines, one JSON object, SARIF 2.1.0 for code scanners, or annotations for GitHub Actions.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")


def plain_console() -> "Console":
    """Give a console that takes names and values as they are, and cuts nothing where no terminal limits it."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _WIDE
    return Console(markup=False, emoji=False, highlight=False, soft_wrap=True, width=width)


def harmless(text: str) -> str:
    """Spell out control characters, which a terminal would obey, and those that turn text round."""
    return _CONTROL.sub(lambda found: _spelled_out(ord(found[0])), text)


def _spelled_out(code: int) -> str:
    return f"\\x{code:02x}" if code <= _LAST_OF_TWO_DIGITS else f"\\u{code:04x}"


def on_one_line(text: str) -> str:
    """Spell out what is no part of a line: a recorded text may hold anything."""
    return harmless(text).replace("\n", "\\x0a").replace("\t", "\\x09")


def counted(count: int, noun: str) -> str:
    """Say how many there are of something."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
