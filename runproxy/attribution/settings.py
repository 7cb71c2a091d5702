"""How calls are attributed to teams, as people write it in TOML."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from runproxy.attribution.fingerprints import FINGERPRINT
from runproxy.messages import is_token
from runproxy.sections import HIDDEN, Section, TeamName

Source: TypeAlias = Literal["credential", "header", "project", "organization", "prefix"]
CLAIMS: Final = frozenset({"project", "organization", "prefix"})
"""What a client says of itself; a trusted header is what a gateway says of it."""


def _order(order: tuple[Source, ...]) -> tuple[Source, ...]:
    claims = [source for source in order if source in CLAIMS]
    if len(set(order)) < len(order):
        raise ValueError("a source stands there more than once")
    if claims and "credential" in order and order.index(claims[0]) < order.index("credential"):
        raise ValueError(f"{claims[0]!r} is what a client says of itself, which never comes before its 'credential'")
    return order


def _networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    for network in networks:
        parse_network(network)
    return networks


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """Read a network such as `10.0.0.0/8`; raises `ValueError`."""
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError(f"{text!r} is no network such as '10.0.0.0/8' or '::1/128'") from None


_TAKEN: Final = frozenset({"x-api-key", "x-runproxy-cassette"})


def _header(name: str) -> str:
    if not is_token(name) or "_" in name or not name.lower().startswith("x-") or name.lower() in _TAKEN:
        raise ValueError("a header of its own was expected, such as 'X-Team'")
    return name


def _fingerprint(text: str) -> str:
    """Hold a text against the form of fingerprints; what has another form may be the credential itself."""
    if not re.fullmatch(FINGERPRINT, text):
        raise PydanticCustomError(
            HIDDEN, "that is no fingerprint; 'runproxy fingerprint' prints the one of a credential"
        )
    return text


_Fingerprint = Annotated[str, AfterValidator(_fingerprint)]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


_Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_as_list)]


class MemberTable(Section):
    """What tells that a call is of a team."""

    credentials: Annotated[tuple[_Fingerprint, ...], BeforeValidator(_as_list)] = ()
    """Fingerprints of the team's credentials, as 'runproxy fingerprint' prints them."""
    projects: _Texts = ()
    """Values of OpenAI-Project that are the team's."""
    organizations: _Texts = ()
    """Values of OpenAI-Organization that are the team's."""


class AttributionSettings(Section):
    """How calls are attributed to teams."""

    order: Annotated[tuple[Source, ...], AfterValidator(_order)] = (
        "credential",
        "header",
        "project",
        "organization",
        "prefix",
    )
    """What is asked for the team, first to last; what a client says of itself never comes before its credential."""
    header: Annotated[str, AfterValidator(_header)] = "X-Runproxy-Team"
    """The header in which a gateway in front of runproxy names the team."""
    trusted_networks: Annotated[tuple[str, ...], AfterValidator(_networks)] = ()
    """Where that gateway is, such as "10.0.0.0/8"; from anywhere else the header says nothing."""
    key_file: str = ""
    """A file with mode 0600 that holds the secret of fingerprints; RUNPROXY_FINGERPRINT_KEY comes before it."""
    teams: dict[TeamName, MemberTable] = Field(default_factory=dict)
    """The teams, and what tells that a call is of one."""

    @model_validator(mode="after")
    def _asks_for_credentials(self) -> Self:
        if "credential" not in self.order and any(team.credentials for team in self.teams.values()):
            raise ValueError("order: a team lists credentials, and 'credential' is not asked for")
        return self
