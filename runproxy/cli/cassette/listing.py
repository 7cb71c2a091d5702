"""`runproxy cassette list` and `show`: what is in cassettes."""

import sys
from typing import TYPE_CHECKING

import click

from runproxy.cli.cassette.folder import DEFAULT_DIR, find_file, open_store, read_cassette
from runproxy.cli.cassette.progress import watched
from runproxy.cli.completing import cassettes
from runproxy.cli.group import FROM_ENVIRONMENT, say, warn
from runproxy.cli.options import dir_option

if TYPE_CHECKING:  # loaded by the commands themselves
    from collections.abc import Callable, Iterable, Iterator

    from runproxy.cassettes import Cassette, Interaction
    from runproxy.messages import Headers, Request, Response

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
        warn(f"Error: {message}")
    if unreadable:
        sys.exit(1)


@click.command(context_settings=FROM_ENVIRONMENT)
@click.argument("name", shell_complete=cassettes)
@click.option("--interaction", type=click.IntRange(0), metavar="N", help="This one alone, counted from 0.")
@dir_option
def show(name: str, interaction: int | None, dir: str | None) -> None:  # noqa: A002 - the option's name
    """Show the calls in a cassette: requests (>) and answers (<), when they were made, and how long they took.

    NAME is that of a cassette or the path of a file.

    \b
    Example:
      runproxy cassette show quickstart
      runproxy cassette show quickstart --interaction 0
    """
    from runproxy.cli.output import plain_console

    console = plain_console()
    for position, held in chosen(read_cassette(find_file(name, dir)), name, interaction):
        _show(console.print, position, held)


def chosen(cassette: "Cassette", name: str, number: int | None) -> "Iterable[tuple[int, Interaction]]":
    """Give the interaction of a number with that, or all; raises `CassetteError` for a number that there is not."""
    from runproxy.cli.output import counted
    from runproxy.errors import CassetteError

    if number is None:
        return enumerate(cassette)
    if number >= len(cassette):
        span = f", numbered 0 to {len(cassette) - 1}" if len(cassette) > 1 else ""
        held = f"{counted(len(cassette), 'interaction')}{span}"
        raise CassetteError(f"The cassette {name!r} has {held}, and no number {number}.")
    return [(number, cassette[number])]


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
    if response.pieces:
        _show_message(print_line, "<", response.headers, b"")
        for after_ms, piece in _pieces(response):
            print_line(Text(f"< after {after_ms} ms", style="dim"))
            _show_body(print_line, "<", piece)
    else:
        _show_message(print_line, "<", response.headers, response.body)
    print_line()


def _body_of(request: "Request") -> bytes:
    digest = request.digest
    return f"({digest.length} bytes, SHA-256 {digest.sha256})".encode() if digest else request.body


def _pieces(response: "Response") -> "Iterator[tuple[int, bytes]]":
    start = 0
    for piece in response.pieces:
        yield piece.after_ms, response.body[start : start + piece.length]
        start += piece.length


def _show_message(print_line: "Callable[..., None]", mark: str, headers: "Headers", body: bytes) -> None:
    from rich.text import Text

    from runproxy.cli.output import harmless

    for header, value in headers.items():
        print_line(Text(harmless(f"{mark} {header}: {value}"), style="dim"))
    _show_body(print_line, mark, body)


def _show_body(print_line: "Callable[..., None]", mark: str, body: bytes) -> None:
    from rich.text import Text

    from runproxy.cli.output import harmless
    from runproxy.jsonstyle import INDENT_2, detect, render

    known = detect(body)
    text = (render(known[0], INDENT_2) if known else body).decode("utf-8", "backslashreplace")
    for line in text.split("\n"):
        print_line(Text(harmless(f"{mark} {line}")))
