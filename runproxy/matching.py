"""Which recording answers a call, and why none does.

Two requests are the same when method, path, query (as sorted pairs) and body agree. JSON bodies are compared by
value: the order of names does not matter, that of arrays does, `1` equals `1.0`. Other bodies are compared byte by
byte. Headers do not count.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, TypeAlias
from urllib.parse import parse_qsl

import orjson

from runproxy.messages import Request

MatchKey: TypeAlias = bytes
"""What two requests share when one recording answers both; derived at load, never stored."""

ABSENT: Final = "(absent)"
"""Stands in a difference for what one side does not have."""

MAX_DIFFERENCES: Final = 20
_FLOAT_LIKE: Final = re.compile(rb"[0-9][.eE]")  # every float is written with one of these, so most bodies hold none
_MAX_SHOWN_CHARS: Final = 200
MAX_ALIKE: Final = 100
"""The nearest recording is looked for among so many of the same address."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the call and the recording part: `where` is `method`, `path`, `query.NAME` or `body…`."""

    where: str
    sent: str
    recorded: str


@dataclass(frozen=True, slots=True)
class Nearest:
    """The recording most like a call: its position in the cassette, from 0, and how the two differ."""

    position: int
    differences: tuple[Difference, ...]


class _Text(str):
    """A body that is no JSON, which differs from a JSON string of the same characters."""

    __slots__ = ()


def match_key(request: Request) -> MatchKey:
    """Derive the key of a scrubbed request."""
    target, body = request.target, request.body
    if "?" in target:
        path, _, query = target.partition("?")
        target = f"{path}?{'&'.join(sorted(query.split('&')))}" if query else path
    head = f"{request.method} {target}\n".encode("utf-8", "surrogateescape")
    return head + (_canonical_body(body) if body else b"")


def address_parts(key: MatchKey) -> tuple[MatchKey, MatchKey]:
    """Give what keys share that are of the same address, and what those share that are of the same method."""
    method_and_path = key.partition(b"\n")[0].partition(b"?")[0]
    return method_and_path, method_and_path.partition(b" ")[0]


def nearest(request: Request, recorded: Mapping[int, Request]) -> Nearest | None:
    """Find the recording that differs least from a call, among some by position; None when there is none."""
    if not recorded:
        return None
    position = min(recorded, key=lambda index: _distance(request, recorded[index]))
    differences = list(_differences(request, recorded[position]))
    return Nearest(position, tuple(differences[:MAX_DIFFERENCES]))


def _canonical_body(body: bytes) -> bytes:
    """Print JSON in one way for all that are equal by value, and tell it from a text that happens to look alike."""
    try:
        value = orjson.loads(body)
        canonical = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # no JSON, or nested deeper than the printer goes
        return b"text " + body
    if _FLOAT_LIKE.search(body):
        canonical = orjson.dumps(_by_value(value), option=orjson.OPT_SORT_KEYS)
    return b"json " + canonical


def _by_value(value: object) -> object:
    """Give floats that are whole numbers as integers, so that `1.0` and `1` are one."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {name: _by_value(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_by_value(held) for held in value]
    if isinstance(value, float) and value.is_integer() and -(2**63) <= value < 2**64:
        return int(value)
    return value


def _distance(sent: Request, recorded: Request) -> tuple[int, float]:
    count = sum(1 for _ in _differences(sent, recorded))
    return count, -SequenceMatcher(None, sent.target, recorded.target, autojunk=False).quick_ratio()


def _differences(sent: Request, recorded: Request) -> Iterator[Difference]:
    if sent.method != recorded.method:
        yield Difference("method", sent.method, recorded.method)
    if sent.path != recorded.path:
        yield Difference("path", sent.path, recorded.path)
    yield from _compare_maps("query", _query_map(sent), _query_map(recorded), ".")
    yield from _compare("body", _body_value(sent.body), _body_value(recorded.body))


def _query_map(request: Request) -> dict[str, object]:
    pairs: dict[str, object] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        pairs[name] = f"{pairs[name]}, {value}" if name in pairs else value
    return pairs


def _body_value(body: bytes) -> object:
    try:
        value = orjson.loads(body)
        orjson.dumps(value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return _Text(body.decode("utf-8", "backslashreplace"))
    return _by_value(value)


def _compare(where: str, sent: object, recorded: object) -> Iterator[Difference]:
    if isinstance(sent, dict) and isinstance(recorded, dict):
        yield from _compare_maps(where, sent, recorded, ".")
    elif isinstance(sent, list) and isinstance(recorded, list):
        yield from _compare_maps(where, _numbered(sent), _numbered(recorded), "/")
    elif type(sent) is not type(recorded) or sent != recorded:
        yield Difference(where, _shown(sent), _shown(recorded))


def _compare_maps(
    where: str, sent: Mapping[str, object], recorded: Mapping[str, object], joint: str
) -> Iterator[Difference]:
    for name in dict.fromkeys([*sent, *recorded]):
        place = f"{where}{joint}{name}"
        if name not in recorded:
            yield Difference(place, _shown(sent[name]), ABSENT)
        elif name not in sent:
            yield Difference(place, ABSENT, _shown(recorded[name]))
        else:
            yield from _compare(place, sent[name], recorded[name])


def _numbered(values: Iterable[object]) -> dict[str, object]:
    return {str(index): value for index, value in enumerate(values)}


def _shown(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= _MAX_SHOWN_CHARS else f"{text[:_MAX_SHOWN_CHARS]}… ({len(text)} characters)"
