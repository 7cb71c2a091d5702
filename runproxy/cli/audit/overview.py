"""`runproxy audit summary`, `teams`, `violations` and `coverage`: who does what, in figures."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from runproxy.cli.audit.asking import asking, filter_options, format_option
from runproxy.cli.audit.tables import Column, clipped, new_table, print_json, print_table, render, report, shown
from runproxy.cli.output import on_one_line

if TYPE_CHECKING:
    from runproxy.audit.report import CoverageRow, NearnessRow, Summary

_TEAMS: Final = (
    Column("team", "team", "team"),
    Column("calls", "calls", "number"),
    Column("accepted", "accepted", "number"),
    Column("warned", "warned", "number"),
    Column("refused", "refused", "number"),
    Column("keys", "keys", "number"),
    Column("most pairs", "most_pairs", "number"),
    Column("first seen", "first", "day"),
    Column("last seen", "last", "day"),
)
_VIOLATIONS: Final = (
    Column("rule", "code"),
    Column("team", "team", "team"),
    Column("refused", "refused", "number"),
    Column("warned", "warned", "number"),
    Column("places", "params", "number"),
    Column("last", "last", "time"),
    Column("last call", "last_call"),
)
_NEARNESS: Final = (
    Column("near a limit", "limit"),
    Column("team", "team", "team"),
    Column("key", "key"),
    Column("most", "most", "number"),
    Column("of", "of", "number"),
    Column("calls near it", "near", "number"),
)
_SHOWN_NEAR: Final = 10
_SHOWN_KEYS: Final = 12


@click.command()
@filter_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
def summary(*, as_json: bool, **options: Any) -> None:
    """Tell how many calls there are, what became of them, and who is near a limit of the API.

    \b
    Example:
      runproxy audit summary --since 7d
    """
    from runproxy.audit.export import as_record
    from runproxy.audit.report import nearness, summary

    with asking(options) as asked:
        found, near = summary(asked.connection, asked.filter), nearness(asked.connection, asked.filter)
    if as_json:
        print_json({**as_record(found), "nearness": [asdict(row) for row in near]})
        return
    _print_summary(found)
    if near:
        click.echo()
        _print_nearness(near)


def _print_summary(found: "Summary") -> None:
    from runproxy.audit.reading import time_text

    span = ""
    if found.first_ms is not None and found.last_ms is not None:
        first, last = (shown(time_text(at_ms), "time") for at_ms in (found.first_ms, found.last_ms))
        span = f"   {first} to {last} UTC"
    lines = [f"{'calls':<12}{found.calls:>12,}{span}"]
    lines += [f"  {name:<10}{count:>12,}" for name, count in found.decisions.items()]
    ends = sorted(found.outcomes.items(), key=lambda item: -item[1])
    lines.append("outcomes    " + (", ".join(f"{count:,} {on_one_line(name)}" for name, count in ends) or "none"))
    lines += [
        f"{'teams':<12}{found.teams:>12,}",
        f"{'keys':<12}{found.keys:>12,}",
        f"{'violations':<12}{found.violations:>12,}",
        f"{'warnings':<12}{found.warnings:>12,}",
    ]
    click.echo("\n".join(lines))


def _print_nearness(near: "list[NearnessRow]") -> None:
    from runproxy.audit.report import NearnessRow

    report(near[:_SHOWN_NEAR], NearnessRow, _NEARNESS, "table")
    if len(near) > _SHOWN_NEAR:
        click.echo(f"and {len(near) - _SHOWN_NEAR} more: --json")


@click.command()
@filter_options
@format_option
def teams(*, form: str, **options: Any) -> None:
    """List the teams: their calls by decision, how many keys they write, and how many pairs at once.

    \b
    Example:
      runproxy audit teams --since 30d
    """
    from runproxy.audit.report import TeamRow, teams

    with asking(options) as asked:
        rows = teams(asked.connection, asked.filter)
    report(rows, TeamRow, _TEAMS, form)


@click.command()
@filter_options
@format_option
def violations(*, form: str, **options: Any) -> None:
    """List the rules that were broken, by team, with the last call that broke them.

    \b
    Example:
      runproxy audit violations --team search
    """
    from runproxy.audit.report import ViolationRow, violations

    with asking(options) as asked:
        rows = violations(asked.connection, asked.filter)
    report(rows, ViolationRow, _VIOLATIONS, form)


@click.command()
@filter_options
@format_option
@click.option("--keys", "most", type=click.IntRange(1), default=_SHOWN_KEYS, show_default=True, help="Keys in a table.")
def coverage(*, form: str, most: int, **options: Any) -> None:
    """Tell which share of each team's calls carries which key.

    \b
    Example:
      runproxy audit coverage --since 7d
      runproxy audit coverage --key cost_center --format csv
    """
    from runproxy.audit.report import coverage

    with asking(options) as asked:
        rows = coverage(asked.connection, asked.filter)
    if form == "table":
        _print_matrix(rows, most)
        return
    fields = ("team", "key", "calls", "of", "share")
    render([{**asdict(row), "share": round(row.share, 4)} for row in rows], (), form, fields)


def _print_matrix(rows: "list[CoverageRow]", most: int) -> None:
    """Print teams by keys, those keys first that most calls carry."""
    from runproxy.cli.output import plain_console

    if not rows:
        print_table([], ())
        return
    calls: dict[str, int] = {}
    for row in rows:
        calls[row.key] = calls.get(row.key, 0) + row.calls
    keys = sorted(calls, key=lambda key: (-calls[key], key))
    table = new_table()
    table.add_column("team")
    table.add_column("calls", justify="right")
    for key in keys[:most]:
        table.add_column(clipped(on_one_line(key)), justify="right")
    for team in dict.fromkeys(row.team for row in rows):
        of_team = {row.key: row for row in rows if row.team == team}
        cells = [f"{of_team[key].share:.0%}" if key in of_team else "-" for key in keys[:most]]
        table.add_row(shown(team, "team"), f"{next(iter(of_team.values())).of:,}", *cells)
    plain_console().print(table)
    if len(keys) > most:
        click.echo(f"and {len(keys) - most} more keys: --keys {len(keys)}, or --format csv")
