"""Findings on stdout, in the form that was asked for."""

import json
from collections.abc import Sequence

import click

from runproxy import __version__
from runproxy.cli.findings.finding import Finding
from runproxy.cli.findings.github import as_annotations
from runproxy.cli.findings.sarif import as_sarif
from runproxy.cli.output import harmless


def print_findings(findings: Sequence[Finding], form: str, trouble: Sequence[str] = ()) -> None:
    """Print them as `sarif` or `github`; `trouble` says what could not be looked into."""
    if form == "sarif":
        click.echo(json.dumps(as_sarif(findings, version=__version__, trouble=trouble), indent=2))
    else:
        for line in as_annotations(findings):
            click.echo(harmless(line))
