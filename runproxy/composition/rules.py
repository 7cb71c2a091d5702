"""The rules that calls are held to, and putting new ones in their place while the proxy runs."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

import structlog

from runproxy.attribution import KEY_VARIABLE, Attribution, AttributionSettings, Fingerprints
from runproxy.config import Settings, leaves, policy_in
from runproxy.errors import ConfigError
from runproxy.guard import Guard, Judge
from runproxy.policy import Policies, PolicySettings
from runproxy.service import Nobody, Rules

_log = structlog.get_logger("runproxy.rules")
_RELOADED_SECTIONS: Final = ("guard", "routes", "policy", "attribution")
_RELOADED: Final = (*_RELOADED_SECTIONS, "limits.enforce")


def make_rules(settings: Settings, policy: PolicySettings) -> Rules:
    """Make the rules that settings ask for, with the policy they name; raises `ConfigError`."""
    judge = Judge(Policies.of(policy), settings.limits.enforce)
    guard = Guard(settings.route_table(), judge, denies_others=settings.guard.other_routes == "deny")
    header = settings.profile.credential_header if settings.profile else "Authorization"
    return Rules(guard, _attribution(settings.attribution, policy, header))


def find_fingerprints(key_file: str) -> Fingerprints | None:
    """Give what makes fingerprints, by the secret in the environment or in a file; None when there is no secret."""
    return Fingerprints.find(key_file)


@dataclass(frozen=True, slots=True)
class Summary:
    """The rules in force, in short: the guarded routes, what becomes of others, the policy's action, the teams."""

    guarded: list[str]
    other_routes: str
    policy: str
    teams: list[str]


class Reloader:
    """Reads the settings anew and hands new rules to `use`; `settings` are those in force."""

    def __init__(
        self,
        settings: Settings,
        policy: PolicySettings,
        reread: Callable[[], Settings],
        use: Callable[[Rules], None],
    ) -> None:
        self.settings = settings
        self._policy = policy
        self._reread = reread
        self._use = use

    def reload(self) -> dict[str, object]:
        """Put the rules of the settings as they are now in force, and tell which; what else changed needs a restart.

        Raises `ConfigError`, and then the rules stay as they are.
        """
        try:
            settings = self._reread()
            policy = policy_in(settings)
            rules = make_rules(settings, policy)
        except ConfigError as error:
            _log.error("rules not reloaded, the old ones stay", reason=error.message)
            raise
        others = [place for place in _changed(self.settings, settings) if not place.startswith(_RELOADED)]
        renewed: dict[str, object] = {name: getattr(settings, name) for name in _RELOADED_SECTIONS}
        limits = self.settings.limits.model_copy(update={"enforce": settings.limits.enforce})
        self.settings = self.settings.model_copy(update={**renewed, "limits": limits})
        self._policy = policy
        self._use(rules)
        if others:
            _log.warning("changed settings that only a restart brings in force", settings=others)
        _log.info("rules reloaded", **asdict(self.summary()))
        return {"rules": asdict(self.summary()), "needs_restart": others}

    def summary(self) -> Summary:
        """Tell in short which rules are in force."""
        return Summary(
            guarded=[*self.settings.guard.routes, *(route.name for route in self.settings.routes)],
            other_routes=self.settings.guard.other_routes,
            policy=self._policy.action if self._policy != PolicySettings() else "none",
            teams=sorted(self._policy.teams.keys() | self.settings.attribution.teams.keys()),
        )


def _attribution(settings: AttributionSettings, policy: PolicySettings, credential_header: str) -> Attribution | Nobody:
    fingerprints = find_fingerprints(settings.key_file)
    if fingerprints is None and any(team.credentials for team in settings.teams.values()):
        raise ConfigError(
            "attribution: teams are told by their credentials, which needs the secret that their fingerprints were "
            f"made with: set {KEY_VARIABLE}, or attribution.key_file."
        )
    if fingerprints is None and not settings.teams and not settings.trusted_networks and not policy.teams:
        return Nobody()
    return Attribution(settings, fingerprints, policy.teams, credential_header)


def _changed(before: Settings, after: Settings) -> list[str]:
    old, new = before.model_dump(), after.model_dump()
    return [place for place, _, _ in leaves() if _at(old, place) != _at(new, place)]


def _at(values: dict[str, Any], place: str) -> object:
    held: Any = values
    for name in place.split("."):
        held = held[name]
    return held
