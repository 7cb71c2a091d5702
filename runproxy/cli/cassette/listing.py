"""`runproxy cassette list` and `show`: what is in cassettes."""

import sys
from typing import TYPE_CHECKING

import click

from runproxy.cli.cassette.folder import DEFAULT_DIR, open_store
from runproxy.cli.cassette.progress import watched
from runproxy.cli.group import FROM_ENVIRONMENT, say
from runproxy.cli.options import dir_option

if TYPE_CHECKING:  # loaded by the commands themselves
    from collections.abc import Callable

    from runproxy.cassette import Interaction
    from runproxy.messages import Headers, Request

HTTP_ERROR = 400


@click.command("list", context_settings=FROM_ENVIRONMENT)
@dir_option
def list_(dir: str | None) -> None:  # noqa: A002 - the option's name
    """List the cassettes of a folder; exit code 1 when one of them cannot be read.

    \b
    Example:
      runproxy cassette list --dir cassettes
    """
    from rich.table import Table

    from runproxy.cli.output import plain_console
    from runproxy.errors import CassetteError

    store = open_store(dir)
    table = Table("cassette", "interactions", "bytes", "last recorded", box=None, pad_edge=False)
    unreadable = []
    for name in watched(store.names(), "Reading"):
        try:
            interactions = store.load(name)
        except CassetteError as error:
            unreadable.append(error.message)
            table.add_row(name, "unreadable", str(store.path(name).stat().st_size), "")
            continue
        last = max((held.recorded_at for held in interactions), default=None)
        size = store.path(name).stat().st_size
        table.add_row(name, str(len(interactions)), str(size), f"{last:%Y-%m-%d %H:%M}" if last else "")
    if not table.row_count:
        say(f"No cassettes in {dir or DEFAULT_DIR}.")
        return
    plain_console().print(table)
    for message in unreadable:
        say(f"Error: {message}")
    if unreadable:
        sys.exit(1)


@click.command(context_settings=FROM_ENVIRONMENT)
@click.argument("name")
@dir_option
def show(name: str, dir: str | None) -> None:  # noqa: A002 - the option's name
    """Show the calls in a cassette.

    \b
    Example:
      runproxy cassette show quickstart
    """
    from runproxy.cli.output import plain_console

    console = plain_console()
    for position, interaction in enumerate(open_store(dir).load(name)):
        _show(console.print, position, interaction)


def _show(print_line: "Callable[..., None]", position: int, interaction: "Interaction") -> None:
    from rich.text import Text

    from runproxy.cli.output import harmless

    request, response = interaction.request, interaction.response
    taken = f"{interaction.recorded_at:%Y-%m-%d %H:%M:%S} UTC, {interaction.elapsed_ms} ms"
    call = harmless(f"[{position}] {request.method} {request.target}")
    print_line(Text.assemble((call, "bold"), f"  {taken}"))
    _show_message(print_line, ">", request.headers, _body_of(request))
    coding = f"  in {response.coding}" if response.coding else ""
    print_line(Text(f"< {response.status}{coding}", style="red" if response.status >= HTTP_ERROR else "green"))
    _show_message(print_line, "<", response.headers, response.body)
    print_line()


def _body_of(request: "Request") -> bytes:
    digest = request.digest
    return f"({digest.length} bytes, SHA-256 {digest.sha256})".encode() if digest else request.body


def _show_message(print_line: "Callable[..., None]", mark: str, headers: "Headers", body: bytes) -> None:
    from rich.text import Text

    from runproxy.cli.output import harmless
    from runproxy.jsonstyle import INDENT_2, detect, render

    for header, value in headers.items():
        print_line(Text(harmless(f"{mark} {header}: {value}"), style="dim"))
    known = detect(body)
    text = (render(known[0], INDENT_2) if known else body).decode("utf-8", "backslashreplace")
    for line in text.split("\n"):
        print_line(Text(harmless(f"{mark} {line}")))
