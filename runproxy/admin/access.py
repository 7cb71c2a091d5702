"""Who may use the admin listener: programs and pages of this machine, and others with a token.

A page in a browser can send requests anywhere, also to this machine. So the Host must be a name that is meant to lead
here (DNS rebinding makes any other name do so), and an Origin must be the listener's own; nothing is ever said of CORS.
"""

import base64
import hmac
import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, TypeAlias

from aiohttp import web
from aiohttp.typedefs import Middleware

from runproxy.admin.answers import as_json
from runproxy.keyfile import ADMIN_TOKEN_VARIABLE

_HOST: Final = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^:]*)(?::[0-9]+)?")
_OPEN: Final = frozenset({"/healthz", "/readyz"})
_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Access:
    """Lets requests in whose Host is of this machine or among `hosts`, and, where there is a `token`, that bring it.

    The token comes as `Authorization: Bearer TOKEN`, or as the password of Basic for browsers. Where there is one,
    probes are let in without it and by any name, for they come by the address of a machine and learn nothing.
    """

    hosts: Collection[str] = ()
    token: bytes | None = None

    def __repr__(self) -> str:
        return f"Access(hosts={self.hosts!r}, token={'…' if self.token else None})"

    def middleware(self) -> Middleware:
        """Make what stands in front of every handler."""

        @web.middleware
        async def check(request: web.Request, handler: _Handler) -> web.StreamResponse:
            if self.token and request.path in _OPEN:
                return await handler(request)
            origin = request.headers.get("Origin")
            if not self._knows(request.host) or (origin is not None and origin != f"{request.scheme}://{request.host}"):
                return as_json({"error": "The admin API answers programs and pages of this machine only."}, status=403)
            if self.token and not self._is_let_in(request.headers.get("Authorization", "")):
                answer = as_json({"error": f"The admin API needs the token: {ADMIN_TOKEN_VARIABLE}."}, status=401)
                answer.headers["WWW-Authenticate"] = 'Basic realm="runproxy", charset="UTF-8"'
                return answer
            return await handler(request)

        return check

    def _knows(self, host: str) -> bool:
        found = _HOST.fullmatch(host.lower())
        return found is not None and (is_loopback(found["name"]) or found["name"] in self.hosts)

    def _is_let_in(self, authorization: str) -> bool:
        scheme, _, sent = authorization.partition(" ")
        given = sent.strip().encode("utf-8", "surrogateescape")
        if scheme.lower() == "basic":
            given = _password(given)
        elif scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(given, self.token or b"")  # takes as long for any wrong token


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by a name or an address that cannot lead elsewhere."""
    try:
        return host.lower() == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _password(credentials: bytes) -> bytes:
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except ValueError:
        return b""
