"""`runproxy worker`: one of several workers. Their supervisor starts it; it is no command for people."""

import sys

import click

from runproxy.cli.serve import run_loop


@click.command(hidden=True)
def worker() -> None:
    """Answer calls on inherited sockets, as a supervisor says on standard input."""
    from runproxy.errors import ConfigError
    from runproxy.logs import configure_logs
    from runproxy.redaction import WriteGate
    from runproxy.workers import Order, read_settings, work

    try:
        order = Order.decode(sys.stdin.buffer.readline())
    except ValueError as error:
        raise ConfigError(
            "Workers are started by 'runproxy serve --workers N', which tells them what to do."
        ) from error
    settings = read_settings(order.folder)
    gate = WriteGate()
    configure_logs(settings.log.level, settings.log.format, gate.lets_pass)
    run_loop(work(order, settings, gate))
