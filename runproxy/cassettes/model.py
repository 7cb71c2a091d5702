"""What a cassette is, once read: interactions in the order of the file, and who answers which call."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from runproxy.matching import MAX_ALIKE, Matcher, MatchKey, address_parts, digested, may_be_of_digest
from runproxy.messages import Request, Response
from runproxy.redaction import PLAIN

PLAIN_MATCHER: Final = Matcher(PLAIN)
"""Compares as runproxy does where nothing is set."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """One recorded call: the redacted request, the answer, when it was recorded (UTC) and how long it took."""

    request: Request
    response: Response
    recorded_at: datetime
    elapsed_ms: int

    @property
    def key(self) -> MatchKey:
        """What recordings of one call share on file, where all that settings redact is redacted already."""
        return PLAIN_MATCHER.key(self.request)


class Cassette:
    """Interactions in order, found by match key in one dictionary access.

    An interaction may be held as the function that reads it, so that a large cassette is not in memory as objects. Keys
    are those that `matcher` gives.
    """

    def __init__(self, interactions: Iterable[Interaction] = (), matcher: Matcher = PLAIN_MATCHER) -> None:
        self.matcher = matcher
        self._held: list[Interaction | Callable[[], Interaction]] = []
        self._positions: defaultdict[MatchKey, list[int]] = defaultdict(list)
        self._by_address: dict[MatchKey, list[int]] | None = None
        self._may_hold_digests = False
        for interaction in interactions:
            self.add(interaction)

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Interaction]:
        return (self[position] for position in range(len(self)))

    def __getitem__(self, position: int) -> Interaction:
        held = self._held[position]
        return held if isinstance(held, Interaction) else held()

    def add(self, interaction: Interaction) -> None:
        """Put an interaction at the end."""
        self._put(self.key_of(interaction), interaction)

    def key_of(self, interaction: Interaction) -> MatchKey:
        """What a call must share to be answered by a recording."""
        return self.matcher.key(interaction.request)

    def key_for(self, request: Request) -> MatchKey:
        """Give the key under which recordings of a request stand, or would stand.

        A body that is known here may have been too long to be recorded, so that no more than its digest was.
        """
        key = self.matcher.key(request)
        if self._may_hold_digests and request.body and key not in self._positions:
            of_digest = self.matcher.key(digested(request))
            return of_digest if of_digest in self._positions else key
        return key

    def add_unread(self, key: MatchKey, read: Callable[[], Interaction]) -> None:
        """Put an interaction of this key at the end, to be read when it is asked for."""
        self._put(key, read)

    def positions(self, key: MatchKey) -> list[int]:
        """Give where the recordings of a key stand, in order; empty when there is none."""
        return self._positions.get(key, [])

    def distinct_keys(self) -> Iterable[MatchKey]:
        """Give every key once, in the order of the cassette."""
        return self._positions.keys()

    def keys_in_order(self) -> list[MatchKey]:
        """Give the key of every interaction."""
        keys: list[MatchKey] = [b""] * len(self)
        for key, positions in self._positions.items():
            for position in positions:
                keys[position] = key
        return keys

    def alike(self, key: MatchKey) -> Sequence[int]:
        """Give where the recordings stand that a key is best compared with.

        Those of the same address, else those of the same method, else all; at most `MAX_ALIKE`.
        """
        if self._by_address is None:
            self._by_address = self._addresses()
        for part in address_parts(key):
            if found := self._by_address.get(part):
                return found
        return range(min(len(self), MAX_ALIKE))

    def _addresses(self) -> dict[MatchKey, list[int]]:
        """Sort the first recordings by address and by method; only a miss asks for it."""
        found: defaultdict[MatchKey, list[int]] = defaultdict(list)
        for key, positions in self._positions.items():
            for part in address_parts(key):
                room = MAX_ALIKE - len(found[part])
                found[part] += positions[:room]
        return dict(found)

    def _put(self, key: MatchKey, held: Interaction | Callable[[], Interaction]) -> None:
        self._positions[key].append(len(self._held))
        self._held.append(held)
        self._by_address = None
        self._may_hold_digests = self._may_hold_digests or may_be_of_digest(key)
