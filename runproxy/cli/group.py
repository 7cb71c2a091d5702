"""What all commands share: errors as one clear message, and settings from `RUNPROXY_*` variables."""

from collections.abc import Mapping
from typing import Any, Final

import click

from runproxy.errors import RunproxyError

FROM_ENVIRONMENT: Final[Mapping[str, Any]] = {"auto_envvar_prefix": "RUNPROXY"}
"""Given to a command as its context settings: `--admin-port` is `RUNPROXY_ADMIN_PORT`, in every command alike."""


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
    """Tell a person something, on stderr, so that stdout stays for results."""
    click.echo(message, err=True)
