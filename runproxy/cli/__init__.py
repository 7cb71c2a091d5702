"""The `runproxy` command. Its modules import little at the top, so that `--help` answers at once."""

import click

from runproxy import __version__
from runproxy.cli.audit import audit
from runproxy.cli.cassette import cassette
from runproxy.cli.check import check
from runproxy.cli.completion import completion
from runproxy.cli.config import config
from runproxy.cli.demo import demo
from runproxy.cli.doctor import doctor
from runproxy.cli.group import ErrorGroup
from runproxy.cli.rules import fingerprint, policy
from runproxy.cli.sandbox import sandbox
from runproxy.cli.serve import record, replay, serve
from runproxy.cli.why import why
from runproxy.cli.worker import worker


@click.group(cls=ErrorGroup)
@click.version_option(__version__, prog_name="runproxy")
def main() -> None:
    """Record, guard and replay run modifications over HTTP.

    \b
    Example:
      runproxy demo
      runproxy replay --cassette quickstart
    """


for _command in (
    record,
    replay,
    serve,
    sandbox,
    demo,
    doctor,
    why,
    check,
    policy,
    fingerprint,
    cassette,
    audit,
    config,
    completion,
):
    main.add_command(_command)
main.add_command(worker)
