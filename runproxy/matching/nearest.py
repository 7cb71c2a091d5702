"""Why no recording answers a call: the one that is nearest to it, and where the two part."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final
from urllib.parse import parse_qsl

import orjson

from runproxy.matching.key import by_value
from runproxy.messages import Request
from runproxy.multipart import without_boundary

ABSENT: Final = "(absent)"
"""Stands in a difference for what one side does not have."""

MAX_DIFFERENCES: Final = 20
_MAX_SHOWN_CHARS: Final = 200
MAX_ALIKE: Final = 100
"""The nearest recording is looked for among so many of the same address."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a call and a recording part: `where` is `method`, `path`, `query.…`, `header.…` or `body…`."""

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


def nearest(request: Request, recorded: Mapping[int, Request], headers: Sequence[str] = ()) -> Nearest | None:
    """Find the recording that differs least from a call, among some by position; None when there is none.

    Of headers, only those named are compared.
    """
    if not recorded:
        return None
    position = min(recorded, key=lambda index: _distance(request, recorded[index], headers))
    differences = list(_differences(request, recorded[position], headers))
    return Nearest(position, tuple(differences[:MAX_DIFFERENCES]))


def _distance(sent: Request, recorded: Request, headers: Sequence[str]) -> tuple[int, float]:
    count = sum(1 for _ in _differences(sent, recorded, headers))
    return count, -SequenceMatcher(None, sent.target, recorded.target, autojunk=False).quick_ratio()


def _differences(sent: Request, recorded: Request, headers: Sequence[str]) -> Iterator[Difference]:
    if sent.method != recorded.method:
        yield Difference("method", sent.method, recorded.method)
    if sent.path != recorded.path:
        yield Difference("path", sent.path, recorded.path)
    yield from _compare_maps("query", _query_map(sent), _query_map(recorded), ".")
    yield from _compare_maps("header", _chosen(sent, headers), _chosen(recorded, headers), ".")
    if sent.digest is None and recorded.digest is None:
        yield from _compare("body", _body_value(sent.body), _body_value(recorded.body))
    elif sent.digest != recorded.digest:
        yield Difference("body", _described(sent), _described(recorded))


def _query_map(request: Request) -> dict[str, object]:
    pairs: dict[str, object] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        pairs[name] = f"{pairs[name]}, {value}" if name in pairs else value
    return pairs


def _chosen(request: Request, names: Sequence[str]) -> dict[str, object]:
    return {name: ", ".join(request.headers.getall(name)) for name in names if name in request.headers}


def _described(request: Request) -> str:
    """Say of a body what can be said beside one of which no more is known."""
    if request.digest is not None:
        return f"{request.digest.length} bytes, of which only the digest is kept (SHA-256 {request.digest.sha256})"
    return f"{len(request.body)} bytes" if request.body else ABSENT


def _body_value(body: bytes) -> object:
    try:
        value = orjson.loads(body)
        orjson.dumps(value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return _Text(without_boundary(body).decode("utf-8", "replace"))
    return by_value(value)


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
