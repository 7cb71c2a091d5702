"""The metadata contract of the API, told in the service's own words, as recorded from real replies."""

from typing import Final

from runproxy.limits import MAX_FINDINGS, MAX_KEY_CHARS, MAX_PAIRS, MAX_VALUE_CHARS
from runproxy.violations import Violation, wrong_type

_ENDS_CHARS: Final = 3  # of a long key, the service shows this many characters of each end


def check(metadata: object, param: str = "metadata") -> list[Violation]:
    """Find what is wrong with a metadata object, in the service's order; `MAX_FINDINGS` and a few at most.

    First the number of pairs, then per key in the order of the body: length of the name, type and length of the
    value. `None` is fine: it leaves or clears the metadata. `param` is where the object stands in the body.
    """
    if metadata is None:
        return []
    if not isinstance(metadata, dict):
        return [wrong_type(param, "a metadata object", metadata)]
    found = [_too_many(len(metadata), param)] if len(metadata) > MAX_PAIRS else []
    for key, value in metadata.items():
        if len(found) >= MAX_FINDINGS:
            break
        if len(key) > MAX_KEY_CHARS:
            found.append(_long_key(key, param))
        if not isinstance(value, str):
            found.append(wrong_type(f"{param}.{key}", "a string", value))
        elif len(value) > MAX_VALUE_CHARS:
            found.append(_long_value(value, f"{param}.{key}"))
    return found


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


def _long_value(value: str, param: str) -> Violation:
    message = (
        f"Invalid '{param}': string too long. Expected a string with maximum length {MAX_VALUE_CHARS}, "
        f"but got a string with length {len(value)} instead."
    )
    return Violation("string_above_max_length", param, message, MAX_VALUE_CHARS, len(value))
