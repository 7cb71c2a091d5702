"""Replay: answers from a cassette, and a verdict when there is none. It knows no upstream."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Final, Literal, Protocol
from urllib.parse import quote

import structlog

from runproxy.backends.expiry import Expiry
from runproxy.cassettes import PLAIN_MATCHER, Cassette, Interaction
from runproxy.cassettes.usage import CassetteUsage
from runproxy.errors import CassetteMiss
from runproxy.matching import Matcher, MatchKey, Nearest
from runproxy.messages import INTERACTION_HEADER, OUTCOME_HEADER, WARNINGS_HEADER, Request, Response, Source
from runproxy.uploads import gathered

OnExhausted = Literal["last", "error", "cycle"]
"""What answers the call after the last recording of its kind: that one again, a miss, or the first."""

_DAY: Final = timedelta(days=1)
_log = structlog.get_logger("runproxy.replay")
NO_RETRY: Final[Mapping[str, str]] = {"x-should-retry": "false"}
"""What the SDKs obey; without it they would send a call that has no recording three times."""


class Player(Protocol):
    """What answers calls from a cassette, and can say what it has played."""

    @property
    def matcher(self) -> Matcher:
        """How it compares calls."""
        ...  # pragma: no cover

    def use(self, cassette: Cassette) -> None:
        """Go on with another cassette; what was played of each call stays played."""
        ...  # pragma: no cover

    def usage(self) -> CassetteUsage | None:
        """Tell which recordings have been played; None where there is no cassette."""
        ...  # pragma: no cover

    async def send(self, request: Request) -> Response:
        """Answer from the cassette; raises `CassetteMiss`."""
        ...  # pragma: no cover

    def find(self, request: Request) -> Response | None:
        """Answer from the cassette and move on to the next recording of the kind; None when there is none."""
        ...  # pragma: no cover

    def skip(self, request: Request) -> None:
        """Count a recording as played."""
        ...  # pragma: no cover


class Replay:
    """Gives the n-th call of a kind the n-th recording of it.

    `cassette` is None when there is no such cassette. The cursor is this object's, so two sessions on one cassette
    do not disturb each other. Calls are compared as the cassette does, and as `matcher` does where there is none.
    `record_command` is what a person types to record what was missed. Of bodies that come as streams, at most
    `max_recorded_bytes` are kept in memory, as when they are recorded.
    """

    def __init__(
        self,
        name: str,
        cassette: Cassette | None,
        on_exhausted: OnExhausted,
        record_command: str,
        *,
        expiry: Expiry | None = None,
        matcher: Matcher = PLAIN_MATCHER,
        max_recorded_bytes: int = 16 * 1024 * 1024,
    ) -> None:
        self.max_recorded_bytes = max_recorded_bytes
        self._expiry = expiry
        self._told_expired: set[int] = set()
        self.name = name
        self.cassette = cassette
        self._on_exhausted = on_exhausted
        self._record_command = record_command
        self.matcher = matcher if cassette is None else cassette.matcher
        self._played: defaultdict[MatchKey, int] = defaultdict(int)
        self._answers: dict[int, tuple[Response, datetime]] = {}

    def usage(self) -> CassetteUsage | None:
        """Tell which recordings have been played; None where there is no cassette."""
        cassette = self.cassette
        if cassette is None:
            return None
        played = (cassette.positions(key)[:count] for key, count in self._played.items())
        return CassetteUsage.of(cassette, frozenset(chain.from_iterable(played)))

    def use(self, cassette: Cassette) -> None:
        """Go on with another cassette; what was played of each call stays played."""
        self.cassette = cassette
        self.matcher = cassette.matcher
        self._answers.clear()
        self._told_expired.clear()

    async def send(self, request: Request) -> Response:
        """Answer from the cassette; raises `CassetteMiss`."""
        if request.stream is not None:
            request = await gathered(request, request.stream, self.max_recorded_bytes)
        answer = self.find(request)
        if answer is None:
            raise self.miss(request)
        return answer

    def find(self, request: Request) -> Response | None:
        """Answer from the cassette and move on to the next recording of the kind; None when there is none.

        Raises `CassetteMiss` for a recording that is too old to be given.
        """
        if self.cassette is None or (position := self._next(self.cassette, request)) is None:
            return None
        answer, recorded_at = self._answer(self.cassette, position)
        age = self._expiry.age_of_expired(recorded_at) if self._expiry else None
        return answer if age is None else self._expired(request, answer, position, age)

    def recording(self, request: Request) -> tuple[int, Interaction] | None:
        """Give the recording that is next for a call, with its position, and move on; None when there is none."""
        if self.cassette is None or (position := self._next(self.cassette, request)) is None:
            return None
        return position, self.cassette[position]

    def _next(self, cassette: Cassette, request: Request) -> int | None:
        key = cassette.key_for(request)
        positions = cassette.positions(key)
        if not positions:
            return None
        nth = self._played[key]
        if nth >= len(positions):
            if self._on_exhausted == "error":
                return None
            nth = nth % len(positions) if self._on_exhausted == "cycle" else len(positions) - 1
        self._played[key] += 1
        return positions[nth]

    def skip(self, request: Request) -> None:
        """Count a recording as played."""
        if self.cassette is not None:
            self._played[self.cassette.key_for(request)] += 1

    def _expired(self, request: Request, answer: Response, position: int, age: timedelta) -> Response:
        """Tell that a recording is too old, and give it all the same unless the settings say otherwise."""
        expiry = self._expiry
        if expiry is None:
            return answer
        reason = (
            f"interactions[{position}] of cassette {self.name!r} is {age / _DAY:.1f} days old, "
            f"and may be {expiry.max_age / _DAY:g}"
        )
        if expiry.refuses:
            raise self._verdict(self.matcher.scrubbed(request), "expired", reason, Nearest(position, ()))
        if position not in self._told_expired:
            self._told_expired.add(position)
            _log.warning("recording expired", reason=reason)
        return answer.with_header(WARNINGS_HEADER, f'recording_expired;param="interactions%5B{position}%5D"')

    def _answer(self, cassette: Cassette, position: int) -> tuple[Response, datetime]:
        """Give the same object every time, so that its head is rendered once."""
        known = self._answers.get(position)
        if known is None:
            interaction = cassette[position]
            answer = interaction.response.with_header(OUTCOME_HEADER, "replayed")
            answer = answer.with_header(INTERACTION_HEADER, f"{quote(self.name)}[{position}]")
            known = replace(answer, source=self._source(cassette, position, interaction)), interaction.recorded_at
            self._answers[position] = known
        return known

    def _source(self, cassette: Cassette, position: int, interaction: Interaction) -> Source:
        positions = cassette.positions(cassette.key_of(interaction))
        nth = bisect_left(positions, position) + 1
        because = cassette.matcher.described
        if nth == len(positions) and self._on_exhausted != "error":
            because += f"; after the last recording, on_exhausted = {self._on_exhausted!r} counts"
        return Source(
            self.name, position, nth, len(positions), interaction.recorded_at, interaction.elapsed_ms, because
        )

    def miss(self, request: Request) -> CassetteMiss:
        """Say why no recording answers a call, and which one is nearest to it."""
        miss = self._why_missed(request)
        miss.holds_secret = not self.matcher.may_be_told(request)
        return miss

    def _why_missed(self, request: Request) -> CassetteMiss:
        sent = self.matcher.scrubbed(request)
        if self.cassette is None:
            return self._verdict(sent, "no_cassette", f"there is no cassette {self.name!r}", None)
        key = self.cassette.key_for(request)
        positions = self.cassette.positions(key)
        if positions:
            reason = f"all {len(positions)} recordings of this call in cassette {self.name!r} have been played"
            return self._verdict(sent, "exhausted", reason, Nearest(positions[-1], ()))
        alike = {position: self.cassette[position].request for position in self.cassette.alike(key)}
        found = self.matcher.nearest(request, alike)
        return self._verdict(sent, "no_match", f"cassette {self.name!r} holds no such call", found)

    def _verdict(self, sent: Request, reason: str, why: str, found: Nearest | None) -> CassetteMiss:
        lines = [f"No recorded answer for {sent.method} {sent.target}: {why}."]
        if found and found.differences:
            lines.append(f"The nearest recording is interactions[{found.position}]:")
            lines += [f"  {part.where}: you sent {part.sent}, recorded {part.recorded}" for part in found.differences]
        lines.append(f"To record it: {self._record_command}")
        details = {"reason": reason, "cassette": self.name, "nearest": _described(found)}
        details["record_command"] = self._record_command
        return CassetteMiss("\n".join(lines), code="cassette_miss", headers=NO_RETRY, details=details)


def _described(found: Nearest | None) -> dict[str, object] | None:
    if found is None:
        return None
    differences = [
        {"where": part.where, "you_sent": part.sent, "recorded": part.recorded} for part in found.differences
    ]
    return {"interaction": found.position, "differences": differences}
