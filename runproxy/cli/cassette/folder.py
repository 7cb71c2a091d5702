"""Which cassettes a command is about: by their names in the folder, or by the path of a file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from runproxy.cli.completing import folders

if TYPE_CHECKING:  # loaded by the commands themselves
    from runproxy.cassettes import Cassette
    from runproxy.stores.file import FileStore

DEFAULT_DIR: Final = "cassettes"
SUFFIX: Final = ".json"

# Only this is taken from the environment: what to do with files is said on the command line.
folder_option = click.option(
    "--dir",
    "folder",
    envvar="RUNPROXY_DIR",
    metavar="DIR",
    shell_complete=folders,
    help="Folder that holds the cassettes.  [default: cassettes]",
)


def open_store(folder: str | None) -> "FileStore":
    """Give the cassettes of a folder."""
    from runproxy.redaction import WriteGate
    from runproxy.stores.file import FileStore

    _log_to_stderr()
    return FileStore(Path(folder or DEFAULT_DIR), WriteGate())


def find_file(given: str, folder: str | None) -> Path:
    """Find a cassette by the path of a file that ends in .json, by its name, or by the path of any other file.

    Raises `CassetteNotFound`, which names those that are nearest.
    """
    from runproxy.errors import CassetteNotFound, Refusal

    path, store = Path(given), open_store(folder)
    if path.suffix == SUFFIX and _is_there(path):
        return path
    try:
        named = store.path(given)
    except Refusal as error:
        if _is_there(path):
            return path
        raise CassetteNotFound(f"There is no file {given}. {error.message}") from error
    if not _is_there(named):
        if _is_there(path):
            return path
        store.load(given)  # raises, and names what there is
    return named


def find_named(store: "FileStore", name: str) -> Path:
    """Find a cassette by its name alone; raises `CassetteNotFound`, which names those that are nearest."""
    path = store.path(name)
    if not _is_there(path):
        store.load(name)  # raises, and names what there is
    return path


def read_cassette(path: Path) -> "Cassette":
    """Read a cassette by its path; raises `CassetteError`."""
    from runproxy.cassettes import decode
    from runproxy.stores.cassette_file import CassetteFile

    _log_to_stderr()
    return decode(CassetteFile(path).read(), str(path))


def _is_there(path: Path) -> bool:
    try:
        return path.exists() and not path.is_dir()
    except OSError:  # a folder on the way cannot be looked into
        return False


def _log_to_stderr() -> None:
    """Keep stdout for results, also where a torn cassette is told of."""
    import structlog

    if not structlog.is_configured():
        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
