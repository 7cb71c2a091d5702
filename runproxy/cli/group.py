"""What all commands share: errors as one clear message, `--quiet`, and settings from `RUNPROXY_*` variables."""

from collections.abc import Mapping
from typing import Any, Final

import click

from runproxy.errors import RunproxyError

FROM_ENVIRONMENT: Final[Mapping[str, Any]] = {"auto_envvar_prefix": "RUNPROXY"}
"""Given to a command as its context settings: `--admin-port` is `RUNPROXY_ADMIN_PORT`, in every command alike."""


_QUIET: Final = "runproxy.cli.quiet"


def _remember_quiet(context: click.Context, _: click.Parameter, value: bool) -> None:
    context.meta[_QUIET] = value


quiet_option = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    expose_value=False,
    callback=_remember_quiet,
    help="Tell nothing but results and what goes wrong.",
)
"""Silences `say` in the command that takes it."""


class ErrorGroup(click.Group):
    """A group in which a `RunproxyError` ends in its message and its exit code, never in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except RunproxyError as error:
            raise _Shown(error) from error


class _Shown(click.ClickException):
    def __init__(self, error: RunproxyError) -> None:
        super().__init__(error.message)
        self.exit_code = error.exit_code  # type: ignore[misc]  # click reads it from the instance


def say(message: str) -> None:
    """Tell a person something, on stderr, so that stdout stays for results; with `--quiet` nothing is told."""
    if not is_quiet():
        click.echo(message, err=True)


def is_quiet() -> bool:
    """Tell whether the command that runs was asked to be quiet."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_QUIET))


def warn(message: str) -> None:
    """Tell a person what went wrong, on stderr, also with `--quiet`."""
    click.echo(message, err=True)
