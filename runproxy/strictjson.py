"""Parse JSON once, refusing all that two parsers could read differently.

The danger is a body that runproxy and the service behind it understand as two different things. So what is
accepted here has one reading (RFC 8259, narrowed towards RFC 7493): UTF-8 without a byte order mark, no duplicate
names at any depth, no NaN or infinity, integers of at most 64 bits, no lone surrogates, bounded depth, nothing
after the value. What is forwarded is `canonical` of the parsed value, never the bytes that came in.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
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


def _read_again(body: bytes) -> None:
    """Read with a second parser, which tells of every name and every number."""
    json.loads(
        body.decode("utf-8"),
        object_pairs_hook=_unique_names,
        parse_int=_bounded_int,
        parse_float=_finite_float,
    )


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise Refusal(
            "The JSON body of your request names the same property twice in one object.",
            code="duplicate_name",
        )
    return names


def _bounded_int(digits: str) -> int:
    longest = len(str(_UINT64_MAX)) + 1
    if len(digits) > longest or not _INT64_MIN <= int(digits) <= _UINT64_MAX:
        _refuse_number()
    return int(digits)


def _finite_float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        _refuse_number()
    return number


def _refuse_number() -> NoReturn:
    raise Refusal(
        "The JSON body of your request holds a number outside the range that JSON readers agree on.",
        code="number_out_of_range",
    )


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
