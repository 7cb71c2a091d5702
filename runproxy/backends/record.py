"""Record: forwards a call and stores it before the client has the whole answer."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import structlog

from runproxy.cassette import Interaction
from runproxy.errors import CassetteError, RunproxyError
from runproxy.matching import MatchKey, match_key
from runproxy.messages import OUTCOME_HEADER, Backend, Request, Response
from runproxy.redaction import WriteGate, loggable_path, scrub, storable_request, storable_response

_log = structlog.get_logger("runproxy.record")


class Recorder(Protocol):
    """What takes down interactions: a tape, or something in front of one."""

    async def append(self, interaction: Interaction) -> None:
        """Return when the interaction is recorded; raises `CassetteError`."""
        ...  # pragma: no cover

    def give_up(self, key: MatchKey) -> None:
        """Hear of a call that the upstream did not answer."""
        ...  # pragma: no cover


class Record:
    """Forwards calls to `upstream` and records them; what could not be recorded is answered all the same, and marked.

    Acknowledged means recorded: the answer is given back when the recorder has returned. `now` tells the time in UTC.
    """

    def __init__(
        self,
        upstream: Backend,
        recorder: Recorder,
        gate: WriteGate,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._upstream = upstream
        self._recorder = recorder
        self._gate = gate
        self._now = now or _utc_now

    async def send(self, request: Request) -> Response:
        """Answer from the upstream; raises `UpstreamError`, after which nothing is recorded."""
        self._gate.learn(request)
        loop = asyncio.get_running_loop()
        started_at, started = self._now(), loop.time()
        try:
            response = await self._upstream.send(request)
        except RunproxyError:
            self._recorder.give_up(match_key(scrub(request)))
            raise
        elapsed_ms = round((loop.time() - started) * 1000)
        self._gate.learn_cookies(response)
        interaction = Interaction(storable_request(request), storable_response(response), started_at, elapsed_ms)
        try:
            await self._recorder.append(interaction)
        except CassetteError as error:
            _log.error("not recorded", method=request.method, path=loggable_path(request), reason=error.message)
            return _unrecorded(response, error.code or "")
        except Exception:  # noqa: BLE001 - logged with its trace; the upstream has answered, and so must runproxy
            _log.exception("not recorded", method=request.method, path=loggable_path(request))
            return _unrecorded(response, "internal_error")
        return response.with_header(OUTCOME_HEADER, "recorded")


def _unrecorded(response: Response, reason: str) -> Response:
    return response.with_header(OUTCOME_HEADER, "unrecorded").with_header("x-runproxy-reason", reason)


def _utc_now() -> datetime:
    return datetime.now(UTC)
