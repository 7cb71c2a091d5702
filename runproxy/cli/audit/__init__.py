"""`runproxy audit`: which team writes which metadata."""

import click

from runproxy.cli.audit.calls import export, search, tail
from runproxy.cli.audit.keeping import import_cassettes, prune, verify
from runproxy.cli.audit.keys import keys, new_keys, values
from runproxy.cli.audit.overview import coverage, summary, teams, violations
from runproxy.cli.audit.simulating import simulate
from runproxy.cli.group import ErrorGroup


@click.group(cls=ErrorGroup)
def audit() -> None:
    """Tell which team writes which metadata, what was refused, and who would break if a rule were enforced.

    \b
    Example:
      runproxy audit summary --since 7d
    """


for _command in (
    *(summary, teams, keys, values, new_keys, coverage, violations, search, tail),
    *(simulate, export, prune, verify, import_cassettes),
):
    audit.add_command(_command)
