"""`runproxy cassette split`: one cassette as several."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runproxy.cli.cassette.folder import folder_option, open_store
from runproxy.cli.group import say
from runproxy.cli.output import counted

if TYPE_CHECKING:
    from runproxy.cassette.model import Interaction


@click.command()
@click.argument("name")
@click.option(
    "--by", type=click.Choice(["path", "method", "thread"]), required=True, help="What the new cassettes differ in."
)
@click.option("--into", metavar="NAME", help="Sub-folder for the new cassettes.  [default: NAME]")
@click.option("--remove", is_flag=True, help="Remove the original once the others are written.")
@folder_option
def split(*, name: str, by: str, into: str | None, remove: bool, folder: str | None) -> None:
    """Split a cassette into several, in a sub-folder of the cassette folder.

    The original is left alone unless --remove is given. Nothing is written over: a name that is taken ends it all.

    Exit code 0: done; 2: a file cannot be read or written, or is there already.

    \b
    Example:
      runproxy cassette split quickstart --by thread
    """
    from runproxy.addressing import checked_name
    from runproxy.cassette import decode
    from runproxy.cassette.splitting import split_by
    from runproxy.cli.cassette.writing import read_whole
    from runproxy.errors import CassetteError

    store = open_store(folder)
    store.load(name)  # tells what there is when this is not
    original = store.path(name)
    text = read_whole(original)
    parts = split_by(by, decode(text, str(original)))
    if not parts:
        raise CassetteError(f"{original} holds no interactions; nothing was written.")
    below = into or checked_name(name)
    _write({store.path(f"{below}/{part}"): held for part, held in parts.items()})
    if remove:
        _remove(original, text)


def _write(parts: "dict[Path, list[Interaction]]") -> None:
    """Write all parts or none."""
    from runproxy.cassette import encode_interaction, layout
    from runproxy.cli.cassette.writing import create

    written: list[Path] = []
    try:
        for path, held in parts.items():
            create(path, layout.compose([layout.element(encode_interaction(one)) for one in held]))
            written.append(path)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    for path, held in parts.items():
        click.echo(f"{path}: {counted(len(held), 'interaction')}")


def _remove(original: Path, text: bytes) -> None:
    from runproxy.cli.cassette.writing import read_file
    from runproxy.errors import CassetteNotWritable

    if read_file(original) != text:
        raise CassetteNotWritable(f"{original} was changed by somebody else meanwhile, and was not removed.")
    original.unlink()
    say(f"{original} removed.")
