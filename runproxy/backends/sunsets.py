"""Closed endpoints that recording has come across: what they answer is not recorded, and told once."""

from collections.abc import Callable
from typing import TypeAlias

import structlog

from runproxy.messages import Request, Response
from runproxy.sunset import sunset_template

IsSunset: TypeAlias = Callable[[Request, Response], bool]
"""Tells whether a whole answer is that of a closed endpoint."""

_log = structlog.get_logger("runproxy.record")


class Sunsets:
    """Tells answers of closed endpoints, and logs each endpoint when it is first seen to be closed."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, request: Request, response: Response) -> bool:
        """Tell whether an answer is that of a closed endpoint."""
        template = sunset_template(request, response)
        if template is None:
            return False
        if template not in self._told:
            self._told.add(template)
            _log.warning(
                "endpoint closed",
                route=template,
                reason="the upstream answers 404 with an empty body, as a service does that has closed this API, or "
                "that has it at another base URL. Such answers are passed on and not recorded; earlier recordings "
                "stay. docs/upstreams.md says what is still open.",
            )
        return True


def never_sunset(_: Request, __: Response) -> bool:
    """Tell of no answer that it is that of a closed endpoint: nobody but its owner closes a server of one's own."""
    return False
