"""`runproxy cassette format` and `schema`: how a cassette is written by hand."""

import sys
from pathlib import Path

import click

from runproxy.cli.cassette.folder import DEFAULT_DIR, find_file, folder_option, open_store
from runproxy.cli.cassette.progress import watched
from runproxy.cli.completing import cassettes
from runproxy.cli.group import quiet_option, say, warn
from runproxy.cli.output import counted


@click.command("format")
@click.argument("names", nargs=-1, shell_complete=cassettes)
@click.option("--check", is_flag=True, help="Change nothing; name the files that are not laid out.")
@folder_option
@quiet_option
def format_(names: tuple[str, ...], check: bool, folder: str | None) -> None:
    """Lay out cassettes that were edited by hand as runproxy does.

    NAMES are names of cassettes or paths of files; without any, all of the folder are laid out. What a cassette says
    stays the same.

    Exit code 0: done; 1: with --check, some are not laid out; 2: one cannot be read or written, and the others are
    done; or the folder is not there.

    \b
    Example:
      runproxy cassette format
      runproxy cassette format --check --dir tests/cassettes
      runproxy cassette format --check cassettes/quickstart.json
    """
    from runproxy.errors import RunproxyError

    if not names and not Path(folder or DEFAULT_DIR).is_dir():
        raise click.UsageError(f"There is no folder {folder or DEFAULT_DIR}; --dir DIR names another.")
    given = names or tuple(open_store(folder).names())
    if not given:
        say(f"No cassettes in {folder or DEFAULT_DIR}.")
    changed, failed = [], []
    for name in watched(given, "Laying out"):
        try:
            path = find_file(name, folder)
            if _is_to_change(path) if check else _lay_out(path):
                changed.append(path)
        except RunproxyError as error:
            failed.append(error.message)
    for path in changed:
        click.echo(f"{path}: {'not laid out' if check else 'laid out'}")
    for message in failed:
        warn(f"Error: {message}")
    if changed and check:
        say(f"{counted(len(changed), 'file')} to lay out with 'runproxy cassette format'.")
    if failed or (check and changed):
        sys.exit(2 if failed else 1)


@click.command()
def schema() -> None:
    """Print the JSON Schema of cassettes, for editors that complete and check JSON.

    \b
    Example:
      runproxy cassette schema > cassette.schema.json
    """
    import json

    from runproxy.cassettes.schema import make_schema

    click.echo(json.dumps(make_schema(), indent=2))


def _is_to_change(path: Path) -> bool:
    from runproxy.cassettes import layout
    from runproxy.stores.whole_files import read_whole

    text = read_whole(path)
    return layout.reformat(text, str(path)) != text


def _lay_out(path: Path) -> bool:
    from runproxy.cassettes import layout
    from runproxy.stores.whole_files import rewrite

    return rewrite(path, lambda text: layout.reformat(text, str(path)))
