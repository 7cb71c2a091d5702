"""Recordings that no test has asked for: how they are listed, what to do about them, and the report for `prune`."""

import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runproxy.pytest_plugin.totals import Usage

USAGE_FILE: Final = "usage.json"
_MOST_LINES: Final = 10


@dataclass(frozen=True, slots=True)
class Unused:
    """What was not used of one cassette: `lines` name the recordings, and `count` says how many it holds."""

    path: Path
    count: int
    lines: list[str]

    @property
    def is_all(self) -> bool:
        """Whether nothing of it was used."""
        return len(self.lines) == self.count

    def listed(self, root: Path) -> Iterator[str]:
        """Give the lines that tell it."""
        shown = self.path.relative_to(root) if self.path.is_relative_to(root) else self.path
        told = f"none of {self.count} was" if self.is_all else f"{len(self.lines)} of {self.count} were not"
        yield f"{shown}: {told} used"
        yield from (f"  {line}" for line in self.lines[:_MOST_LINES])
        if len(self.lines) > _MOST_LINES:
            yield f"  and {len(self.lines) - _MOST_LINES} more"


def advice(unused: Sequence[Unused], root: Path, folder: Path, usage_file: str | None) -> Iterator[str]:
    """Say how to take them out and nothing else, in commands for the folder in which pytest was started."""
    yield "Where they are of no use any more:"
    parts = [one for one in unused if not one.is_all]
    if parts and usage_file is None:
        yield f"  pytest --runproxy-usage-file={USAGE_FILE}"
    for one in parts:
        yield f"  {_pruning(one.path, root, folder, usage_file or USAGE_FILE)}"
    for one in unused:
        if one.is_all:
            yield f"  {shlex.join(['rm', os.path.relpath(one.path, folder)])}"


def _pruning(path: Path, root: Path, folder: Path, usage_file: str) -> str:
    name, shown = name_in(root, path), os.path.relpath(path, folder)
    if name is None:
        return f"take them out of {shown} by hand"
    where = os.path.relpath(root, folder)
    return shlex.join(["runproxy", "cassette", "prune", name, "--dir", where, "--unused", usage_file, "--write"])


def usage_report(cassettes: Mapping[Path, Usage], root: Path) -> str:
    """Print a usage report, as `runproxy.cassettes.usage` reads it, of cassettes that were judged.

    They are named from the root of the project, as two folders may hold cassettes of one name.
    """
    told = {
        name: {"unused": usage.unused, "interactions": usage.count, "digest": usage.digest}
        for path, usage in sorted(cassettes.items())
        if usage.digest and (name := name_in(root, path))
    }
    return json.dumps({"cassettes": told}, indent=2) + "\n"


def name_in(root: Path, path: Path) -> str | None:
    """Name a cassette from the root of the project; None where that is no name of a cassette."""
    from runproxy.addressing import checked_name
    from runproxy.errors import Refusal

    try:
        return checked_name(path.relative_to(root).with_suffix("").as_posix())
    except (ValueError, Refusal):
        return None
