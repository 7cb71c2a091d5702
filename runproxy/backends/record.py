"""Record: forwards a call and stores it before the client has the whole answer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, TypeAlias

import structlog

from runproxy.backends.sunsets import IsSunset, Sunsets
from runproxy.cassettes import Interaction
from runproxy.coding import known_coding
from runproxy.errors import (
    CassetteError,
    ClosedEndpoint,
    NotStorable,
    RunproxyError,
    TooManyCredentials,
    Unrecorded,
    UploadUnfinished,
)
from runproxy.matching import digested
from runproxy.messages import OUTCOME_HEADER, Backend, Request, Response, Stream, coding_named
from runproxy.redaction import PLAIN, Redactor, WriteGate, loggable_path
from runproxy.streams import Overheard, Passed
from runproxy.uploads import Upload

_log = structlog.get_logger("runproxy.record")


class Recorder(Protocol):
    """What takes down interactions: a tape, or something in front of one."""

    async def append(self, interaction: Interaction) -> None:
        """Return when the interaction is recorded; raises `CassetteError`."""
        ...  # pragma: no cover

    def give_up(self, request: Request) -> None:
        """Hear of a call that was not answered, or whose answer was not recorded."""
        ...  # pragma: no cover


class Record:
    """Forwards calls to `upstream` and records them; of what could not be recorded, `unrecorded` makes the answer.

    Acknowledged means recorded: the answer is given back when the recorder has returned, and of a stream its end. Of
    streams, and of what comes compressed, what says at most `max_recorded_bytes` is recorded, and of a longer body of a
    request, its digest; of answers, none that `is_sunset`. `now` tells the time in UTC. What is not recorded costs no
    earlier recording of its call.
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
        max_recorded_bytes: int = 16 * 1024 * 1024,
        is_sunset: IsSunset | None = None,
    ) -> None:
        self._upstream = upstream
        self._recorder = recorder
        self._gate = gate
        self._unrecorded = unrecorded or marked
        self._redactor = redactor
        self._max_recorded_bytes = max_recorded_bytes
        self._is_sunset = is_sunset or Sunsets()
        self._now = now or _utc_now

    async def send(self, request: Request) -> Response:
        """Answer from the upstream; raises `UpstreamError`, after which nothing is recorded."""
        loop = asyncio.get_running_loop()
        started_at, started = self._now(), loop.time()
        unsearched, upload = self._learn(request), self._upload(request)
        try:
            response = await self._upstream.send(upload.passing if upload else request)
        except (RunproxyError, asyncio.CancelledError):
            self._recorder.give_up(_as_far_as_known(request, upload))
            raise
        elapsed_ms = round((loop.time() - started) * 1000)
        self._gate.learn_cookies(response)
        taking = _Taking(request, upload, started_at, elapsed_ms, unsearched)
        if response.stream is not None:
            return self._recording(response, response.stream, taking)
        why = await self._take_down(taking, response)
        return self._unrecorded(response, *why) if why else response.with_header(OUTCOME_HEADER, "recorded")

    def _recording(self, response: Response, stream: Stream, taking: "_Taking") -> Response:
        """Let a stream pass, and record it when its end has come, before the client has it."""

        coding = coding_named(response.headers)

        async def heard(passed: Passed) -> None:
            whole = response.decoded(passed.body, known_coding(coding), passed.pieces)
            why = await self._take_down(taking, whole, passed.lost)
            if why:
                self._unrecorded(response, *why)  # raises where the settings ask for it, which breaks the stream off

        length = response.headers.get("Content-Length")
        overheard = Overheard(
            stream,
            heard,
            asyncio.get_running_loop().time,
            length=int(length) if length else None,
            max_bytes=self._max_recorded_bytes,
            coding=coding,
            lost=lambda: self._recorder.give_up(_as_far_as_known(taking.request, taking.upload)),
        )
        return replace(response.with_header(OUTCOME_HEADER, "recording"), stream=overheard)

    async def _take_down(
        self, taking: "_Taking", response: Response, lost: NotStorable | None = None
    ) -> tuple[str, str] | None:
        """Record a call, unless it is `lost`; gives code and words of what kept it from that, which is logged."""
        request = taking.request
        try:
            sent, got = self._storable(taking, response, lost)
            await self._recorder.append(Interaction(sent, got, taking.started_at, taking.elapsed_ms))
        except ClosedEndpoint as error:  # logged once for each endpoint
            why = error.code or "", error.message
        except CassetteError as error:
            _log.error("not recorded", method=request.method, path=loggable_path(request), reason=error.message)
            why = error.code or "", error.message
        except Exception:  # noqa: BLE001 - logged with its trace; the upstream has answered, and so must runproxy
            _log.exception("not recorded", method=request.method, path=loggable_path(request))
            why = "internal_error", "runproxy failed; its log has the reason."
        else:
            return None
        self._recorder.give_up(_as_far_as_known(request, taking.upload))
        return why

    def _storable(self, taking: "_Taking", response: Response, lost: NotStorable | None) -> tuple[Request, Response]:
        """Reduce a call to what may be stored of it; raises `NotStorable`."""
        if why := lost or taking.unsearched:
            raise why
        if self._is_sunset(taking.request, response):
            raise ClosedEndpoint
        if taking.upload and not taking.upload.has_passed:
            raise UploadUnfinished
        request = _as_far_as_known(taking.request, taking.upload)
        if len(request.body) > self._max_recorded_bytes:
            request = digested(request)
        return self._redactor.storable(request, response, self._max_recorded_bytes)

    def _upload(self, request: Request) -> Upload | None:
        """Hear a body that is still to come, unless it was heard before."""
        if request.stream is None or request.digest is not None:
            return None
        return Upload(request, request.stream, self._max_recorded_bytes)

    def _learn(self, request: Request) -> TooManyCredentials | None:
        """Remember the credentials of a request; gives what keeps it from being recorded, if there are too many."""
        try:
            self._gate.learn(request)
        except TooManyCredentials as error:
            return error
        return None


@dataclass(frozen=True, slots=True)
class _Taking:
    """What is known of a call before its answer is whole."""

    request: Request
    upload: Upload | None
    started_at: datetime
    elapsed_ms: int
    unsearched: TooManyCredentials | None


def _as_far_as_known(request: Request, upload: Upload | None) -> Request:
    """Give a request with its body, where that has passed whole, and else as it was when it began."""
    return upload.known() if upload and upload.has_passed else request


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
