"""One call, from the request as received to the answer: address, team, guard, backend. It does not know the mode."""

from collections import Counter
from dataclasses import dataclass

import structlog

from runproxy.addressing import take_cassette_name, take_session
from runproxy.attribution import UNKNOWN, Attribution, Caller
from runproxy.backends import Deck, Sessions
from runproxy.errors import CassetteMiss, OutsideBasePath, Refusal, RunproxyError, UpstreamError
from runproxy.guard import VIOLATIONS_HEADER, Guard
from runproxy.messages import OUTCOME_HEADER, WARNINGS_HEADER, Request, Response
from runproxy.redaction import loggable
from runproxy.replies import error_reply
from runproxy.routes import climbs
from runproxy.verdicts import Verdicts
from runproxy.violations import Violation, listed

_log = structlog.get_logger("runproxy.service")


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
    """Answers calls. `base_path` is the path all calls must be below; empty when any path will do."""

    def __init__(self, rules: Rules, deck: Deck, base_path: str, sessions: Sessions) -> None:
        self._rules = rules
        self._deck = deck
        self._sessions = sessions
        self._base_path = base_path
        self.outcomes: Counter[str] = Counter()
        self.verdicts = Verdicts()

    def use(self, rules: Rules) -> None:
        """Hold the calls that come from now on to these rules."""
        self._rules = rules

    async def answer(self, request: Request) -> Response:
        """Answer one call; every `RunproxyError` becomes the reply that tells of it."""
        rules, caller = self._rules, UNKNOWN
        warnings: tuple[Violation, ...] = ()
        try:
            plain, session = take_session(request)
            plain, cassette = self._addressed(plain)
            caller = rules.attribution.caller_of(plain, cassette)
            admitted = rules.guard.admit(plain, caller.team)
            warnings = admitted.warnings
            backend = self._sessions.find(session) if session else self._deck.ready(cassette)
            backend = backend or await self._deck.backend(_harmless(cassette, plain))
            response = await backend.send(admitted.request)
            if response.source is not None:
                self.verdicts.hit(admitted.request, response.source)
        except RunproxyError as error:
            response = self.refuse(error, request, caller)
        if warnings or caller.disputed:
            response = _warned(response, (*warnings, *_mismatches(caller)), request, caller)
        self.outcomes[response.headers[OUTCOME_HEADER]] += 1
        return response

    def refuse(self, error: RunproxyError, request: Request | None = None, caller: Caller = UNKNOWN) -> Response:
        """Turn an error into the reply that tells of it, and log it with no value that the call carried."""
        more = {"violations": error.headers[VIOLATIONS_HEADER]} if VIOLATIONS_HEADER in error.headers else {}
        if isinstance(error, CassetteMiss):
            if request:
                self.verdicts.miss(error, request)
            more |= {name: str(error.details[name]) for name in ("reason", "cassette", "miss") if name in error.details}
            more |= {} if error.holds_secret else {"block": error.message}
        elif not isinstance(error, Refusal):
            more["reason"] = error.message
        call = _told_of(request, caller, **more) if request else more
        match error:
            case Refusal():
                _log.info("refused", code=error.code, status=error.status, **call)
            case CassetteMiss():
                _log.warning("miss", **call)
            case UpstreamError():
                _log.warning("upstream failed", code=error.code, **call)
            case _:
                _log.error("call failed", code=error.code, **call)
        return error_reply(error)

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


def _warned(response: Response, warnings: tuple[Violation, ...], request: Request, caller: Caller) -> Response:
    """Log what a call is warned of, and list it in a header of its answer."""
    text = listed(warnings)
    _log.warning("warned", **_told_of(request, caller, warnings=text))
    already = response.headers.get(WARNINGS_HEADER)
    return response.with_header(WARNINGS_HEADER, f"{already}, {text}" if already else text)


def _mismatches(caller: Caller) -> list[Violation]:
    """Tell which sources contradict the team that is believed."""
    text = "This contradicts what is believed of the team of the call."
    return [Violation("team_mismatch", source, text) for source in caller.disputed]


def _told_of(request: Request, caller: Caller, **more: str) -> dict[str, str]:
    """Describe a call for the log."""
    team = {"team": caller.team} if caller.team else {}
    return loggable(request, {"method": request.method, "path": request.path, **team, **more})


def _is_below(path: str, base_path: str) -> bool:
    return path.startswith(base_path) and path[len(base_path) :][:1] in ("", "/")
