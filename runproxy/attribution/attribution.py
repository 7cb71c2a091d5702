"""Who is believed: the first source that knows a team, and no claim against a credential."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from runproxy.attribution.fingerprints import Fingerprints
from runproxy.attribution.settings import CLAIMS, AttributionSettings, MemberTable, Source, parse_network
from runproxy.attribution.sources import KEY_HEADERS, credential_in, is_trusted
from runproxy.errors import Refusal
from runproxy.messages import Request
from runproxy.sections import TEAM_PATTERN


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose call it is: the team and the source that told it; None for a caller that is of no known team.

    `fingerprint` names the credential. `disputed` lists the sources that named another team than the one believed.
    """

    team: str | None = None
    source: Source | None = None
    fingerprint: str | None = None
    disputed: tuple[Source, ...] = ()


UNKNOWN: Final = Caller()


class Attribution:
    """Tells whose a call is. `teams` are all names a client may claim by a prefix, those of the settings included.

    `credential_header` is where the upstream expects a credential; the usual places are looked into as well.
    """

    def __init__(
        self,
        settings: AttributionSettings,
        fingerprints: Fingerprints | None = None,
        teams: Iterable[str] = (),
        credential_header: str = "Authorization",
    ) -> None:
        is_usual = credential_header.lower() in ("authorization", *KEY_HEADERS)
        self._key_headers = KEY_HEADERS if is_usual else (*KEY_HEADERS, credential_header)
        self._fingerprints = fingerprints
        self._header = settings.header
        self._networks = tuple(parse_network(network) for network in settings.trusted_networks)
        self._by_credential = _inverted(settings.teams, lambda member: member.credentials, "credentials")
        self._by_project = _inverted(settings.teams, lambda member: member.projects, "projects")
        self._by_organization = _inverted(settings.teams, lambda member: member.organizations, "organizations")
        self._claimable = frozenset(teams) | settings.teams.keys()
        self._known_by_credential = frozenset(self._by_credential.values())
        ask: Mapping[Source, Callable[[Request, str | None], str | None]] = {
            "header": self._by_trusted_header,
            "project": lambda request, _: self._by_project.get(request.headers.get("OpenAI-Project", "")),
            "organization": lambda request, _: self._by_organization.get(
                request.headers.get("OpenAI-Organization", "")
            ),
            "prefix": self._by_prefix,
        }
        self._order = tuple((source, ask.get(source)) for source in settings.order)

    def caller_of(self, request: Request, name: str | None = None) -> Caller:
        """Tell whose a call is; `name` is the one in its `/@NAME` prefix. Raises `Refusal` for what cannot be told."""
        credential = credential_in(request, self._key_headers) if self._fingerprints else None
        fingerprint = self._fingerprints.of(credential) if self._fingerprints and credential else None
        of_credential = self._by_credential.get(fingerprint or "")
        believed: tuple[Source, str] | None = None
        disputed: list[Source] = []
        for source, ask in self._order:
            team = ask(request, name) if ask else of_credential
            if team is None:
                continue
            if source in CLAIMS and team in self._known_by_credential and team != of_credential:
                disputed.append(source)  # a team with credentials is claimed by them, or by nothing
            elif believed is None:
                believed = (source, team)
            elif team != believed[1]:
                disputed.append(source)
        source_of, team_of = believed or (None, None)
        return Caller(team_of, source_of, fingerprint, tuple(disputed))

    def _by_trusted_header(self, request: Request, _: str | None) -> str | None:
        names = request.headers.getall(self._header, ())
        if not names or not is_trusted(request.peer, self._networks):
            return None
        if len(names) > 1 or not re.fullmatch(TEAM_PATTERN, names[0]):
            raise Refusal(
                f"The header {self._header} must name one team, in 1 to 64 letters, digits, '_', '.' and '-'.",
                code="invalid_team",
            )
        return names[0]

    def _by_prefix(self, _: Request, name: str | None) -> str | None:
        """Take the first part of the name, so that a team can have many cassettes in a folder of its own."""
        team = name.partition("/")[0] if name else None
        return team if team in self._claimable else None


def _inverted(
    teams: Mapping[str, MemberTable], marks_of: Callable[[MemberTable], tuple[str, ...]], field: str
) -> Mapping[str, str]:
    """Turn a table of marks per team round; raises `ValueError` for a mark that two teams have."""
    owners: dict[str, str] = {}
    for team, member in teams.items():
        for mark in marks_of(member):
            if owners.setdefault(mark, team) != team:
                raise ValueError(f"{mark} is among the {field} of both {owners[mark]!r} and {team!r}")
    return MappingProxyType(owners)
