"""Verify: every call goes to the upstream, and its answer is compared with the recording. Nothing is written."""

import asyncio
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

import structlog

from runproxy.backends.replay import Replay
from runproxy.cassettes import Interaction
from runproxy.cassettes.difference import Ignoring
from runproxy.cassettes.drift import Drift, find_drift, kinds_of
from runproxy.coding import known_coding
from runproxy.messages import DRIFT_HEADER, OUTCOME_HEADER, Backend, Request, Response, Stream, coding_named
from runproxy.redaction import Redactor, loggable
from runproxy.streams import Overheard, Passed
from runproxy.uploads import Upload

_KEPT: Final = 100
_MAX_PLACES: Final = 10
_MAX_STREAM_BYTES: Final = 16 * 1024 * 1024
_log = structlog.get_logger("runproxy.verify")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What counts as drift, and what answers are reduced to before they are compared."""

    redactor: Redactor
    ignoring: Ignoring
    kinds: Collection[str]


class Drifts:
    """Keeps the latest drifts, the oldest first: which call, which recording, kinds and places, and no value."""

    def __init__(self) -> None:
        self._latest: deque[dict[str, object]] = deque(maxlen=_KEPT)

    @property
    def latest(self) -> list[dict[str, object]]:
        """The latest drifts: method, path, interaction, kinds, and the first places."""
        return list(self._latest)

    def add(self, drift: dict[str, object]) -> None:
        """Keep one."""
        self._latest.append(drift)


class Verify:
    """Forwards calls to `upstream` and compares the answers with what `replay` would have given.

    The n-th call of a kind is compared with the n-th recording. The client gets the answer of the upstream as it came.
    """

    def __init__(self, upstream: Backend, replay: Replay, comparison: Comparison, drifts: Collection[Drifts]) -> None:
        self._upstream = upstream
        self._replay = replay
        self._comparison = comparison
        self._drifts = drifts

    async def send(self, request: Request) -> Response:
        """Answer from the upstream; raises `UpstreamError`."""
        if request.stream is not None:
            return await self._send_upload(Upload(request, request.stream, self._replay.max_recorded_bytes))
        recording = self._replay.recording(request)
        return self._checked(request, await self._upstream.send(request), recording)

    async def _send_upload(self, upload: Upload) -> Response:
        """Forward a call whose body is still to come; which recording is its own is known when it has passed."""
        response = await self._upstream.send(upload.passing)
        request = upload.known()
        if not upload.has_passed:
            told = loggable(request, {"method": request.method, "path": request.path})
            _log.warning("not compared", reason="the upstream answered before it had the whole request", **told)
            return response
        return self._checked(request, response, self._replay.recording(request))

    def _checked(self, request: Request, response: Response, recording: tuple[int, Interaction] | None) -> Response:
        if recording is None:
            _log.info("new", **loggable(request, {"method": request.method, "path": request.path}))
            return response.with_header(OUTCOME_HEADER, "new")
        if response.stream is not None:
            return self._verifying(request, response, response.stream, recording)
        found = self._compare(request, response, recording)
        if not found:
            return response.with_header(OUTCOME_HEADER, "verified")
        return response.with_header(OUTCOME_HEADER, "drifted").with_header(DRIFT_HEADER, ", ".join(kinds_of(found)))

    def _verifying(
        self, request: Request, response: Response, stream: Stream, recording: tuple[int, Interaction]
    ) -> Response:
        """Let a stream pass, and compare it when its end has come."""

        coding = coding_named(response.headers)

        async def heard(passed: Passed) -> None:
            if passed.lost is None:
                whole = response.decoded(passed.body, known_coding(coding), passed.pieces)
                self._compare(request, whole, recording)

        now = asyncio.get_running_loop().time
        overheard = Overheard(stream, heard, now, length=None, max_bytes=_MAX_STREAM_BYTES, coding=coding)
        return replace(response.with_header(OUTCOME_HEADER, "verifying"), stream=overheard)

    def _compare(self, request: Request, response: Response, recording: tuple[int, Interaction]) -> tuple[Drift, ...]:
        position, recorded = recording
        compared = self._comparison
        fresh = compared.redactor.storable_response(response, request.method)
        found = find_drift(recorded.response, fresh, compared.ignoring, compared.kinds)
        if found:
            self._tell(request, f"{self._replay.name}[{position}]", found)
        return found

    def _tell(self, request: Request, interaction: str, found: Collection[Drift]) -> None:
        places = list(dict.fromkeys(f"{drift.where} ({drift.kind})" for drift in found))[:_MAX_PLACES]
        texts = {"method": request.method, "path": request.path, "interaction": interaction}
        told = loggable(request, {**texts, "places": ", ".join(places)})
        _log.warning("drifted", kinds=", ".join(kinds_of(found)), **told)
        for drifts in self._drifts:
            drifts.add({**told, "kinds": kinds_of(found), "count": len(found)})
