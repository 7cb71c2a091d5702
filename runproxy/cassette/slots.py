"""Which interactions of two cassettes are the same call: those of the same key, the n-th beside the n-th."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, TypeAlias

from runproxy.cassette.model import Interaction
from runproxy.matching import MatchKey
from runproxy.messages import Headers, Request, Response

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


def _sent(request: Request) -> tuple[object, ...]:
    return request.method, request.target, request.body, _steady(request.headers)


def _lasting(answer: Response) -> tuple[object, ...]:
    return answer.status, answer.body, _steady(answer.headers)


def _steady(headers: Headers) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers.items() if name.lower() not in VOLATILE_HEADERS]
