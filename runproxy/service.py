"""One call, from the request as received to the answer: address, team, guard, backend. It does not know the mode."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from runproxy.addressing import take_cassette_name, take_session
from runproxy.attribution import UNKNOWN, Attribution, Caller
from runproxy.backends import Deck, Session, Sessions
from runproxy.calls import Call, DeliveryWatcher, Forerunner, Watcher
from runproxy.errors import CassetteMiss, OutsideBasePath, Refusal, RunproxyError
from runproxy.guard import Admitted, Guard, MetadataRefused
from runproxy.messages import WARNINGS_HEADER, Delivery, Request, Response, make_headers
from runproxy.redaction import loggable
from runproxy.replies import error_reply
from runproxy.routes import climbs
from runproxy.tally import OTHER, Kind, Tally
from runproxy.verdicts import Verdicts
from runproxy.violations import Violation, listed

_UNREADABLE: Final = Request("-", "-", make_headers())


class Nobody:
    """In place of `Attribution` where nothing tells of teams."""

    def caller_of(self, _: Request, __: str | None = None) -> Caller:
        """Give a caller of no known team."""
        return UNKNOWN


@dataclass(frozen=True, slots=True)
class Rules:
    """What calls are held to; replaced as a whole, so that every call is held to one state of them."""

    guard: Guard
    attribution: Attribution | Nobody


class Service:
    """Answers calls. `base_path` is the path all calls must be below; empty when any path will do.

    `before` hears of every call to a guarded route before it goes on, `watchers` of every call that has been answered,
    and `delivery_watchers` of what became of its answer.
    """

    def __init__(
        self,
        rules: Rules,
        deck: Deck,
        base_path: str,
        sessions: Sessions,
        *,
        mode: str,
        before: Forerunner | None = None,
        watchers: Sequence[Watcher] = (),
        delivery_watchers: Sequence[DeliveryWatcher] = (),
        verdicts: Verdicts | None = None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._rules = rules
        self._deck = deck
        self._sessions = sessions
        self._base_path = base_path
        self._mode = mode
        self._now = now
        self.outcomes: Counter[str] = Counter()
        self.tally = Tally()
        self.verdicts = verdicts or Verdicts()
        self._before = before
        self._watchers = (self._count, *watchers)
        self._delivery_watchers = tuple(delivery_watchers)

    def use(self, rules: Rules) -> None:
        """Hold the calls that come from now on to these rules."""
        self._rules = rules

    def may_stream(self, request: Request) -> bool:
        """Tell whether a call can be answered before its body is here: only the guard must know that as a whole."""
        try:
            plain, _ = self._addressed(take_session(request)[0])
        except RunproxyError:  # it is refused by its head, and its body is not read at all
            return True
        return not self._rules.guard.reads_body(plain)

    async def answer(self, request: Request) -> Response:
        """Answer one call; every `RunproxyError` becomes the reply that tells of it."""
        started, call = self._now(), Call(request, self._mode)
        self.tally.live += 1
        try:
            call.response = await self._answered(call, self._rules)
        finally:
            self.tally.live -= 1
        return self._done(call, started)

    async def _answered(self, call: Call, rules: Rules) -> Response:
        try:
            plain, session = take_session(call.request)
            plain, cassette = self._addressed(plain)
            call.caller = rules.attribution.caller_of(plain, cassette)
            if call.caller.disputed:
                call.warnings = _mismatches(call.caller)
            admitted = rules.guard.admit(plain, call.caller.team)
            _note(call, admitted)
            backend = self._sessions.find(session) if session else self._deck.ready(cassette)
            call.mode = backend.mode if isinstance(backend, Session) else self._mode
            backend = backend or await self._deck.backend(_harmless(cassette, plain))
            if self._before is not None and admitted.route is not None:
                await self._before(call)
            response = await backend.send(admitted.request)
            if response.source is not None:
                self.verdicts.hit(admitted.request, response.source)
        except RunproxyError as error:
            call.guarded = rules.guard.route_of(call.request.path)
            call.route = call.guarded.name if call.guarded else OTHER
            response = self._refused(call, error)
        return _warned(response, call.warnings) if call.warnings else response

    def refuse(self, error: RunproxyError, request: Request = _UNREADABLE) -> Response:
        """Answer a request that was not read to its end, or not at all."""
        started, call = self._now(), Call(request, self._mode)
        call.response = self._refused(call, error)
        return self._done(call, started)

    def delivered(self, request: Request, delivery: Delivery) -> None:
        """Hear what became of an answer on its way to the client; of a stream, when it is over."""
        if delivery is not Delivery.COMPLETE:
            self.tally.undelivered[delivery.value] += 1
        for hear in self._delivery_watchers:
            hear(request, delivery)

    def _refused(self, call: Call, error: RunproxyError) -> Response:
        """Turn an error into the reply that tells of it."""
        call.error = error
        if isinstance(error, MetadataRefused):
            call.broken, call.body = error.judgement.violations, error.body
        if isinstance(error, CassetteMiss):
            self.verdicts.miss(error, call.request)
        else:
            self.verdicts.error(error, call.request)
        return error_reply(error)

    def _done(self, call: Call, started: float) -> Response:
        call.seconds = self._now() - started
        for hear in self._watchers:
            hear(call)
        return call.response

    def _count(self, call: Call) -> None:
        outcome, error, tally = call.outcome, call.error, self.tally
        self.outcomes[outcome] += 1
        tally.count(Kind(call.route, call.mode, outcome, call.response.status // 100, call.caller.team), call.seconds)
        if isinstance(error, CassetteMiss):
            tally.misses[str(error.details["reason"])] += 1
        elif isinstance(error, Refusal):
            tally.violations.update([found.code for found in call.broken] or [str(error.code)])

    def _addressed(self, request: Request) -> tuple[Request, str | None]:
        """Give the call at its plain address, and the cassette it names."""
        request, cassette = take_cassette_name(request)
        if not _is_below(request.path, self._base_path) or climbs(request.path):
            raise OutsideBasePath(
                f"{request.path} is not a plain path below {self._base_path or '/'}, the base path of the upstream. "
                "Swap the origin of your base URL and keep its path.",
                code="outside_base_path",
            )
        return request, cassette


def _harmless(cassette: str | None, request: Request) -> str | None:
    """Give back the name of a cassette, which may become that of a file; raises `Refusal` for one with a secret."""
    if cassette is not None and loggable(request, {"name": cassette})["name"] != cassette:
        raise Refusal(
            "The cassette name holds a credential, or what looks like one, and cassettes are files of that name.",
            code="invalid_cassette_name",
        )
    return cassette


def _warned(response: Response, warnings: Sequence[Violation]) -> Response:
    """List what a call is warned of in a header of its answer."""
    text, already = listed(warnings), response.headers.get(WARNINGS_HEADER)
    return response.with_header(WARNINGS_HEADER, f"{already}, {text}" if already else text)


def _note(call: Call, admitted: Admitted) -> None:
    """Note what the guard has found out of a call."""
    call.warnings = (*admitted.warnings, *call.warnings)
    if admitted.route is not None:
        call.guarded, call.route, call.body = admitted.route, admitted.route.name, admitted.body


def _mismatches(caller: Caller) -> tuple[Violation, ...]:
    """Tell which sources contradict the team that is believed."""
    text = "This contradicts what is believed of the team of the call."
    return tuple(Violation("team_mismatch", source, text) for source in caller.disputed)


def _is_below(path: str, base_path: str) -> bool:
    return path.startswith(base_path) and path[len(base_path) :][:1] in ("", "/")
