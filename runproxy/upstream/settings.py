"""Upstreams as people write them in TOML: where one is, how it is spoken to, and how it is connected to."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError
from yarl import URL

from runproxy.messages import is_token
from runproxy.redaction import carries_credential
from runproxy.sections import HIDDEN, Section
from runproxy.upstream.address import Address

Kind: TypeAlias = Literal["openai", "azure", "foundry", "self_hosted"]
"""Who answers in the end: OpenAI, Azure OpenAI, Foundry Agents, or a server of one's own."""

ProfileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]

CREDENTIAL_HEADERS: Final[Mapping[Kind, str]] = MappingProxyType(
    {"openai": "Authorization", "azure": "api-key", "foundry": "Authorization", "self_hosted": "Authorization"}
)
"""Where each kind expects a credential; docs/upstreams.md names the sources."""

_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_HOP: Final = frozenset({"proxy-authorization", "proxy-authenticate", "proxy-connection"})


def _hiding(check: Callable[[str], str]) -> Callable[[str], str]:
    """Let a check refuse a text without repeating it, for it may hold a secret."""

    def checked(text: str) -> str:
        try:
            return check(text) if text else text
        except ValueError as error:
            raise PydanticCustomError(HIDDEN, "{why}", {"why": str(error)}) from None

    return checked


def _base_url(text: str) -> str:
    return str(Address.read(text))


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ValueError("the name of an environment variable was expected, in capitals, and never a credential itself")
    return name


def _proxy(text: str) -> str:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.user or url.password:
        raise ValueError(
            "the URL of a proxy holds no credential here; put 'user:password' into an environment variable, and name "
            "that in http_proxy_credential_env"
        )
    is_plain = not (url.raw_query_string or url.fragment) and url.raw_path in ("", "/")
    if url.scheme != "http" or not url.host or not is_plain:
        raise ValueError("the URL of an HTTP proxy was expected, such as 'http://proxy.example:3128'")
    return str(url.origin())


def _credential_header(name: str) -> str:
    if not is_token(name) or "_" in name or name.lower() in _HOP or not carries_credential(name):
        raise ValueError(
            "a header was expected whose name says that it carries a credential, such as 'Authorization' or "
            "'X-Api-Key'; what any other carries would not be kept out of logs and recordings"
        )
    return name


_Variable = Annotated[str, AfterValidator(_hiding(_variable))]


class ConnectionSettings(Section):
    """How an upstream that is given by its URL is connected to; profiles have settings of their own."""

    ca_file: str = ""
    """A PEM file of the authorities that are trusted, in place of the system's; empty for the system's."""
    client_cert: str = ""
    """A PEM file with the certificate that is shown to the upstream, and any between it and its authority."""
    client_key: str = ""
    """A PEM file with the key of client_cert; empty when it is in the same file."""
    http_proxy: Annotated[str, AfterValidator(_hiding(_proxy))] = ""
    """The HTTP proxy on the way to the upstream, such as "http://proxy:3128"; none is taken from the environment."""
    http_proxy_credential_env: _Variable = ""
    """The environment variable that holds "user:password" for that proxy; empty for none."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.client_key and not self.client_cert:
            raise ValueError("client_key goes with a client_cert")
        if self.http_proxy_credential_env and not self.http_proxy:
            raise ValueError("http_proxy_credential_env goes with an http_proxy")
        return self

    def check_goes_with(self, address: Address) -> None:
        """Raise `ValueError` where certificates are meant for an upstream that is not spoken to over TLS."""
        unused = next((name for name in ("ca_file", "client_cert") if getattr(self, name)), None)
        if unused and not address.is_encrypted:
            raise ValueError(f"{unused} goes with an https URL, and the upstream is {address}")


class _SpokenTo(Section):
    """Where an upstream is, and how it is spoken to."""

    url: Annotated[str, AfterValidator(_hiding(_base_url)), Field(min_length=1)]
    """Its base URL."""
    kind: Kind
    """Who answers in the end: "openai", "azure", "foundry" or "self_hosted"."""
    api_version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]*$")] = ""
    """What is forwarded as api-version where a call brings none; empty for nothing."""
    credential_env: _Variable = ""
    """The environment variable whose value is forwarded in place of credentials that clients send; empty for none."""
    credential_header: Annotated[str, AfterValidator(_hiding(_credential_header))] = ""
    """The header that carries the credential; empty for that of the kind: api-key for azure, else Authorization."""


class UpstreamSettings(ConnectionSettings, _SpokenTo):  # pydantic lists the fields of the last one first
    """An upstream to forward to, by a name of its own."""

    @model_validator(mode="after")
    def _certificates_are_used(self) -> Self:
        self.check_goes_with(Address.read(self.url))
        return self


EXAMPLES: Final[dict[str, dict[str, str]]] = {
    "openai": {"kind": "openai", "url": "https://api.openai.com/v1", "credential_env": "OPENAI_API_KEY"},
    "azure": {
        "kind": "azure",
        "url": "https://my-resource.openai.azure.com/openai",
        "api_version": "2024-08-01-preview",
        "credential_env": "AZURE_OPENAI_API_KEY",
    },
    "foundry": {
        "kind": "foundry",
        "url": "https://my-resource.services.ai.azure.com/api/projects/my-project",
        "api_version": "2025-05-01",
    },
    "self_hosted": {
        "kind": "self_hosted",
        "url": "https://assistants.example.com/v1",
        "ca_file": "our-ca.pem",
        "client_cert": "runproxy.pem",
        "client_key": "runproxy.key",
        "http_proxy": "http://proxy.example.com:3128",
    },
}
"""One upstream of each kind, for the config file that shows all settings, and for its schema."""
