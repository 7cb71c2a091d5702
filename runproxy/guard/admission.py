"""Which calls go on, and as what.

The guard stands in front of every mode. An admitted call to a guarded route goes to an address made of nothing but
checked words and ids, with its body printed anew. Calls to other addresses pass as they are, unless they only pretend
to be another address, or only what is in the table may pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from runproxy import strictjson
from runproxy.errors import BodyTooLarge, MethodRefused, Refusal, RouteDenied, RulesChanged
from runproxy.guard.framing import check_headers, check_query
from runproxy.guard.judge import Judge
from runproxy.messages import WARNINGS_HEADER, Request, make_headers
from runproxy.routes import Lookalike, Route, RouteTable
from runproxy.violations import Judgement, Violation, listed, type_in_words

VIOLATIONS_HEADER: Final = "x-runproxy-violations"
MAX_METADATA_BODY_BYTES: Final = 1024 * 1024
"""A body of nothing but metadata is 37 KB at its limits, or 110 KB with every character escaped; more is not honest."""

_SAFE_METHODS: Final = ("GET", "HEAD")


class MetadataRefused(Refusal):
    """Metadata that breaks a rule; `judgement` lists all that were broken, the one in words first, in this `body`."""

    def __init__(self, judgement: Judgement, body: Mapping[str, object]) -> None:
        first = judgement.violations[0]
        headers = {VIOLATIONS_HEADER: listed(judgement.violations)}
        if judgement.warnings:
            headers[WARNINGS_HEADER] = listed(judgement.warnings)
        super().__init__(first.message, code=first.code, param=first.param, headers=headers)
        self.judgement = judgement
        self.body = body


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that may go on: as what, to which guarded route if any, and what it is warned of.

    `body` is what was read of the body of a call to a guarded route.
    """

    request: Request
    route: Route | None = None
    warnings: tuple[Violation, ...] = ()
    body: Mapping[str, object] | None = None


class Guard:
    """Admits or refuses calls; nothing in it changes. `denies_others`: only what is in the table may pass."""

    def __init__(
        self,
        routes: RouteTable,
        judge: Judge,
        *,
        denies_others: bool = False,
        max_metadata_body_bytes: int = MAX_METADATA_BODY_BYTES,
    ) -> None:
        self._routes = routes
        self._judge = judge
        self._denies_others = denies_others
        self._max_metadata_body_bytes = max_metadata_body_bytes

    def reads_body(self, request: Request) -> bool:
        """Tell whether the body of a call is looked at, and so must be here as a whole before `admit` is asked."""
        if request.method in _SAFE_METHODS:
            return False
        found = self._routes.find(request.path)
        return isinstance(found, Route) and _reads_body(found, request.method)

    def admit(self, request: Request, team: str | None = None) -> Admitted:
        """Give back the call as it may go on; raises `Refusal`, and `RulesChanged` for a body that is not here."""
        is_safe = request.method in _SAFE_METHODS
        if is_safe and not self._denies_others:
            return Admitted(request)
        found = self._routes.find(request.path)
        if isinstance(found, Route):
            return Admitted(request) if is_safe else self._admit_guarded(request, found, team)
        if self._denies_others:
            raise RouteDenied(
                f"{request.method} {request.path} is not in the table of routes, and nothing else is let through here. "
                "Whoever runs this proxy can add it as a route.",
                code="route_denied",
            )
        if isinstance(found, Lookalike):
            raise Refusal(
                f"The path of your request is refused: {found.value}. Send the plain path, without encoding.",
                code="invalid_path",
            )
        return Admitted(request)

    def route_of(self, path: str) -> Route | None:
        """Give the route that a raw path is of, if it is in the table."""
        found = self._routes.find(path)
        return found if isinstance(found, Route) else None

    def _admit_guarded(self, request: Request, route: Route, team: str | None) -> Admitted:
        check_query(request.query, route.members)
        if request.stream is not None and _reads_body(route, request.method):
            raise RulesChanged
        if request.method in route.unguarded_methods:
            return _admit_without_body(request)
        if request.method != route.method:
            raise MethodRefused(
                f"Not allowed to {request.method} on {route.template}.",
                code="method_not_allowed",
                headers={"Allow": ", ".join((*_SAFE_METHODS, route.method, *route.unguarded_methods))},
            )
        if not route.pointers:
            return Admitted(request)
        if not request.body and route.may_be_empty:
            request = _with_empty_object(request)
        check_headers(request.headers)
        if route.is_closed and len(request.body) > self._max_metadata_body_bytes:
            raise BodyTooLarge(self._max_metadata_body_bytes)
        value = body_object(strictjson.parse(request.body))
        judgement = self._judge.judge_body(route, value, team)
        if judgement.violations:
            raise MetadataRefused(judgement, value)
        body = strictjson.canonical(value)
        forwarded = request if body == request.body else replace(request, body=body)
        return Admitted(forwarded, route, judgement.warnings, value)


def _reads_body(route: Route, method: str) -> bool:
    return bool(route.pointers) if method == route.method else method in route.unguarded_methods


def _admit_without_body(request: Request) -> Admitted:
    if request.body:
        raise Refusal(f"A {request.method} of this address takes no body; send none.", code="unexpected_body")
    return Admitted(request)


def _with_empty_object(request: Request) -> Request:
    """Say in JSON what no body says; where there was nothing, there need not be its type either."""
    headers = request.headers
    if "Content-Type" not in headers:
        headers = make_headers([*headers.items(), ("Content-Type", "application/json")])
    return replace(request, headers=headers, body=b"{}")


def body_object(value: object) -> dict[str, object]:
    """Take a parsed body for an object; raises `Refusal`."""
    if isinstance(value, dict):
        return value
    raise Refusal(
        f"Invalid type for the request body: expected an object, but got {type_in_words(value)} instead.",
        code="invalid_type",
    )
