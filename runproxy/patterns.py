"""Regular expressions that run in linear time, whatever the pattern and whatever the text.

The engine is RE2 (https://github.com/google/re2/wiki/Syntax). It has no look-around and no back-references, which is
what a backtracking engine needs exponential time for; a pattern that uses them is refused when it is compiled.
"""

from collections.abc import Iterable
from typing import Final, Protocol

import re2  # type: ignore[import-untyped]  # google-re2 has no type hints

MAX_PATTERN_CHARS: Final = 1000
"""A longer pattern is a list that someone wrote as a pattern; it costs time on every call."""


class Found(Protocol):
    """A place where a pattern was found."""

    def __getitem__(self, group: int) -> str:
        """Give the text of a group; 0 is all of it."""
        ...  # pragma: no cover


class Pattern(Protocol):
    """A compiled pattern for text."""

    pattern: str

    def search(self, text: str) -> object | None:
        """Find the pattern anywhere; None when it is not there."""
        ...  # pragma: no cover

    def finditer(self, text: str) -> Iterable[Found]:
        """Find the pattern wherever it stands."""
        ...  # pragma: no cover

    def fullmatch(self, text: str) -> object | None:
        """Match the pattern against the whole text; None when it does not fit."""
        ...  # pragma: no cover


class BytesPattern(Protocol):
    """A compiled pattern for bytes."""

    pattern: bytes

    def search(self, data: bytes) -> object | None:
        """Find the pattern anywhere; None when it is not there."""
        ...  # pragma: no cover


def compile_text(pattern: str) -> Pattern:
    """Compile a pattern that people wrote; raises `ValueError` with the reason for one that cannot be used."""
    if len(pattern) > MAX_PATTERN_CHARS:
        raise ValueError(f"the pattern has more than {MAX_PATTERN_CHARS} characters")
    try:
        compiled: Pattern = re2.compile(pattern, _quiet())
    except re2.error as error:
        reason = error.args[0]
        told = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(
            f"the pattern cannot be used: {told} (patterns are RE2's: no look-around, no back-references)"
        ) from None
    return compiled


def compile_bytes(pattern: bytes) -> BytesPattern:
    """Compile a pattern of ours for bytes that need not be UTF-8."""
    options = _quiet()
    options.encoding = re2.Options.Encoding.LATIN1
    compiled: BytesPattern = re2.compile(pattern, options)
    return compiled


def _quiet() -> re2.Options:
    options = re2.Options()
    options.log_errors = False  # it would write to stderr by itself
    return options
