"""What the exit codes of all commands mean; those of errors stand in the tree in `runproxy.errors`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

EXITS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "Done; of a server: it was told to stop, and has stopped in good order.",
        1: "What was looked for is there: a violation, a finding, drift, a difference. Or something failed at work.",
        2: "It cannot be done as asked: an unknown option, a setting, a file that cannot be read or written.",
    }
)
"""Codes below 128. What a signal has ended has 128 and its number, as always in a shell: 130 for Ctrl-C."""
