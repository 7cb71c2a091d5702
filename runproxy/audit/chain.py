"""The chain of hashes: each entry is hashed together with the hash of the one before it.

Whoever changes, adds or removes an entry in between breaks it. Somebody who can write the whole store can make a new
chain from any place on to the end; against that helps a head that was noted elsewhere (`Link.parse`).
"""

import hashlib
from dataclasses import dataclass
from typing import Final

HASH_BYTES: Final = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the chain: the number of an entry, counted from 1, and its hash. Number 0 is where a store begins."""

    seq: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> "Link":
        """Read what `str` gives; raises `ValueError`."""
        seq, _, digest = text.partition(":")
        if not seq.isascii() or not seq.isdecimal() or len(bytes.fromhex(digest)) != HASH_BYTES:
            raise ValueError(f"{text!r} is no head such as '12:9f86d0…', as 'runproxy audit verify' prints it")
        return cls(int(seq), bytes.fromhex(digest))

    def next(self, record: bytes) -> "Link":
        """Give the place of the entry that follows."""
        return Link(self.seq + 1, hashlib.sha256(self.hash + record).digest())
