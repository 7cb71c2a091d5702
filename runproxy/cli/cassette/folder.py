"""Which cassettes a command is about."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # loaded by the commands themselves
    from runproxy.stores.file import FileStore

DEFAULT_DIR: Final = "cassettes"


def open_store(folder: str | None) -> "FileStore":
    """Give the cassettes of a folder."""
    from runproxy.redaction import WriteGate
    from runproxy.stores.file import FileStore

    return FileStore(Path(folder or DEFAULT_DIR), WriteGate())
