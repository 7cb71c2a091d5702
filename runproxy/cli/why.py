"""`runproxy why`: why a call was not answered from its cassette, or why it was."""

import json
import os
from typing import Any

import click

from runproxy.cli.completing import misses
from runproxy.cli.group import FROM_ENVIRONMENT
from runproxy.cli.output import harmless
from runproxy.keyfile import ADMIN_TOKEN_VARIABLE

TIMEOUT_S = 10


@click.command(context_settings=FROM_ENVIRONMENT)
@click.argument("miss", metavar="[MISS-ID]", required=False, shell_complete=misses)
@click.option("--hits", is_flag=True, help="Tell of the calls that were answered from a cassette.")
@click.option(
    "--admin-url",
    metavar="URL",
    default="http://127.0.0.1:8788",
    show_default=True,
    help="Admin address of the running proxy.",
)
def why(miss: str | None, hits: bool, admin_url: str) -> None:
    """Say why a call had no recorded answer: the latest one, or the one whose answer told this MISS-ID.

    Exit code 0: told; 2: no proxy answers there, or it knows no such miss.

    \b
    Example:
      runproxy why
      runproxy why miss-3
      runproxy why --hits
    """
    if hits:
        for hit in fetch(admin_url, "/api/hits")["hits"]:
            which = f"recording {hit['recording']} of {hit['of']} of this call, made {hit['recorded_at']}"
            click.echo(harmless(f"{hit['call']}\n  {hit['interaction']}: {which}\n  {hit['because']}"))
        return
    if miss:
        from urllib.parse import quote

        _print(fetch(admin_url, f"/api/misses/{quote(miss, safe='')}"))
        return
    misses = fetch(admin_url, "/api/misses")["misses"]
    if not misses:
        click.echo("No call has been missed.")
        return
    _print(misses[0])


def _print(miss: dict[str, Any]) -> None:
    head = f"{miss['id']}: {miss.get('method', '')} {miss.get('path', '')}".rstrip()
    click.echo(harmless(f"{head}\n{miss['message']}"))


def fetch(admin_url: str, path: str, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Ask the admin API of a running proxy; raises `ConfigError` where there is none, or where it says why not."""
    from urllib.error import HTTPError
    from urllib.request import ProxyHandler, build_opener

    from runproxy.errors import ConfigError

    opener = build_opener(ProxyHandler({}))  # the proxies of the environment are not for an address of this machine
    token = os.environ.get(ADMIN_TOKEN_VARIABLE, "").strip()
    opener.addheaders = [("Authorization", f"Bearer {token}")] if token else []
    try:
        with opener.open(admin_url.rstrip("/") + path, timeout=timeout_s) as answer:
            found: dict[str, Any] = json.load(answer)
    except HTTPError as error:
        with error:
            raise ConfigError(_told(error.read())) from None
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"No runproxy answers at {admin_url} ({_cause(error)}). Is it running? Its banner names the admin address: "
            "--admin-url URL."
        ) from error
    return found


def _cause(error: OSError | ValueError) -> str:
    """Say what went wrong in the system's words, without what urllib wraps round them."""
    from urllib.error import URLError

    cause = error.reason if isinstance(error, URLError) else error
    return (isinstance(cause, OSError) and cause.strerror) or str(cause)


def _told(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return "The address does not answer as an admin address of runproxy does."
