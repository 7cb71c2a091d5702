"""What is known of a file without reading it again."""

import os
from collections.abc import Iterable
from hashlib import blake2b
from typing import TypeAlias

Version: TypeAlias = tuple[int, int, int, int]
"""What differs once a file has changed: which file it is, its size, and when it was changed last."""


def version_of(found: os.stat_result) -> Version:
    """Give the version of a file."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class Known:
    """Which interactions a file holds, for as long as nobody else changes it.

    Recording anew asks for every answer that has not changed whether it still stands there. Kept are digests alone.
    """

    def __init__(self) -> None:
        self.version: object = None
        self._digests: set[bytes] = set()

    def holds(self, version: Version, element: bytes) -> bool:
        """Tell whether a file of this version is known to hold an interaction; False where that is not known."""
        return version == self.version and _digest(element) in self._digests

    def learn(self, version: object, elements: Iterable[bytes]) -> None:
        """Take down what a file of this version holds."""
        self.version, self._digests = version, set(map(_digest, elements))

    def follow(self, before: Version, after: Version, added: Iterable[bytes]) -> None:
        """Take down what was added to a file, if what it held before is known."""
        if self.version == before:
            self.version = after
            self._digests.update(map(_digest, added))


def _digest(element: bytes) -> bytes:
    return blake2b(element, digest_size=16).digest()
