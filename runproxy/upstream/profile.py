"""A profile: one upstream, as it was chosen by its name or by its URL, and how calls are prepared for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote_plus

from runproxy.errors import ConfigError
from runproxy.messages import Backend, Request, Response
from runproxy.upstream.address import Address
from runproxy.upstream.credential import Credential, variable
from runproxy.upstream.settings import CREDENTIAL_HEADERS, ConnectionSettings, Kind, UpstreamSettings
from runproxy.upstream.tls import make_tls_context
from runproxy.upstream.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Profile:
    """An upstream as chosen; `name` is empty and `kind` None for one that is given by its URL."""

    address: Address
    connection: ConnectionSettings
    name: str = ""
    kind: Kind | None = None
    api_version: str = ""
    credential_header: str = "Authorization"
    credential_env: str = ""

    @classmethod
    def choose(
        cls, upstream: str, profiles: Mapping[str, UpstreamSettings], connection: ConnectionSettings
    ) -> "Profile":
        """Give the profile of a name, else that of a URL, which is connected to as `connection` says.

        Raises `ConfigError` for what is neither.
        """
        held = profiles.get(upstream)
        if held is None:
            address = _address(upstream, profiles)
            try:
                connection.check_goes_with(address)
            except ValueError as error:
                raise ConfigError(f"connection: {error}.") from None
            return cls(address, connection)
        header = held.credential_header or CREDENTIAL_HEADERS[held.kind]
        return cls(Address.read(held.url), held, upstream, held.kind, held.api_version, header, held.credential_env)

    @property
    def place(self) -> str:
        """Where its settings stand."""
        return f"upstreams.{self.name}" if self.name else "connection"

    def credential(self) -> Credential | None:
        """Read the credential that is forwarded in place of the clients'; None for none. Raises `ConfigError`."""
        if not self.credential_env:
            return None
        value = variable(self.credential_env, f"{self.place}.credential_env")
        return Credential(self.credential_header, value)

    def check_certificates(self) -> None:
        """Raise `ConfigError` for certificates and keys that cannot be used."""
        make_tls_context(self.connection, self.place)

    def wiring(self) -> Wiring:
        """Make what connections are made with; raises `ConfigError`."""
        return Wiring.of(self.connection, self.place)

    def prepared(self, upstream: Backend, credential: Credential | None) -> Backend:
        """Give what prepares calls for this upstream and hands them on."""
        return Prepared(upstream, self.api_version, credential) if self.api_version or credential else upstream


class Prepared:
    """Hands calls on with `api_version`, where they bring none, and with `credential` in place of the client's.

    It stands behind what records and compares, so that the calls of clients are matched and recorded as they came.
    """

    def __init__(self, upstream: Backend, api_version: str, credential: Credential | None) -> None:
        self._upstream = upstream
        self._api_version = api_version
        self._credential = credential

    async def send(self, request: Request) -> Response:
        """Answer from the upstream; raises `UpstreamError`, also for an answer that repeats the credential."""
        request = with_api_version(request, self._api_version)
        if self._credential is None:
            return await self._upstream.send(request)
        return await self._credential.kept_from(await self._upstream.send(self._credential.put_on(request)))


def with_api_version(request: Request, api_version: str) -> Request:
    """Add `api-version` to a call that names none, in whatever spelling; an empty one is not added."""
    names = {unquote_plus(pair.partition("=")[0]).lower() for pair in re.split("[&;]", request.query)}
    if not api_version or "api-version" in names:
        return request
    query = f"{request.query}&" if request.query else ""
    return replace(request, target=f"{request.path}?{query}api-version={api_version}")


def _address(text: str, profiles: Mapping[str, UpstreamSettings]) -> Address:
    if "/" in text or not profiles:
        return Address.parse(text)
    raise ConfigError(
        f"upstream: {text!r} is neither a base URL such as 'https://host/v1' nor the name of a profile; there are "
        f"{', '.join(sorted(profiles))}."
    )
