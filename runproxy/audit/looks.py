"""What values look like, told from a few of them: uuid, e-mail, number, and so on."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

_MOST: Final = 0.9  # so many of the values must agree; else they are mixed
_SHAPES: Final = (
    ("uuid", re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")),
    ("e-mail", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")),
    ("number", re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)*(?:[eE][+-]?[0-9]+)?")),
    ("time", re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+(?:Z|[+-][0-9:]+)?)?")),
    ("address", re.compile(r"[a-z][a-z0-9+.-]*://\S+")),
    ("word", re.compile(r"[\w.:/+#-]+")),
)
FREE_TEXT: Final = "free text"
MIXED: Final = "mixed"
EMPTY: Final = "empty"
NOT_KEPT: Final = "not kept"


def shape_of(value: str) -> str:
    """Name the shape of one value."""
    if not value.strip():
        return EMPTY
    return next((name for name, pattern in _SHAPES if pattern.fullmatch(value)), FREE_TEXT)


def looks_like(values: Iterable[str]) -> str:
    """Name the shape that nearly all of some values have; without any, that they are not kept."""
    counts = Counter(map(shape_of, values))
    if not counts:
        return NOT_KEPT
    shape, count = counts.most_common(1)[0]
    return shape if count >= _MOST * counts.total() else MIXED
