"""`runproxy cassette`: what is in cassettes, what to do with them, and bringing them in and out."""

import click

from runproxy.cli.cassette.diff import diff
from runproxy.cli.cassette.exchange import export, import_
from runproxy.cli.cassette.laying_out import format_, schema
from runproxy.cli.cassette.listing import list_, show
from runproxy.cli.cassette.merge import merge
from runproxy.cli.cassette.prune import prune
from runproxy.cli.cassette.scan import scan
from runproxy.cli.cassette.split import split
from runproxy.cli.cassette.verify import verify
from runproxy.cli.group import ErrorGroup


@click.group(cls=ErrorGroup)
def cassette() -> None:
    """List, compare, merge and tidy cassettes, and import those of other tools.

    \b
    Example:
      runproxy cassette list
    """


for _command in (list_, show, diff, verify, merge, split, prune, format_, scan, schema, import_, export):
    cassette.add_command(_command)
