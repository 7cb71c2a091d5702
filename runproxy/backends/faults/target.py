"""Which calls a fault is for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from runproxy.messages import Request
from runproxy.routes import BY_NAME, KNOWN, Route, RouteTable

EVERY: Final = "*"
_BY_ADDRESS: Final = re.compile(r"(?P<method>\*|[A-Z]+) (?P<path>\*|/\S*)")


@dataclass(frozen=True, slots=True)
class Target:
    """The calls of a method, `*` for any, to a path whose end matches a pattern, or to a `route` of those `known`."""

    method: str = EVERY
    pattern: re.Pattern[str] | None = None
    route: str = ""
    known: RouteTable | None = None

    @classmethod
    def parse(cls, text: str, own: Mapping[str, Route]) -> Self:
        """Read `*`, the name of a route, of the API or one of your `own`, or method and end of path.

        Raises `ValueError`.
        """
        if text == EVERY:
            return cls()
        if text in own:
            return cls(own[text].method, _at_the_end(own[text]))
        if text in BY_NAME:
            return cls(BY_NAME[text].method, route=text, known=RouteTable(KNOWN))
        found = _BY_ADDRESS.fullmatch(text)
        if found is None:
            raise ValueError(
                f"there is no route {text!r}; '*', 'POST /threads/{{thread_id}}/runs' or one of these was expected: "
                f"{', '.join((*BY_NAME, *own))}"
            )
        method, path = found["method"], found["path"]
        return cls(method) if path == EVERY else cls(method, _at_the_end(Route("", method, path, ())))

    def includes(self, request: Request) -> bool:
        """Tell whether a call is one of these."""
        if self.method not in (EVERY, request.method):
            return False
        if self.known is not None:
            found = self.known.find(request.path)
            return isinstance(found, Route) and found.name == self.route
        return self.pattern is None or self.pattern.search(request.path) is not None


def _at_the_end(route: Route) -> re.Pattern[str]:
    return re.compile(rf"{route.pattern}\Z", re.ASCII)
