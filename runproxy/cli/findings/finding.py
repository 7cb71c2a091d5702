"""One thing that a command has found in a file."""

from dataclasses import dataclass
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
