"""The few forms of Markdown that the reference is written in."""

import re
from collections.abc import Iterable
from typing import Final

GENERATED: Final = "<!-- Written by python -m docs.generate; what is changed here by hand is lost. -->"
_TYPED: Final = re.compile(r"((?<![\w-])--[a-z][a-z-]+|\b[A-Z]+_[A-Z0-9_*]+|\bCI=true\b)")
"""What is typed as it stands: flags, and variables of the environment."""
_MARKUP: Final = re.compile(r"[\[\]<>]|(?<!\w)[*_]|[*_](?!\w)")


def page(title: str, *parts: str) -> str:
    """Put a page together; empty parts are left out."""
    return "\n\n".join([f"# {title}", GENERATED, *filter(None, parts)]) + "\n"


def code(text: str) -> str:
    """Show text as it is typed; a backtick in it needs two around it."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Draw a table; a bar in a cell is escaped, and its lines are joined. Without rows there is none."""
    body = ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
    names = list(head)
    return "\n".join(["| " + " | ".join(names) + " |", "|" + "---|" * len(names), *body]) if body else ""


def prose(text: str) -> str:
    """Make Markdown of a docstring or a help text: flags and variables as code, and no markup but that of code."""
    words = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(word if word.startswith("`") else _plain(word) for word in words)


def _plain(words: str) -> str:
    parts = _TYPED.split(words)
    return "".join(code(part) if place % 2 else _MARKUP.sub(r"\\\g<0>", part) for place, part in enumerate(parts))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def anchor(heading: str) -> str:
    """Give what a link to a heading ends in, as forges and the site make it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
