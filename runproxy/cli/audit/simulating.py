"""`runproxy audit simulate`: rules that are not in force, tried on the calls that were made."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from runproxy.cli.audit.asking import asking, filter_options
from runproxy.cli.audit.progress import bar
from runproxy.cli.audit.tables import Column, print_json, print_table
from runproxy.cli.output import counted, on_one_line

if TYPE_CHECKING:
    from runproxy.audit.simulate import Simulation
    from runproxy.policy import Policies

_RULES: Final = (
    Column("rule", "code"),
    Column("place", "param"),
    Column("refused", "calls", "number"),
    Column("newly", "newly", "number"),
    Column("teams", "teams"),
    Column("such as request", "example"),
)
_TEAMS: Final = (
    Column("team", "team", "team"),
    Column("as written", "action"),
    Column("calls", "calls", "number"),
    Column("refused", "refused", "number"),
    Column("newly", "newly", "number"),
)
_SHOWN_RULES: Final = 30
_SHOWN_TEAMS: Final = 4


@click.command()
@click.option(
    "--policy", metavar="FILE", required=True, help="The rules: a policy file, or a settings file with [policy]."
)
@filter_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
def simulate(*, policy: str, as_json: bool, **options: Any) -> None:
    """Tell which calls, and whose, would have been refused if these rules had been enforced.

    Rules that only warn are tried as if they refused. "newly" counts calls that were let pass when they were made.
    Where a rule asks for a value that is not on file, the calls that could not be judged in full are told.

    Exit code 0: no call would be refused; 1: some would; 2: the rules or the store cannot be read.

    \b
    Example:
      runproxy audit simulate --policy new.toml --since 30d
    """
    from runproxy.audit.reading import all_calls
    from runproxy.audit.simulate import simulate as tried

    policies, enforces_limits = _rules(policy)
    with asking(options) as asked:
        calls = bar(all_calls(asked.connection, asked.filter), "Judging calls")
        found = tried(calls, policies, enforces_limits=enforces_limits)
    if as_json:
        print_json(_as_json(found))
    else:
        _print(found)
    if found.refused:
        sys.exit(1)


def _rules(policy: str) -> "tuple[Policies, bool]":
    from runproxy.config import Settings, policy_in, read_rules
    from runproxy.policy import Policies

    found = read_rules(Path(policy))
    if isinstance(found, Settings):
        return Policies.of(policy_in(found)), found.limits.enforce
    return Policies.of(found), True


def _ordered(found: "Simulation") -> list[dict[str, Any]]:
    rules = sorted(found.rules.values(), key=lambda rule: (-rule.newly, -rule.calls, rule.code, rule.param))
    return [
        {
            "code": rule.code,
            "param": rule.param,
            "message": rule.message,
            "calls": rule.calls,
            "newly": rule.newly,
            "teams": sorted(rule.teams),
            "examples": rule.examples,
        }
        for rule in rules
    ]


def _teams_of(found: "Simulation") -> list[dict[str, Any]]:
    teams = sorted(found.teams.values(), key=lambda team: (-team.newly, -team.refused, team.team))
    return [
        {"team": one.team, "action": one.action, "calls": one.calls, "refused": one.refused, "newly": one.newly}
        for one in teams
    ]


def _as_json(found: "Simulation") -> dict[str, Any]:
    return {
        "calls": found.calls,
        "refused": found.refused,
        "newly": found.newly,
        "not_judged": found.unread,
        "judged_in_part": {"calls": found.half_judged, "keys": dict(found.missing.most_common())},
        "rules": _ordered(found),
        "teams": _teams_of(found),
    }


def _print(found: "Simulation") -> None:
    rules = _ordered(found)
    if rules:
        rows = [
            {**rule, "teams": _named(rule["teams"]), "example": rule["examples"][0]} for rule in rules[:_SHOWN_RULES]
        ]
        print_table(rows, _RULES)
        if len(rules) > _SHOWN_RULES:
            click.echo(f"and {len(rules) - _SHOWN_RULES} more: --json")
        click.echo()
        print_table(_teams_of(found), _TEAMS)
        click.echo()
    verdict = f"{found.refused:,} would be refused; {found.newly:,} of these were let pass"
    click.echo(f"Of {counted(found.calls, 'call')}, {verdict}.")
    if found.unread:
        click.echo(f"Not judged: {counted(found.unread, 'call')} refused before the metadata was read.")
    if found.half_judged:
        keys = ", ".join(on_one_line(key) for key, _ in found.missing.most_common(_SHOWN_RULES))
        click.echo(f"Judged in part: {counted(found.half_judged, 'call')}, whose values of {keys} are not on file.")


def _named(teams: list[str]) -> str:
    shown = ", ".join(team or "(unknown)" for team in teams[:_SHOWN_TEAMS])
    return f"{shown} and {len(teams) - _SHOWN_TEAMS} more" if len(teams) > _SHOWN_TEAMS else shown
