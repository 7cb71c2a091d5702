"""How connections to an upstream are made: over which TLS, and through which HTTP proxy."""

import ssl
from dataclasses import dataclass, field
from typing import Final

from aiohttp import encode_basic_auth
from yarl import URL

from runproxy.errors import ConfigError
from runproxy.messages import Headers, make_headers
from runproxy.upstream.credential import variable
from runproxy.upstream.settings import ConnectionSettings
from runproxy.upstream.tls import make_tls_context


@dataclass(frozen=True, slots=True)
class Wiring:
    """`tls` is None for TLS as the system trusts it; `proxy` is the origin of an HTTP proxy, which takes a `login`."""

    tls: ssl.SSLContext | None = None
    proxy: str | None = None
    login: tuple[str, str] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: ConnectionSettings, place: str) -> "Wiring":
        """Make what settings ask for, which stand at `place`; raises `ConfigError`."""
        tls = make_tls_context(settings, place)
        if not settings.http_proxy:
            return cls(tls)
        name = settings.http_proxy_credential_env
        return cls(tls, settings.http_proxy, _login(name, f"{place}.http_proxy_credential_env") if name else None)

    @property
    def proxy_url(self) -> URL | None:
        """What aiohttp takes for the proxy, its credential within; a secret."""
        if self.proxy is None or self.login is None:
            return URL(self.proxy) if self.proxy else None
        user, password = self.login
        return URL(self.proxy).with_user(user).with_password(password)

    @property
    def headers(self) -> Headers:
        """The header that the proxy is shown; a secret."""
        return make_headers([("Proxy-Authorization", encode_basic_auth(*self.login))] if self.login else [])


def _login(name: str, place: str) -> tuple[str, str]:
    user, colon, password = variable(name, place).partition(":")
    if not colon:
        raise ConfigError(f"{place}: the value of {name} is not of the form 'user:password'.")
    return user, password


DIRECT: Final = Wiring()
"""No proxy, and TLS as the system trusts it."""
