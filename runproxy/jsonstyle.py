"""The ways services print JSON, so that a stored value gives back the very bytes it was printed as.

Seen in 332 recorded replies of the service: `indent-2` 262 times, the same with a final newline 48,
`indent-4+newline` 2, `compact` 3, `compact+newline` 1. What no style reproduces is stored as text.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import orjson

COMPACT: Final = "compact"
INDENT_2: Final = "indent-2"
_NEWLINE: Final = "+newline"


def _compact(value: object) -> bytes:
    return orjson.dumps(value)


def _indent_2(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


def _indent_4(value: object) -> bytes:
    return json.dumps(value, indent=4, ensure_ascii=False).encode()


def _spaced(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


_PRINTERS: Final[Mapping[str, Callable[[object], bytes]]] = MappingProxyType(
    {INDENT_2: _indent_2, COMPACT: _compact, "spaced": _spaced, "indent-4": _indent_4}
)

STYLES: Final = tuple(name + end for name in _PRINTERS for end in ("", _NEWLINE))
"""Every style name, the most frequent first."""


def render(value: object, style: str) -> bytes:
    """Print a JSON value in a style; raises `KeyError` for a style that does not exist."""
    name = style.removesuffix(_NEWLINE)
    body = _PRINTERS[name](value)
    return body + b"\n" if style.endswith(_NEWLINE) else body


def _at_its_depth(value: object) -> object:
    """Put a value as deep as it will stand in a cassette, for the printer has a limit."""
    return [[[[[[value]]]]]]


def detect(body: bytes) -> tuple[object, str] | None:
    """Find the value and the style that give back exactly these bytes, or None when no style does."""
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    end = _NEWLINE if body.endswith(b"\n") else ""
    try:
        orjson.dumps(_at_its_depth(value))
        return next(((value, name + end) for name in _PRINTERS if render(value, name + end) == body), None)
    except orjson.JSONEncodeError:
        return None
