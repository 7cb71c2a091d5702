"""Which interactions of two cassettes are the same call: those of the same key, the n-th beside the n-th."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, TypeAlias

from runproxy.cassettes.model import Interaction
from runproxy.matching import MatchKey
from runproxy.messages import Headers, Piece, Request, Response, cut_anew, make_headers

Slot: TypeAlias = tuple[MatchKey, int]
"""A call by its key, and which of its recordings it is, from 0."""

VOLATILE_HEADERS: Final = frozenset({"x-request-id"})
"""Headers that differ in every answer, and say nothing of the answer."""


def slots_of(interactions: Iterable[Interaction]) -> dict[Slot, int]:
    """Give the position of each slot, in the order of the cassette; nothing that was read is kept."""
    seen: Counter[MatchKey] = Counter()
    found: dict[Slot, int] = {}
    for position, interaction in enumerate(interactions):
        key = interaction.key
        found[key, seen[key]] = position
        seen[key] += 1
    return found


def is_same_recording(one: Interaction, other: Interaction) -> bool:
    """Tell whether two interactions are equal in all but when and how fast they were recorded."""
    return _sent(one.request) == _sent(other.request) and is_same_answer(one.response, other.response)


def is_same_answer(one: Response, other: Response) -> bool:
    """Tell whether two answers are equal in all that lasts."""
    return _lasting(one) == _lasting(other)


def without_noise(earlier: Interaction, fresh: Interaction) -> Interaction:
    """Give a fresh recording with all that says nothing of its answer as it stands in the one that it replaces.

    That is how long the answer and its pieces took, how a stream was cut, the coding, which is the client's choice, and
    volatile headers. So what the two differ in is the answer, and when it was recorded.
    """
    before, after = earlier.response, fresh.response
    headers = make_headers((name, _lasting_value(before, name, value)) for name, value in after.headers.items())
    coding = before.coding if after.body else after.coding
    answer = replace(after, headers=headers, pieces=_as_cut_before(before, after), coding=coding)
    return replace(fresh, response=answer, elapsed_ms=earlier.elapsed_ms)


def _lasting_value(before: Response, name: str, value: str) -> str:
    return before.headers.get(name, value) if name.lower() in VOLATILE_HEADERS else value


def _as_cut_before(before: Response, after: Response) -> tuple[Piece, ...]:
    """Cut a stream where the earlier one was cut, unless it has fewer lines or more, and so other pieces."""
    pieces = cut_anew(before.body, before.pieces, after.body)
    is_stream = bool(before.pieces and after.pieces)
    return pieces if is_stream and len(pieces) == len(before.pieces) else after.pieces


def _sent(request: Request) -> tuple[object, ...]:
    return request.method, request.target, request.body, request.digest, _steady(request.headers)


def _lasting(answer: Response) -> tuple[object, ...]:
    return answer.status, answer.body, _steady(answer.headers)


def _steady(headers: Headers) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers.items() if name.lower() not in VOLATILE_HEADERS]
