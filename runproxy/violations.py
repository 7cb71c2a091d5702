"""What can be wrong with metadata: the broken rule as a value, and the words the service uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

_MAX_LISTED_CHARS: Final = 4000
_MAX_LISTED_PARAM_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: `code` and `param` as the service gives them, `limit` and `actual` where it counted."""

    code: str
    param: str
    message: str
    limit: int | None = None
    actual: int | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules say of a body: `violations` refuse it, the first one in words; `warnings` only tell."""

    violations: tuple[Violation, ...] = ()
    warnings: tuple[Violation, ...] = ()

    def as_warnings(self) -> "Judgement":
        """Give the same findings, none of which refuses."""
        return Judgement((), self.violations + self.warnings)


NOTHING_FOUND: Final = Judgement()


def wrong_type(param: str, expected: str, value: object) -> Violation:
    """Say in the service's words that a value is of another type than expected."""
    found = type_in_words(value)
    return Violation(
        "invalid_type", param, f"Invalid type for '{param}': expected {expected}, but got {found} instead."
    )


def unknown_parameter(param: str) -> Violation:
    """Say in the service's words that an object has a member it must not have."""
    return Violation("unknown_parameter", param, f"Unknown parameter: '{param}'.")


def type_in_words(value: object) -> str:  # noqa: PLR0911 - one line per JSON type
    """Name a JSON type as the service does in its messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal number"
        case str():
            return "a string"
        case dict():
            return "an object"
        case _:
            return "an array"


def listed(violations: Sequence[Violation]) -> str:
    """List codes and params for a header: `code;param="…"`, comma-separated, params percent-encoded.

    Bounded, because clients refuse long header lines: what does not fit is counted in a last item `more;count=N`.
    """
    text = ""
    for position, found in enumerate(violations):
        param = quote(found.param[:_MAX_LISTED_PARAM_CHARS], safe=".")
        item = f'{found.code};param="{param}"'
        if len(text) + len(item) > _MAX_LISTED_CHARS:
            return f"{text}, more;count={len(violations) - position}"
        text = f"{text}, {item}" if text else item
    return text
