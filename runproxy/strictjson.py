"""Parse JSON once, refusing all that two parsers could read differently.

The danger is a body that runproxy and the service behind it understand as two different things. So what is
accepted here has one reading (RFC 8259, narrowed towards RFC 7493): UTF-8 without a byte order mark, no duplicate
names at any depth, no NaN or infinity, integers of at most 64 bits, no lone surrogates, bounded depth, nothing
after the value. What is forwarded is `canonical` of the parsed value, never the bytes that came in.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType
from typing import Any, Final, NoReturn

import orjson

from runproxy.errors import MalformedJson, Refusal

MAX_DEPTH: Final = 64
"""Nesting the API never needs; deeper input is an attack on a parser."""

NOT_JSON: Final = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble "
    "figuring out how to fix this, please contact us through our help center at help.openai.com.)"
)
"""The service's own words for a body that is not JSON."""

_INT64_MIN: Final = -(2**63)
_UINT64_MAX: Final = 2**64 - 1
_MOST_DIGITS: Final = len(str(_UINT64_MAX)) + 1
_OUT_OF_RANGE: Final = ("number_out_of_range", "a number outside the range that JSON readers agree on")
REFUSALS: Final = MappingProxyType(
    {
        "duplicate_name": "The JSON body of your request names the same property twice in one object.",
        "number_out_of_range": (
            "The JSON body of your request holds a number outside the range that JSON readers agree on."
        ),
    }
)
"""What is said of JSON that parsers disagree about, by code."""


def canonical(value: object) -> bytes:
    """Print a parsed value in the one form that is forwarded: compact UTF-8, names in the order they came."""
    return orjson.dumps(value)


def parse(body: bytes) -> object:
    """Parse a body that has exactly one reading.

    Raises `MalformedJson` when it is no JSON at all, and `Refusal` with a code of ours (`duplicate_name`,
    `number_out_of_range`, `nesting_too_deep`) when it is JSON that parsers disagree about.
    """
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        _refuse_unparsed(body)
    # Brackets inside strings count here too, so this is an upper bound; the exact depth is only measured above it.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise Refusal(
            f"The JSON body of your request is nested deeper than {MAX_DEPTH} levels.",
            code="nesting_too_deep",
        )
    # A body that equals its own canonical form cannot hold a duplicate name or a number that was rounded.
    # This is what SDKs send, and four times faster than the second reading.
    if orjson.dumps(value) != body:
        _read_again(body)
    return value


def _refuse_unparsed(body: bytes) -> NoReturn:
    with suppress(ValueError, RecursionError):
        _read_again(body)  # tells numbers out of range, which the first parser refuses too, from no JSON at all
    raise MalformedJson(NOT_JSON, code=None)


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """A place in JSON that parsers read differently: the way to it, the code of a refusal, and what is wrong there."""

    steps: tuple[str | int, ...]
    code: str
    reason: str


def find_ambiguity(text: bytes) -> Ambiguity | None:
    """Read JSON with a second parser, which tells of every name and every number; give what is ambiguous first."""
    found: list[_Mark] = []

    def mark(code: str, reason: str) -> _Mark:
        found.append(_Mark(code, reason))
        return found[-1]

    def unique(pairs: list[tuple[str, Any]]) -> object:
        names = dict(pairs)
        if len(names) == len(pairs):
            return names
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        return mark("duplicate_name", f"{twice!r} stands twice in one object")

    def bounded(digits: str) -> object:
        is_short = len(digits) <= _MOST_DIGITS
        return int(digits) if is_short and _INT64_MIN <= int(digits) <= _UINT64_MAX else mark(*_OUT_OF_RANGE)

    def finite(digits: str) -> object:
        return number if isfinite(number := float(digits)) else mark(*_OUT_OF_RANGE)

    value = json.loads(text.decode("utf-8"), object_pairs_hook=unique, parse_int=bounded, parse_float=finite)
    if not found:
        return None
    steps, first = next(_marks((), value))
    return Ambiguity(steps, first.code, first.reason)


@dataclass(frozen=True, slots=True)
class _Mark:
    """Stands in a value for what is ambiguous."""

    code: str
    reason: str


def _marks(steps: tuple[str | int, ...], value: object) -> Iterator[tuple[tuple[str | int, ...], _Mark]]:
    if isinstance(value, _Mark):
        yield steps, value
    elif isinstance(value, dict):
        for name, held in value.items():
            yield from _marks((*steps, name), held)
    elif isinstance(value, list):
        for place, held in enumerate(value):
            yield from _marks((*steps, place), held)


def _read_again(body: bytes) -> None:
    found = find_ambiguity(body)
    if found is not None:
        raise Refusal(REFUSALS[found.code], code=found.code)


def _depth(value: object) -> int:
    depth = 0
    level = [value]
    while level := [item for held in level for item in _items(held)]:
        depth += 1
    return depth


def _items(value: object) -> Iterable[object]:
    """Give the members of a container; an empty one still counts as a level, so it gives itself a member."""
    if isinstance(value, dict):
        return value.values() or (None,)
    if isinstance(value, list):
        return value or (None,)
    return ()
