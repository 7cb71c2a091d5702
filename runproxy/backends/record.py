"""Record: forwards a call and stores it before the client has the whole answer."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, TypeAlias

import structlog

from runproxy.cassette import Interaction
from runproxy.errors import CassetteError, RunproxyError, TooManyCredentials, Unrecorded
from runproxy.messages import OUTCOME_HEADER, Backend, Request, Response
from runproxy.redaction import PLAIN, Redactor, WriteGate, loggable_path

_log = structlog.get_logger("runproxy.record")


class Recorder(Protocol):
    """What takes down interactions: a tape, or something in front of one."""

    async def append(self, interaction: Interaction) -> None:
        """Return when the interaction is recorded; raises `CassetteError`."""
        ...  # pragma: no cover

    def give_up(self, request: Request) -> None:
        """Hear of a call that the upstream did not answer."""
        ...  # pragma: no cover


class Record:
    """Forwards calls to `upstream` and records them; of what could not be recorded, `unrecorded` makes the answer.

    Acknowledged means recorded: the answer is given back when the recorder has returned. `now` tells the time in UTC.
    """

    def __init__(
        self,
        upstream: Backend,
        recorder: Recorder,
        gate: WriteGate,
        *,
        unrecorded: "OnRecordError | None" = None,
        now: Callable[[], datetime] | None = None,
        redactor: Redactor = PLAIN,
    ) -> None:
        self._upstream = upstream
        self._recorder = recorder
        self._gate = gate
        self._unrecorded = unrecorded or marked
        self._redactor = redactor
        self._now = now or _utc_now

    async def send(self, request: Request) -> Response:
        """Answer from the upstream; raises `UpstreamError`, after which nothing is recorded."""
        loop = asyncio.get_running_loop()
        started_at, started = self._now(), loop.time()
        unsearched = self._learn(request)
        try:
            response = await self._upstream.send(request)
        except RunproxyError:
            self._recorder.give_up(request)
            raise
        elapsed_ms = round((loop.time() - started) * 1000)
        self._gate.learn_cookies(response)
        try:
            sent, got = self._storable(request, response, unsearched)
            await self._recorder.append(Interaction(sent, got, started_at, elapsed_ms))
        except CassetteError as error:
            _log.error("not recorded", method=request.method, path=loggable_path(request), reason=error.message)
            return self._unrecorded(response, error.code or "", error.message)
        except Exception:  # noqa: BLE001 - logged with its trace; the upstream has answered, and so must runproxy
            _log.exception("not recorded", method=request.method, path=loggable_path(request))
            return self._unrecorded(response, "internal_error", "runproxy failed; its log has the reason.")
        return response.with_header(OUTCOME_HEADER, "recorded")

    def _storable(
        self, request: Request, response: Response, unsearched: TooManyCredentials | None
    ) -> tuple[Request, Response]:
        """Reduce a call to what may be stored of it; raises `NotStorable`."""
        if unsearched:
            raise unsearched
        return self._redactor.storable(request, response)

    def _learn(self, request: Request) -> TooManyCredentials | None:
        """Remember the credentials of a request; gives what keeps it from being recorded, if there are too many."""
        try:
            self._gate.learn(request)
        except TooManyCredentials as error:
            return error
        return None


OnRecordError: TypeAlias = Callable[[Response, str, str], Response]
"""What becomes of an answer that could not be recorded, by the code and the words of the reason."""


def marked(response: Response, code: str, _: str) -> Response:
    """Give the answer all the same, marked as unrecorded."""
    return response.with_header(OUTCOME_HEADER, "unrecorded").with_header("x-runproxy-reason", code)


def withheld(response: Response, code: str, reason: str) -> Response:
    """Raise `Unrecorded` in place of the answer: whoever asks for this would rather fail than miss a recording."""
    raise Unrecorded(
        f"The upstream answered {response.status}, but the answer could not be recorded and is withheld: {reason} "
        "The call may have changed something there.",
        code=code,
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)
