"""What all commands share: errors as one clear message, `--quiet`, and settings from `RUNPROXY_*` variables."""

import errno
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click

from runproxy.errors import RunproxyError

FROM_ENVIRONMENT: Final[Mapping[str, Any]] = {"auto_envvar_prefix": "RUNPROXY"}
"""Given to a command as its context settings: `--admin-port` is `RUNPROXY_ADMIN_PORT`, in every command alike."""


_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What stops a write to a file that is open, and with it stdout; a reader that has gone is click's own affair."""

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
    """A group in which an error ends in its message and its exit code, never in a traceback.

    That is so of each `RunproxyError`, and of output that cannot be written.
    """

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command of this process."""
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            if error.errno not in _FULL or error.filename is not None:
                raise
            # What Python still holds back would be tried again at the end, in vain. stderr may be full, too.
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            with suppress(OSError):
                warn(f"Error: the output cannot be written: {error.strerror}.")
            sys.exit(2)

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
