"""`runproxy cassette`: what is in cassettes, and bringing others' in."""

import click

from runproxy.cli.cassette.importing import import_
from runproxy.cli.cassette.listing import list_, show
from runproxy.cli.group import ErrorGroup


@click.group(cls=ErrorGroup)
def cassette() -> None:
    """List and show cassettes, and import those of other tools.

    \b
    Example:
      runproxy cassette list
    """


for _command in (list_, show, import_):
    cassette.add_command(_command)
