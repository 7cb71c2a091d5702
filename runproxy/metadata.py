"""The metadata contract of the API: 16 pairs, keys of 64 characters, string values of 512.

Source: the API's own description of `metadata`; a character is a Unicode code point, nothing is normalised.
The texts are the service's, recorded from real replies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MAX_PAIRS: Final = 16
MAX_KEY_CHARS: Final = 64
MAX_VALUE_CHARS: Final = 512

_ENDS_CHARS: Final = 3  # of a long key, the service shows this many characters of each end


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: `code` and `param` as the service gives them, `limit` and `actual` where it counted."""

    code: str
    param: str
    message: str
    limit: int | None = None
    actual: int | None = None


def check(metadata: object, param: str = "metadata") -> list[Violation]:
    """Find all that is wrong with a metadata object, in the service's order.

    First the number of pairs, then per key in the order of the body: length of the name, type and length of the
    value. `None` is fine: it leaves or clears the metadata. `param` is where the object stands in the body.
    """
    if metadata is None:
        return []
    if not isinstance(metadata, dict):
        return [_not_an_object(metadata, param)]
    found = [_too_many(len(metadata), param)] if len(metadata) > MAX_PAIRS else []
    for key, value in metadata.items():
        if len(key) > MAX_KEY_CHARS:
            found.append(_long_key(key, param))
        if not isinstance(value, str):
            found.append(_not_a_string(value, f"{param}.{key}"))
        elif len(value) > MAX_VALUE_CHARS:
            found.append(_long_value(value, f"{param}.{key}"))
    return found


def check_body(body: Mapping[str, object]) -> list[Violation]:
    """Find all that is wrong with the body of a modify-run: fields the endpoint does not know, then the metadata."""
    unknown = [name for name in body if name != "metadata"]
    found = [Violation("unknown_parameter", name, f"Unknown parameter: '{name}'.") for name in unknown]
    return found + check(body.get("metadata"))


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


def _not_an_object(value: object, param: str) -> Violation:
    words = type_in_words(value)
    message = f"Invalid type for '{param}': expected a metadata object, but got {words} instead."
    return Violation("invalid_type", param, message)


def _too_many(count: int, param: str) -> Violation:
    message = (
        f"Invalid '{param}': too many properties. Expected an object with at most {MAX_PAIRS} properties, "
        f"but got an object with {count} properties instead."
    )
    return Violation("object_above_max_properties", param, message, MAX_PAIRS, count)


def _long_key(key: str, param: str) -> Violation:
    shown = f"{key[:_ENDS_CHARS]}...{key[-_ENDS_CHARS:]}"
    message = (
        f"Invalid property name in '{param}': '{shown}' is too long. Expected a string with maximum length "
        f"{MAX_KEY_CHARS}, but got a string with length {len(key)} instead."
    )
    return Violation("property_name_above_max_length", f"{param}.{key}", message, MAX_KEY_CHARS, len(key))


def _not_a_string(value: object, param: str) -> Violation:
    words = type_in_words(value)
    return Violation("invalid_type", param, f"Invalid type for '{param}': expected a string, but got {words} instead.")


def _long_value(value: str, param: str) -> Violation:
    message = (
        f"Invalid '{param}': string too long. Expected a string with maximum length {MAX_VALUE_CHARS}, "
        f"but got a string with length {len(value)} instead."
    )
    return Violation("string_above_max_length", param, message, MAX_VALUE_CHARS, len(value))
