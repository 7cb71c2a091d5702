"""`runproxy check`: metadata against the limits, without a proxy."""

import sys
from pathlib import Path

import click

from runproxy.cli.group import FROM_ENVIRONMENT


@click.command(context_settings=FROM_ENVIRONMENT)
@click.argument("file", metavar="FILE|-")
@click.option(
    "--as",
    "kind",
    type=click.Choice(["auto", "metadata", "body"]),
    default="auto",
    show_default=True,
    help="What FILE holds; auto takes an object with a metadata object or null in it for a whole body.",
)
def check(file: str, kind: str) -> None:
    """Check a metadata object, or a whole request body, against the API's limits.

    Exit code 0: within limits; 1: violations, listed; 2: FILE cannot be read.

    \b
    Example:
      echo '{"user_id": "user_abc123"}' | runproxy check -
    """
    from runproxy.errors import Refusal
    from runproxy.guard import find_violations

    try:
        violations = find_violations(_read(file), kind)
    except Refusal as error:
        click.echo(f"{file}: {error.code or 'invalid_json'}: {error.message}")
        sys.exit(1)
    for found in violations:
        click.echo(f"{file}: {found.code}: {found.message}")
    if violations:
        sys.exit(1)
    click.echo(f"{file}: within limits")


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{file}: cannot be read: {error.strerror}.") from error
