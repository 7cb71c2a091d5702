"""What a cassette is, once read: interactions in the order of the file, and who answers which call."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from runproxy.matching import MatchKey, match_key
from runproxy.messages import Request, Response
from runproxy.redaction import scrub


@dataclass(frozen=True, slots=True)
class Interaction:
    """One recorded call: the redacted request, the answer, when it was recorded (UTC) and how long it took."""

    request: Request
    response: Response
    recorded_at: datetime
    elapsed_ms: int

    @property
    def key(self) -> MatchKey:
        """What a call must share to be answered by this recording."""
        return match_key(scrub(self.request))


class Cassette:
    """Interactions in order, found by match key in one dictionary access."""

    def __init__(self, interactions: Iterable[Interaction] = ()) -> None:
        self._interactions: list[Interaction] = []
        self._positions: defaultdict[MatchKey, list[int]] = defaultdict(list)
        for interaction in interactions:
            self.add(interaction)

    def __len__(self) -> int:
        return len(self._interactions)

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        """All interactions in the order of the file."""
        return tuple(self._interactions)

    def __getitem__(self, position: int) -> Interaction:
        return self._interactions[position]

    def add(self, interaction: Interaction) -> None:
        """Put an interaction at the end."""
        self._positions[interaction.key].append(len(self._interactions))
        self._interactions.append(interaction)

    def positions(self, key: MatchKey) -> list[int]:
        """Give where the recordings of a key stand, in order; empty when there is none."""
        return self._positions.get(key, [])
