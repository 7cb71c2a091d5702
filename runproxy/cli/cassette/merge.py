"""`runproxy cassette merge`: what two branches recorded, or several cassettes, in one."""

import sys
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from runproxy.cli.cassette.folder import find_file, folder_option, open_store
from runproxy.cli.cassette.progress import working
from runproxy.cli.completing import cassettes, files
from runproxy.cli.group import quiet_option, say, warn
from runproxy.cli.output import counted, on_one_line

if TYPE_CHECKING:
    from runproxy.cassettes.merging import Conflict, Merged
    from runproxy.cassettes.model import Cassette, Interaction
    from runproxy.matching import MatchSettings

_BRANCHES: Final = 3


@click.command()
@click.argument(
    "cassettes", nargs=-1, required=True, shell_complete=cassettes, metavar="BASE OURS THEIRS | CASSETTE..."
)
@click.option("--driver", is_flag=True, help="Take paths only, as git gives them to a merge driver: %O %A %B.")
@click.option(
    "--path",
    "label",
    metavar="PATH",
    shell_complete=files,
    help="Call the cassette so in messages; git gives it as %P.",
)
@click.option("--into", metavar="NAME", help="Write all recordings of the given cassettes into this new one.")
@click.option("--later-wins", is_flag=True, help="With --into: of different recordings, take the later cassette's.")
@folder_option
@quiet_option
def merge(
    *,
    cassettes: tuple[str, ...],
    driver: bool,
    label: str | None,
    into: str | None,
    later_wins: bool,
    folder: str | None,
) -> None:
    """Merge what two branches made of a cassette, or put several cassettes into one.

    With BASE OURS THEIRS, what they changed since BASE is written into OURS; calls that only one side recorded or
    changed make no conflict. Where both changed a recording, ours is kept and the call is named. With --into, all
    recordings of the cassettes are written into a new one; one call with different recordings is a conflict.

    Exit code 0: merged; 1: conflicts, named (with --into, nothing is written); 2: a file cannot be read or written.

    \b
    Example:
      runproxy cassette merge first second --into both
      git config merge.runproxy.driver \\
        'runproxy cassette merge --driver --path %P %O %A %B'
    """
    _check_usage(cassettes, driver, into, later_wins)
    if into is not None:
        merged = _put_together(cassettes, into, later_wins, folder)
    else:
        base, ours, theirs = (Path(given) if driver else find_file(given, folder) for given in cassettes)
        merged = _merge_branches(base, ours, theirs)
    _report(merged.conflicts, label or into or cassettes[1], kept=into is None)
    if merged.conflicts:
        sys.exit(1)


def _check_usage(cassettes: tuple[str, ...], driver: bool, into: str | None, later_wins: bool) -> None:
    if into is None and len(cassettes) != _BRANCHES:
        raise click.UsageError("Name BASE OURS THEIRS, or the cassettes to put together and --into NAME.")
    if into is not None and driver:
        raise click.UsageError("--driver writes into OURS; it does not go with --into.")
    if into is None and later_wins:
        raise click.UsageError("--later-wins goes with --into.")


def _put_together(cassettes: tuple[str, ...], into: str, later_wins: bool, folder: str | None) -> "Merged":
    from runproxy.cassettes.merging import merge_all
    from runproxy.matching import MatchSettings
    from runproxy.stores.whole_files import create

    target = open_store(folder).path(into)
    paths = [find_file(given, folder) for given in cassettes]
    with working("Putting together", *paths):
        held = [_read(path) for path in paths]
        found = merge_all([list(one) for one in held], later_wins=later_wins)
    found_match = reduce(MatchSettings.with_more, (one.matcher.settings for one in held))
    if not found.conflicts:
        create(target, _laid_out(found.interactions, found_match))
        say(f"{target}: {counted(len(found.interactions), 'interaction')} of {counted(len(cassettes), 'cassette')}.")
    return found


def _merge_branches(base: Path, ours: Path, theirs: Path) -> "Merged":
    from runproxy.cassettes.merging import merge_branches, merge_match
    from runproxy.stores.whole_files import rewrite

    merged: list[Merged] = []

    def change(text: bytes) -> bytes:
        own = _decoded(text, ours)
        merged.append(merge_branches(list(common), list(own), list(other)))
        match = merge_match(*(one.matcher.settings for one in (common, own, other)))
        return _laid_out(merged[-1].interactions, match)

    with working("Merging", base, ours, theirs):
        common, other = _read(base), _read(theirs)
        rewrite(ours, change)
    return merged[-1]


def _read(path: Path) -> "Cassette":
    from runproxy.stores.whole_files import read_whole

    return _decoded(read_whole(path), path)


def _decoded(text: bytes, path: Path) -> "Cassette":
    """Read a cassette; an empty file is an empty one, which is how git gives a side that has no such file."""
    from runproxy.cassettes import Cassette, decode

    return decode(text, str(path)) if text else Cassette()


def _laid_out(interactions: "tuple[Interaction, ...]", match: "MatchSettings") -> bytes:
    from runproxy.cassettes import encode_interaction, layout

    elements = [layout.element(encode_interaction(held)) for held in interactions]
    return layout.compose(elements, layout.make_head(match))


def _report(conflicts: "tuple[Conflict, ...]", where: str, *, kept: bool) -> None:
    for conflict in conflicts:
        nth = f" (recording {conflict.nth + 1})" if conflict.nth else ""
        warn(on_one_line(f"CONFLICT in {where}: {conflict.method} {conflict.target}{nth}: {conflict.reason}."))
    if conflicts and kept:
        warn("Ours was kept. Record these calls again, or edit the file by hand.")
    elif conflicts:
        warn("Nothing was written. Choose with --later-wins, or record these calls again.")
