"""One call as it is answered: what is known of it, for the log, the figures and whoever else keeps account."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from runproxy.attribution import UNKNOWN, Caller
from runproxy.errors import RunproxyError
from runproxy.messages import OUTCOME_HEADER, Delivery, Request, Response, make_headers
from runproxy.routes import Route
from runproxy.tally import OTHER
from runproxy.violations import Violation

_UNANSWERED: Final = Response(0, make_headers([(OUTCOME_HEADER, "unanswered")]))


@dataclass(slots=True)
class Call:
    """What is known of a call; it grows while the call is answered.

    `request` is what the client sent, `route` the name of a guarded route or `other`, `seconds` how long the answer
    took, of a stream until it began. `guarded` is the route of its address, if the table knows it, and `body` what
    the guard read of its body. Of a call that was refused or has failed, `error` tells why, and `broken` which rules
    it broke.
    """

    request: Request
    mode: str
    route: str = OTHER
    caller: Caller = UNKNOWN
    warnings: tuple[Violation, ...] = ()
    broken: tuple[Violation, ...] = ()
    error: RunproxyError | None = None
    response: Response = _UNANSWERED
    seconds: float = 0.0
    guarded: Route | None = None
    body: Mapping[str, object] | None = None

    @property
    def outcome(self) -> str:
        """What runproxy did with the call, in a word."""
        return self.response.headers[OUTCOME_HEADER]


Forerunner: TypeAlias = Callable[[Call], Awaitable[None]]
"""Hears of every call to a guarded route before it goes on; what it raises keeps the call from going on."""

Watcher: TypeAlias = Callable[[Call], None]
"""Hears of every call that has been answered."""

DeliveryWatcher: TypeAlias = Callable[[Request, Delivery], None]
"""Hears what became of every answer on its way to the client; the id of the request tells which call it is."""
