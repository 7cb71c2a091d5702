"""`runproxy doctor`: whether all is well, and what to do where it is not."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from runproxy.cli.group import FROM_ENVIRONMENT
from runproxy.cli.options import ci_option, mode_option, serving_options, upstream_options

if TYPE_CHECKING:  # loaded by the command itself
    from runproxy.doctor import Examination, Finding

_STYLES: Final = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@click.command(context_settings=FROM_ENVIRONMENT)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Text, or one JSON object.")
@click.option("--send-credential", is_flag=True, help="Send the profile's credentials to the upstream, to try them.")
@mode_option
@upstream_options
@serving_options
@ci_option
def doctor(*, form: str, send_credential: bool, **flags: Any) -> None:
    """Check settings, folder, cassettes, redaction, ports, clock, and the way to the upstream.

    It takes what `runproxy serve` takes, and tells of each check what was found, what that means and what to do. The
    upstream is asked for one run that there is not, which changes nothing there, and gets no credential unless
    --send-credential is given. Nothing is changed here either.

    Exit code 0: nothing has failed; 1: something has.

    \b
    Example:
      runproxy doctor
      runproxy doctor --mode record --upstream https://host/v1
    """
    import secrets
    from datetime import UTC, datetime

    from runproxy.cli.reading import settings_reader
    from runproxy.doctor import Examination
    from runproxy.logs import configure_logs

    configure_logs("error", "console")
    examination = Examination(
        settings_reader(flags),
        now=lambda: datetime.now(UTC),
        canary=f"canary-{secrets.token_urlsafe(24)}",
        sends_credential=send_credential,
        needs_upstream=flags["upstream"] is not None,
    )
    import asyncio

    findings = asyncio.run(_all(examination))
    has_failed = any(finding.state == "fail" for finding in findings)
    if form == "json":
        click.echo(json.dumps({"ok": not has_failed, "findings": [asdict(finding) for finding in findings]}))
    elif sys.stdout.isatty():
        _draw(findings)
    else:
        _print(findings)
    sys.exit(1 if has_failed else 0)


async def _all(examination: "Examination") -> "list[Finding]":
    return [finding async for finding in examination.findings()]


def _print(findings: "list[Finding]") -> None:
    """Print a line for each finding, and below it what it means."""
    from runproxy.cli.output import on_one_line

    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        click.echo(on_one_line(f"{finding.state:4}  {finding.check:{width}}  {finding.found}"))
        for name, text in (("means", finding.means), ("do", finding.do)):
            if text:
                click.echo(on_one_line(f"{'':4}  {'':{width}}  {name}: {text}"))


def _draw(findings: "list[Finding]") -> None:
    """Draw the same as a table, in colours and wrapped."""
    from rich.table import Table
    from rich.text import Text

    from runproxy.cli.output import harmless, plain_console

    table = Table.grid(padding=(0, 2))
    for finding in findings:
        told = Text(harmless(finding.found))
        for name, text in (("means", finding.means), ("do", finding.do)):
            told.append(f"\n{name}: " if text else "", style="dim").append(harmless(text))
        table.add_row(Text(finding.state, style=_STYLES[finding.state]), Text(finding.check, style="bold"), told)
    plain_console().print(table)
