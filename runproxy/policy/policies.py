"""The rules of all teams."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from runproxy.policy.ruleset import Ruleset
from runproxy.policy.tables import PolicySettings, TeamTable
from runproxy.sections import merge


@dataclass(frozen=True, slots=True)
class Policies:
    """The rules for whoever is of no team that has its own, and those of the teams."""

    common: Ruleset
    teams: Mapping[str, Ruleset]

    @classmethod
    def of(cls, settings: PolicySettings) -> "Policies":
        """Make the rules of all teams; raises `ValueError`, with the team, for rules that contradict each other."""
        common = Ruleset.of(settings)
        base = settings.model_dump(exclude={"teams"}, exclude_unset=True)
        teams = {}
        for name, table in settings.teams.items():
            whole = TeamTable.model_validate(merge(base, table.model_dump(exclude_unset=True)))
            try:
                teams[name] = Ruleset.of(whole)
            except ValueError as error:
                raise ValueError(f"teams.{name}: {error}") from None
        return cls(common, teams)

    def of_team(self, team: str | None) -> Ruleset:
        """Give the rules for a team; None is a caller that is of no known team."""
        return self.teams.get(team, self.common) if team is not None else self.common


NO_POLICY: Final = Policies.of(PolicySettings(action="off"))
"""No rules but the API's."""
