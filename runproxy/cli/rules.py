"""`runproxy policy` and `runproxy fingerprint`, and the rules that other commands go by."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runproxy.cli.group import FROM_ENVIRONMENT, ErrorGroup

if TYPE_CHECKING:
    from runproxy.guard import Judge
    from runproxy.policy import Policies

policy_option = click.option(
    "--policy", metavar="FILE", help="The rules: a policy file, or a settings file with [policy] in it."
)
team_option = click.option("--team", metavar="NAME", help="The team whose rules count.  [default: those for all]")


def find_judge(policy: str | None, team: str | None) -> "Judge":
    """Give the judge that a proxy started here would have; raises `ConfigError`, also for a team without rules."""
    from runproxy.guard import Judge

    policies, enforces_limits = _find_policies(policy)
    _check_team(policies, team)
    return Judge(policies, enforces_limits)


def find_route(name: str | None) -> str:
    """Give the name of a route of the API; raises `ConfigError` for one that does not exist."""
    from runproxy.errors import ConfigError
    from runproxy.routes import BY_NAME

    if name is not None and name not in BY_NAME:
        raise ConfigError(f"--route: there is no route {name!r}; there are {', '.join(BY_NAME)}.")
    return name or "modify_run"


@click.group(cls=ErrorGroup)
def policy() -> None:
    """Look at your own rules on metadata.

    \b
    Example:
      runproxy policy explain user_id
    """


@policy.command(context_settings=FROM_ENVIRONMENT)
@click.argument("key")
@policy_option
@team_option
def explain(key: str, policy: str | None, team: str | None) -> None:
    """Say what the rules ask of a key of metadata, and of its value.

    \b
    Example:
      runproxy policy explain user_id --policy policy.toml --team search
    """
    from runproxy.policy import explain as explained

    policies, _ = _find_policies(policy)
    _check_team(policies, team)
    whose = f"for team {team!r}" if team else "for all teams without rules of their own"
    click.echo(f"{key!r}, {whose}:")
    for line in explained(policies.of_team(team), key):
        click.echo(f"  {line}")


@click.command(context_settings=FROM_ENVIRONMENT)
@click.option("--key-file", metavar="FILE", help="The secret of fingerprints, in a file with mode 0600.")
def fingerprint(key_file: str | None) -> None:
    """Print the fingerprint of a credential, by which a team is known; the credential is read from stdin.

    The secret comes from RUNPROXY_FINGERPRINT_KEY, else from --key-file, else from attribution.key_file in the settings
    file. The same secret must be set where the proxy runs.

    \b
    Example:
      printenv OPENAI_API_KEY | runproxy fingerprint --key-file runproxy.key
    """
    from runproxy.attribution import KEY_VARIABLE
    from runproxy.composition.rules import find_fingerprints
    from runproxy.config import find_file, make_settings, read_file
    from runproxy.errors import ConfigError

    path = None if key_file else find_file(os.environ.get("RUNPROXY_CONFIG"))
    named = key_file or (make_settings(read_file(path), str(path)).attribution.key_file if path else "")
    fingerprints = find_fingerprints(named)
    if fingerprints is None:
        raise ConfigError(f"Fingerprints need a secret: set {KEY_VARIABLE}, or name a file with --key-file.")
    if sys.stdin.isatty():
        click.echo("The credential, then Enter and Ctrl-D:", err=True)
    credential = sys.stdin.buffer.read().strip().decode("utf-8", "surrogateescape")
    if not credential:
        raise ConfigError("There is no credential on stdin: printenv OPENAI_API_KEY | runproxy fingerprint")
    click.echo(fingerprints.of(credential))


def _find_policies(policy: str | None) -> "tuple[Policies, bool]":
    """Give the rules, and whether the API's limits are enforced."""
    from runproxy.config import find_file, make_settings, policy_in, read_file, read_policy
    from runproxy.policy import NO_POLICY, Policies

    if policy:
        return Policies.of(read_policy(Path(policy))), True
    path = find_file(os.environ.get("RUNPROXY_CONFIG"))
    if path is None:
        return NO_POLICY, True
    settings = make_settings(read_file(path), str(path))
    return Policies.of(policy_in(settings)), settings.limits.enforce


def _check_team(policies: "Policies", team: str | None) -> None:
    from runproxy.errors import ConfigError

    if team is not None and policies.teams and team not in policies.teams:
        raise ConfigError(
            f"--team: there are no rules for a team {team!r}; there are some for {', '.join(policies.teams)}."
        )
