"""`runproxy cassette prune`: taking out what answers no call."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runproxy.cli.cassette.folder import folder_option, open_store
from runproxy.cli.group import say
from runproxy.cli.output import counted, on_one_line

if TYPE_CHECKING:
    from runproxy.cassette.usage import CassetteUsage


@click.command()
@click.argument("name")
@click.option("--unused", "report", metavar="REPORT", required=True, help="Usage report of a proxy, a JSON file.")
@click.option("--write", is_flag=True, help="Take them out; without this, they are only listed.")
@folder_option
def prune(*, name: str, report: str, write: bool, folder: str | None) -> None:
    """Take the interactions out of a cassette that a usage report says have answered no call.

    Without --write nothing is changed. A report that was made for another number of interactions is refused.

    Exit code 0: listed or taken out; 2: the report or the cassette cannot be used.

    \b
    Example:
      runproxy cassette prune quickstart --unused usage.json
      runproxy cassette prune quickstart --unused usage.json --write
    """
    from runproxy.addressing import checked_name
    from runproxy.cassette import decode
    from runproxy.cassette.usage import check_current
    from runproxy.cli.cassette.writing import read_whole

    store = open_store(folder)
    store.load(name)  # tells what there is when this is not
    path = store.path(name)
    text = read_whole(path)
    held = decode(text, str(path))
    usage = _usage_of(checked_name(name), report)
    check_current(usage, len(held), str(path))
    for position in sorted(usage.unused):
        request = held[position].request
        click.echo(on_one_line(f"[{position}] {request.method} {request.target} {held[position].response.status}"))
    count = f"{len(usage.unused)} of {counted(len(held), 'interaction')}"
    if write and usage.unused:
        _take_out(path, text, frozenset(usage.unused))
        say(f"{path}: {count} taken out.")
    else:
        say(f"{path}: {count} unused." + (" Take them out with --write." if usage.unused else ""))


def _usage_of(name: str, report: str) -> "CassetteUsage":
    from runproxy.cassette.usage import read_report
    from runproxy.cli.cassette.writing import read_file
    from runproxy.errors import CassetteError

    found = read_report(read_file(Path(report)), report).cassettes
    if name not in found:
        there = ", ".join(sorted(found)[:10])
        raise CassetteError(
            f"{report}: says nothing of {name!r}." + (f" It speaks of: {there}." if there else " It is empty.")
        )
    return found[name]


def _take_out(path: Path, listed: bytes, unused: frozenset[int]) -> None:
    from runproxy.cassette import layout
    from runproxy.cli.cassette.writing import rewrite
    from runproxy.errors import CassetteNotWritable

    def change(text: bytes) -> bytes:
        if text != listed:
            raise CassetteNotWritable(f"{path} was changed by somebody else meanwhile, and was left alone. Try again.")
        elements = layout.split(layout.reformat(text, str(path)))
        return layout.compose([held for position, held in enumerate(elements) if position not in unused])

    rewrite(path, change)
