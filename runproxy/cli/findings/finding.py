"""One thing that a command has found in a file."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from runproxy.positions import Position

Level: TypeAlias = Literal["error", "warning"]
"""How grave it is, as SARIF and GitHub both write it: an error ends the command with code 1, a warning does not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule, by its code in `RULES`, and where: the file as it was named, the place in it, and its position.

    `file` is `-` for what was read from stdin.
    """

    rule: str
    level: Level
    file: str
    message: str
    place: str = ""
    position: Position | None = None


def path_of(file: str) -> Path:
    """Give a file below the current folder as it is seen from there, any other as a whole path."""
    path = Path(os.path.abspath(file))  # noqa: PTH100 - resolve() would follow links
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
