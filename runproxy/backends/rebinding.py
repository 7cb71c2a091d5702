"""Rebinding of ids: a recording answers a call that differs in ids, and its answer speaks of the ids of the call.

Recorded ids and those of calls are paired one to one for as long as the session lasts: once a thread stands for a
recorded one, it does so in every later call and answer, in path, query and body.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import islice
from typing import TypeAlias

from runproxy.backends.replay import Replay
from runproxy.cassettes import Cassette
from runproxy.cassettes.usage import CassetteUsage
from runproxy.matching import Matcher, MatchKey
from runproxy.messages import Request, Response, cut_anew, make_headers
from runproxy.redaction import ID
from runproxy.uploads import gathered

_Ids: TypeAlias = tuple[str, ...]


class Rebinding:
    """Puts the ids of a call in the place of recorded ones, in front of the `replay` of a cassette."""

    def __init__(self, replay: Replay, cassette: Cassette) -> None:
        self._replay = replay
        self._cassette = cassette
        self._recorded_by_shape: defaultdict[str, dict[_Ids, None]] = defaultdict(dict)  # a set that keeps its order
        self._sorted_in = 0
        self._sent_for: dict[str, str] = {}
        self._recorded_for: dict[str, str] = {}
        self._given: set[str] = set()

    @property
    def matcher(self) -> Matcher:
        """How calls are compared."""
        return self._replay.matcher

    def use(self, cassette: Cassette) -> None:
        """Go on with another cassette; ids that are paired stay paired, and what was played stays played."""
        self._replay.use(cassette)
        self._cassette = cassette
        self._recorded_by_shape.clear()
        self._sorted_in = 0

    def usage(self) -> CassetteUsage | None:
        """Tell which recordings have been played."""
        return self._replay.usage()

    async def send(self, request: Request) -> Response:
        """Answer from the cassette; raises `CassetteMiss`."""
        if request.stream is not None:
            request = await gathered(request, request.stream, self._replay.max_recorded_bytes)
        answer = self.find(request)
        if answer is None:
            raise self._replay.miss(request)
        return answer

    def find(self, request: Request) -> Response | None:
        """Answer from the cassette in the ids of the call, and pair them; None when there is no recording."""
        self._sort_in()
        shape, sent = _shape_of(self._cassette.matcher.key(request))
        recorded = self._choose(sent, self._recorded_by_shape.get(shape, {}))
        if recorded is None:
            return None
        answer = self._replay.find(_renamed_request(request, dict(zip(sent, recorded, strict=True))))
        if answer is None:
            return None
        self._sent_for |= zip(recorded, sent, strict=True)
        self._recorded_for |= zip(sent, recorded, strict=True)
        answer = _renamed_answer(answer, self._sent_for)
        self._given.update(found[0] for found in ID.finditer(_text(answer.body)))
        return answer

    def skip(self, request: Request) -> None:
        """Count a recording as played."""
        self._replay.skip(request)

    def _sort_in(self) -> None:
        """Sort in the recordings that are new since the last call; a cassette that is being recorded grows."""
        for key in islice(self._cassette.distinct_keys(), self._sorted_in, None):
            shape, ids = _shape_of(key)
            self._recorded_by_shape[shape][ids] = None
            self._sorted_in += 1

    def _choose(self, sent: _Ids, groups: Collection[_Ids]) -> _Ids | None:
        """Choose whose recordings answer: those of the same ids, else the first that may still be paired.

        What an answer has told a client is left to calls of that id for as long as there is another choice.
        """
        if sent in groups and self._may_pair(sent, sent):
            return sent
        told = None
        for recorded in groups:
            if not self._may_pair(sent, recorded):
                continue
            if self._given.isdisjoint(recorded):
                return recorded
            told = told or recorded
        return told

    def _may_pair(self, sent: _Ids, recorded: _Ids) -> bool:
        return all(
            self._sent_for.get(one, other) == other and self._recorded_for.get(other, one) == one
            for one, other in zip(recorded, sent, strict=True)
        )


def _shape_of(key: MatchKey) -> tuple[str, _Ids]:
    """Tell a key apart into what it says without ids, and the ids, each once and in their order."""
    places: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"{found[1]}#{places.setdefault(found[0], len(places))}"

    return ID.sub(number, _text(key)), tuple(places)


def _renamed_request(request: Request, names: Mapping[str, str]) -> Request:
    return replace(request, target=_renamed(request.target, names), body=_renamed_bytes(request.body, names))


def _renamed_answer(answer: Response, names: Mapping[str, str]) -> Response:
    if all(one == other for one, other in names.items()):
        return answer
    headers = make_headers((name, _renamed(value, names)) for name, value in answer.headers.items())
    body = _renamed_bytes(answer.body, names)
    return replace(answer, headers=headers, body=body, pieces=cut_anew(answer.body, answer.pieces, body))


def _renamed(text: str, names: Mapping[str, str]) -> str:
    return ID.sub(lambda found: names.get(found[0], found[0]), text)


def _renamed_bytes(data: bytes, names: Mapping[str, str]) -> bytes:
    return _renamed(_text(data), names).encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
