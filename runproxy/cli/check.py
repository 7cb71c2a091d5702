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
    from runproxy.errors import MalformedJson, Refusal
    from runproxy.guard import find_violations

    text = _read(file)
    try:
        violations = find_violations(text, kind)
    except MalformedJson:
        click.echo(f"{file}: invalid_json: {_where_not_json(text)}")
        sys.exit(1)
    except Refusal as error:
        click.echo(f"{file}: {error.code}: {error.message}")
        sys.exit(1)
    for found in violations:
        click.echo(f"{file}: {found.code}: {found.message}")
    if violations:
        sys.exit(1)
    click.echo(f"{file}: within limits")


def _where_not_json(text: bytes) -> str:
    import orjson

    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return f"not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}."
    return "not valid JSON."


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{file}: cannot be read: {error.strerror}.") from error
