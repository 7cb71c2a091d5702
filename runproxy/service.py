"""One call, from the request as received to the answer: address, guard, backend. It does not know the mode."""

from collections import Counter

import structlog

from runproxy.addressing import take_cassette_name
from runproxy.backends import Deck
from runproxy.errors import CassetteMiss, OutsideBasePath, Refusal, RunproxyError, UpstreamError
from runproxy.guard import Guard
from runproxy.messages import OUTCOME_HEADER, Request, Response
from runproxy.redaction import loggable_path
from runproxy.replies import error_reply
from runproxy.routes import climbs

_log = structlog.get_logger("runproxy.service")


class Service:
    """Answers calls. `base_path` is the path all calls must be below; empty when any path will do."""

    def __init__(self, guard: Guard, deck: Deck, base_path: str) -> None:
        self._guard = guard
        self._deck = deck
        self._base_path = base_path
        self.outcomes: Counter[str] = Counter()

    async def answer(self, request: Request) -> Response:
        """Answer one call; every `RunproxyError` becomes the reply that tells of it."""
        try:
            admitted, cassette = self._admit(request)
            backend = self._deck.ready(cassette) or await self._deck.backend(cassette)
            response = await backend.send(admitted)
        except RunproxyError as error:
            response = self.refuse(error, request)
        self.outcomes[response.headers[OUTCOME_HEADER]] += 1
        return response

    def refuse(self, error: RunproxyError, request: Request | None = None) -> Response:
        """Turn an error into the reply that tells of it, and log it with no value that the call carried."""
        call = {"method": request.method, "path": loggable_path(request)} if request else {}
        match error:
            case Refusal():
                _log.info("refused", code=error.code, status=error.status, **call)
            case CassetteMiss():
                _log.warning("miss", reason=error.details["reason"], cassette=error.details["cassette"], **call)
            case UpstreamError():
                _log.warning("upstream failed", code=error.code, reason=error.message, **call)
            case _:
                _log.error("call failed", code=error.code, reason=error.message, **call)
        return error_reply(error)

    def _admit(self, request: Request) -> tuple[Request, str | None]:
        """Give the call as it may go on, and the cassette it names."""
        request, cassette = take_cassette_name(request)
        if not _is_below(request.path, self._base_path) or climbs(request.path):
            raise OutsideBasePath(
                f"{request.path} is not a plain path below {self._base_path or '/'}, the base path of the upstream. "
                "Swap the origin of your base URL and keep its path.",
                code="outside_base_path",
            )
        return self._guard.admit(request), cassette


def _is_below(path: str, base_path: str) -> bool:
    return path.startswith(base_path) and path[len(base_path) :][:1] in ("", "/")
