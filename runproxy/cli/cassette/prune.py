"""`runproxy cassette prune`: taking out what answers no call."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runproxy.cli.cassette.folder import find_named, folder_option, open_store
from runproxy.cli.cassette.progress import working
from runproxy.cli.completing import cassettes
from runproxy.cli.group import quiet_option, say
from runproxy.cli.output import counted, on_one_line

if TYPE_CHECKING:
    from runproxy.cassettes.usage import CassetteUsage


@click.command()
@click.argument("name", shell_complete=cassettes)
@click.option(
    "--unused", "reports", metavar="REPORT", required=True, multiple=True, help="Usage report of a proxy, a JSON file."
)
@click.option("--write", is_flag=True, help="Take them out; without this, they are only listed.")
@folder_option
@quiet_option
def prune(*, name: str, reports: tuple[str, ...], write: bool, folder: str | None) -> None:
    """Take the interactions out of a cassette that usage reports say have answered no call.

    What one of several reports has seen in use stays. Without --write nothing is changed. A report that was made when
    the cassette held other calls is refused.

    Exit code 0: listed or taken out; 2: the report or the cassette cannot be used.

    \b
    Example:
      runproxy cassette prune quickstart --unused usage.json
      runproxy cassette prune quickstart --unused usage.json --write
    """
    from runproxy.addressing import checked_name
    from runproxy.cassettes import decode
    from runproxy.cassettes.usage import check_current
    from runproxy.stores.whole_files import read_whole

    store = open_store(folder)
    path = find_named(store, name)
    with working("Reading", path):
        text = read_whole(path)
        held = decode(text, str(path))
        usages = _usages_of(checked_name(name), reports)
        for usage in usages:
            check_current(usage, held, str(path))
    unused = frozenset[int].intersection(*(frozenset(usage.unused) for usage in usages))
    for position in sorted(unused):
        request = held[position].request
        click.echo(on_one_line(f"[{position}] {request.method} {request.target} {held[position].response.status}"))
    count = f"{len(unused)} of {counted(len(held), 'interaction')}"
    if write and unused:
        _take_out(path, text, unused)
        say(f"{path}: {count} taken out.")
    else:
        say(f"{path}: {count} unused." + (" Take them out with --write." if unused else ""))


def _usages_of(name: str, reports: tuple[str, ...]) -> "list[CassetteUsage]":
    from runproxy.cassettes.usage import combined, read_report
    from runproxy.errors import CassetteError
    from runproxy.stores.whole_files import read_file

    found = combined(read_report(read_file(Path(report)), report) for report in reports)
    if name not in found:
        there = ", ".join(sorted(found)[:10])
        speaks = f" It speaks of: {there}." if there else " It is empty."
        raise CassetteError(f"{', '.join(reports)}: says nothing of {name!r}.{speaks}")
    return found[name]


def _take_out(path: Path, listed: bytes, unused: frozenset[int]) -> None:
    from runproxy.cassettes import layout
    from runproxy.errors import CassetteNotWritable
    from runproxy.stores.whole_files import rewrite

    def change(text: bytes) -> bytes:
        if text != listed:
            raise CassetteNotWritable(f"{path} was changed by somebody else meanwhile, and was left alone. Try again.")
        whole = layout.reformat(text, str(path))
        kept = [held for position, held in enumerate(layout.split(whole)) if position not in unused]
        return layout.compose(kept, layout.head_of(whole) or layout.HEAD)

    rewrite(path, change)
