"""`runproxy policy` and `runproxy fingerprint`, and the rules that other commands go by."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runproxy.cli.completing import files
from runproxy.cli.group import FROM_ENVIRONMENT, ErrorGroup

if TYPE_CHECKING:
    from runproxy.config import Settings
    from runproxy.guard import Judge
    from runproxy.policy import Policies
    from runproxy.routes import Route

policy_option = click.option(
    "--policy",
    metavar="FILE",
    shell_complete=files,
    help="The rules: a policy file, or a settings file with [policy] in it.",
)
team_option = click.option("--team", metavar="NAME", help="The team whose rules count.  [default: those for all]")


enforce_option = click.option(
    "--enforce-limits/--no-enforce-limits",
    default=None,
    help="Refuse metadata beyond the API's limits, or only warn.  [default: as in the settings file, else refuse]",
)


def find_judge(policy: str | None, team: str | None, enforces_limits: bool | None) -> "Judge":
    """Give the judge that a proxy started here would have; raises `ConfigError`, also for a team without rules."""
    from runproxy.guard import Judge

    policies, by_settings = _find_policies(policy)
    _check_team(policies, team)
    return Judge(policies, by_settings if enforces_limits is None else enforces_limits)


def find_route(name: str) -> "Route":
    """Give a route of the API, or one of the settings file, by its name; raises `ConfigError` where there is none."""
    from runproxy.errors import ConfigError
    from runproxy.routes import BY_NAME

    settings = _found_settings()
    own = {route.name: route.as_route() for route in settings.routes} if settings else {}
    routes = {**BY_NAME, **own}
    if name not in routes:
        raise ConfigError(f"--route: there is no route {name!r}; there are {', '.join(routes)}.")
    return routes[name]


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
    from runproxy.errors import ConfigError
    from runproxy.policy import explain as explained

    if not _is_text(key):
        raise ConfigError("KEY is not UTF-8 text, and so it can be no key of metadata.")
    policies, _ = _find_policies(policy)
    _check_team(policies, team)
    whose = f"for team {team!r}" if team else "for all teams without rules of their own"
    click.echo(f"{key!r}, {whose}:")
    for line in explained(policies.of_team(team), key):
        click.echo(f"  {line}")


@click.command(context_settings=FROM_ENVIRONMENT)
@click.argument("unwanted", nargs=-1, metavar="")
@click.option(
    "--key-file", metavar="FILE", shell_complete=files, help="The secret of fingerprints, in a file with mode 0600."
)
def fingerprint(unwanted: tuple[str, ...], key_file: str | None) -> None:
    """Print the fingerprint of a credential, by which a team is known; the credential is read from stdin.

    The secret comes from RUNPROXY_FINGERPRINT_KEY, else from --key-file, else from attribution.key_file in the settings
    file. The same secret must be set where the proxy runs.

    \b
    Example:
      printenv OPENAI_API_KEY | runproxy fingerprint --key-file runproxy.key
    """
    from runproxy.attribution import KEY_VARIABLE
    from runproxy.composition.rules import find_fingerprints
    from runproxy.errors import ConfigError

    if unwanted:  # not repeated, for it may be the credential
        raise click.UsageError("The credential is read from stdin: others on this machine can see arguments.")
    settings = None if key_file else _found_settings()
    named = key_file or (settings.attribution.key_file if settings else "")
    fingerprints = find_fingerprints(named)
    if fingerprints is None:
        raise ConfigError(f"Fingerprints need a secret: set {KEY_VARIABLE}, or name a file with --key-file.")
    if sys.stdin.isatty():
        click.echo("The credential, then Enter and Ctrl-D:", err=True)
    credential = sys.stdin.buffer.read().strip().decode("utf-8", "surrogateescape")
    if credential.split()[1:]:
        raise ConfigError("A credential has no blanks and no line breaks in it: give the bare token, without 'Bearer'.")
    if not credential:
        raise ConfigError("There is no credential on stdin: printenv OPENAI_API_KEY | runproxy fingerprint")
    click.echo(fingerprints.of(credential))


def _find_policies(policy: str | None) -> "tuple[Policies, bool]":
    """Give the rules, and whether the API's limits are enforced."""
    from runproxy.config import Settings, policy_in, read_rules
    from runproxy.policy import NO_POLICY, Policies

    settings = _found_settings()
    named = read_rules(Path(policy)) if policy else settings
    if isinstance(named, Settings):
        return Policies.of(policy_in(named)), named.limits.enforce
    return (Policies.of(named) if named else NO_POLICY), settings.limits.enforce if settings else True


def _found_settings() -> "Settings | None":
    from runproxy.config import find_file, make_settings, read_file

    path = find_file(os.environ.get("RUNPROXY_CONFIG"))
    return make_settings(read_file(path), str(path)) if path else None


def _is_text(key: str) -> bool:
    """Tell whether an argument was UTF-8: other bytes come as lone surrogates."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_team(policies: "Policies", team: str | None) -> None:
    from runproxy.errors import ConfigError

    if team is not None and policies.teams and team not in policies.teams:
        raise ConfigError(
            f"--team: there are no rules for a team {team!r}; there are some for {', '.join(policies.teams)}."
        )
