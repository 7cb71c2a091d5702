"""Sending recorded requests to a server again, and comparing its answers with the recorded ones."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from runproxy.cassettes import Cassette, Interaction
from runproxy.cassettes.difference import Ignoring
from runproxy.cassettes.drift import Drift, find_drift
from runproxy.coding import known_coding
from runproxy.composition.modes import base_path_in
from runproxy.composition.upstreams import connected
from runproxy.config import LimitSettings
from runproxy.errors import UpstreamError
from runproxy.messages import SAFE_METHODS, Request, Response, coding_named, make_headers
from runproxy.redaction import REDACTED, Redactor, WriteGate
from runproxy.streams import Overheard, Passed
from runproxy.upstream import Profile

_PLACEHOLDER: Final = b"[redacted:"
_LIMITS: Final = LimitSettings(connect_s=10.0, upstream_s=120.0)
_MAX_STREAM_BYTES: Final = 16 * 1024 * 1024
HELD_BACK: Final = "(holds a credential)"


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one recording: its drift, none where it still tells the truth, or why it was `skipped`."""

    position: int
    call: str
    drifts: tuple[Drift, ...] = ()
    skipped: str = ""


Check: TypeAlias = Callable[[int, Interaction], Awaitable[Checked]]


@dataclass(frozen=True, slots=True)
class Resending:
    """How recordings are checked: where they are sent, with which headers more, and what counts as drift."""

    profile: Profile
    headers: Sequence[tuple[str, str]]
    redactor: Redactor
    ignoring: Ignoring
    kinds: Collection[str]
    include_unsafe: bool = False

    @asynccontextmanager
    async def connected(self, cassette: Cassette) -> AsyncIterator[Check]:
        """Give what checks one recording of a cassette, by its position; that raises `UpstreamError`."""
        base_path, gate = base_path_in(cassette), WriteGate()
        async with connected(self.profile, gate, _LIMITS) as upstream:

            async def check(position: int, interaction: Interaction) -> Checked:
                request = interaction.request
                call = f"[{position}] {request.method} {request.target}"
                if reason := self._why_not_sent(request):
                    return Checked(position, call, skipped=reason)
                sent = self._addressed(request, base_path)
                gate.learn(sent)
                answer = await _whole(await upstream.send(sent), call)
                fresh = self.redactor.storable_response(answer, sent.method)
                drifts = find_drift(interaction.response, fresh, self.ignoring, self.kinds)
                return Checked(position, call, tuple(_shown(drift, gate) for drift in drifts))

            yield check

    def _why_not_sent(self, request: Request) -> str:
        if request.method not in SAFE_METHODS and not self.include_unsafe:
            return "that may change things on the server; --include-unsafe sends them too"
        if _PLACEHOLDER in request.body or REDACTED in request.query or _PLACEHOLDER.decode() in request.query:
            return "that were redacted, and cannot be sent as they were"
        if request.digest is not None:
            return "with a body that was too long to be recorded, and cannot be sent again"
        return ""

    def _addressed(self, request: Request, base_path: str) -> Request:
        """Put the base path of the server in the place of the recorded one, and add the headers."""
        target = request.target
        if target.startswith(f"{base_path}/"):
            target = self.profile.address.base_path + target[len(base_path) :]
        added = {name.lower() for name, _ in self.headers}
        kept = [(name, value) for name, value in request.headers.items() if name.lower() not in added]
        return replace(request, target=target, headers=make_headers([*kept, *self.headers]))


async def _whole(answer: Response, call: str) -> Response:
    """Take an answer that comes as a stream to its end; raises `UpstreamError` for one that cannot be compared."""
    if answer.stream is None:
        return answer
    ended: list[Passed] = []

    async def heard(passed: Passed) -> None:
        ended.append(passed)

    now, coding = asyncio.get_running_loop().time, coding_named(answer.headers)
    stream = Overheard(answer.stream, heard, now, length=None, max_bytes=_MAX_STREAM_BYTES, coding=coding)
    try:
        async for _ in stream:
            pass
    finally:
        await stream.aclose()
    passed = ended[0]
    if passed.lost is not None:
        raise UpstreamError(f"The answer to {call} cannot be compared: {passed.lost.reason}.", code="upstream_invalid")
    return answer.decoded(passed.body, known_coding(coding), passed.pieces)


def _shown(drift: Drift, gate: WriteGate) -> Drift:
    """Keep back a value that holds a credential; recorded ones have passed the gate before."""
    return drift if gate.lets_pass(str(drift.fresh)) else replace(drift, fresh=HELD_BACK)
