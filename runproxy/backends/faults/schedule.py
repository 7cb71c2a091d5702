"""How often a fault strikes, among the calls that it is for."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

_DIGITS: Final = 53  # of a double


@dataclass(frozen=True, slots=True)
class Schedule:
    """The first `after` calls pass; then every `every`-th is struck, or a `share` by chance, but at most `times`."""

    share: float = 1.0
    every: int = 1
    after: int = 0
    times: int | None = None

    def strikes(self, seen: int, struck: int, chance: float) -> bool:
        """Tell whether a call is struck that comes after `seen` others, of which so many were; 0 <= `chance` < 1."""
        nth = seen + 1 - self.after
        has_left = self.times is None or struck < self.times
        return nth > 0 and nth % self.every == 0 and has_left and chance < self.share


def chance_of(seed: int, name: str, nth: int, purpose: str) -> float:
    """Give a number from 0 up to but not including 1, always the same for the same call of a fault.

    It is made of a hash, and not drawn one after the other, so that faults do not depend on each other.
    """
    digest = blake2b(f"{seed}\0{name}\0{nth}\0{purpose}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> (64 - _DIGITS)) / (1 << _DIGITS)
