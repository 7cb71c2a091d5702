"""`runproxy cassette split`: one cassette as several."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runproxy.cli.cassette.folder import find_named, folder_option, open_store
from runproxy.cli.cassette.progress import working
from runproxy.cli.completing import cassettes
from runproxy.cli.group import quiet_option, say
from runproxy.cli.output import counted

if TYPE_CHECKING:
    from runproxy.cassettes.model import Interaction
    from runproxy.matching import MatchSettings


@click.command()
@click.argument("name", shell_complete=cassettes)
@click.option(
    "--by", type=click.Choice(["path", "method", "thread"]), required=True, help="What the new cassettes differ in."
)
@click.option("--into", metavar="NAME", help="Sub-folder for the new cassettes.  [default: NAME]")
@click.option("--remove", is_flag=True, help="Remove the original once the others are written.")
@folder_option
@quiet_option
def split(*, name: str, by: str, into: str | None, remove: bool, folder: str | None) -> None:
    """Split a cassette into several, in a sub-folder of the cassette folder.

    The original is left alone unless --remove is given. Nothing is written over: a name that is taken ends it all.

    Exit code 0: done; 2: a file cannot be read or written, or is there already.

    \b
    Example:
      runproxy cassette split quickstart --by thread
    """
    from runproxy.addressing import checked_name
    from runproxy.cassettes import decode
    from runproxy.cassettes.splitting import split_by
    from runproxy.errors import CassetteError
    from runproxy.stores import whole_files

    store = open_store(folder)
    original = find_named(store, name)
    with working("Splitting", original):
        text = whole_files.read_whole(original)
        cassette = decode(text, str(original))
        parts = split_by(by, cassette)
    if not parts:
        raise CassetteError(f"{original} holds no interactions; nothing was written.")
    below = into or checked_name(name)
    _write({store.path(f"{below}/{part}"): held for part, held in parts.items()}, cassette.matcher.settings)
    if remove:
        whole_files.remove(original, text)
        say(f"{original} removed.")


def _write(parts: "dict[Path, list[Interaction]]", match: "MatchSettings") -> None:
    """Write all parts or none; each compares its calls as the original did."""
    from runproxy.cassettes import encode_interaction, layout
    from runproxy.stores.whole_files import create

    written: list[Path] = []
    try:
        for path, held in parts.items():
            elements = [layout.element(encode_interaction(one)) for one in held]
            create(path, layout.compose(elements, layout.make_head(match)))
            written.append(path)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    for path, held in parts.items():
        click.echo(f"{path}: {counted(len(held), 'interaction')}")
