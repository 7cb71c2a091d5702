"""What several processes may do with one cassette at the same time, and what only one process can do.

Appending is safe: every append takes the lock of the file. But how far a sequence of recordings has been played, and
which earlier recordings a session has replaced already, is known in the process that does it, and nowhere else.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from runproxy.backends import CatchUp, OnExhausted
from runproxy.cassettes import Cassette
from runproxy.cassettes.slots import is_same_answer
from runproxy.errors import NeedsOneProcess
from runproxy.matching import MatchSettings
from runproxy.stores import CassetteStore

_SHOWN: Final = 5


class Sharing(Protocol):
    """Says what may be done with a cassette."""

    def check_playing(self, name: str, cassette: Cassette, on_exhausted: OnExhausted) -> None:
        """Raise `NeedsOneProcess` for a cassette that cannot be played here."""
        ...  # pragma: no cover

    def earlier(self, name: str, cassette: Cassette) -> Cassette:
        """Give the recordings of a cassette that recording replaces; raises `NeedsOneProcess` where it cannot."""
        ...  # pragma: no cover

    def catching_up(self, store: CassetteStore, name: str, cassette: Cassette, match: MatchSettings) -> CatchUp | None:
        """Make what lets a cassette know what others have recorded; None where there are no others."""
        ...  # pragma: no cover


class Alone:
    """One process plays and records."""

    def check_playing(self, name: str, cassette: Cassette, on_exhausted: OnExhausted) -> None:
        """Let everything be played."""

    def earlier(self, name: str, cassette: Cassette) -> Cassette:
        """Give all recordings there are."""
        return cassette

    def catching_up(self, store: CassetteStore, name: str, cassette: Cassette, match: MatchSettings) -> None:
        """Make nothing."""


ALONE: Final = Alone()


@dataclass(frozen=True, slots=True)
class AmongWorkers:
    """One of several workers, all of which see the same `folder`."""

    workers: int
    folder: Path

    def check_playing(self, name: str, cassette: Cassette, on_exhausted: OnExhausted) -> None:
        """Raise `NeedsOneProcess` where an answer depends on what was played before."""
        if cassette.matcher.settings.rebind_ids:
            raise self._refused(f"cassette {name!r} rebinds ids, and which stand for which")
        if on_exhausted == "error":
            raise self._refused("on_exhausted is 'error', and what has been played already")
        for key in cassette.distinct_keys():
            positions = cassette.positions(key)
            if len(positions) > 1 and _differ(cassette, positions):
                request = cassette[positions[0]].request
                where = ", ".join(map(str, positions[:_SHOWN])) + "…" * (len(positions) > _SHOWN)
                raise self._refused(
                    f"cassette {name!r} holds {len(positions)} recordings of one call, {request.method} {request.path} "
                    f"(interactions {where}), to be played one after the other, and how far they are"
                )

    def earlier(self, name: str, cassette: Cassette) -> Cassette:
        """Give none: what is on file has been recorded by these workers, or recording is refused."""
        mark = self.folder / f"new-{hashlib.sha256(name.encode()).hexdigest()}"
        if len(cassette) and not mark.exists():  # a worker that records into it makes the mark before
            raise self._refused(
                f"cassette {name!r} holds {len(cassette)} recordings from before, and which of them have been replaced",
                ", or record into a new cassette",
            )
        mark.touch()
        return Cassette((), cassette.matcher)

    def catching_up(self, store: CassetteStore, name: str, cassette: Cassette, match: MatchSettings) -> CatchUp:
        """Make what reads the cassette again when it has changed."""
        return CatchUp(store, name, cassette, match)

    def _refused(self, what: str, other: str = "") -> NeedsOneProcess:
        return NeedsOneProcess(
            f"With {self.workers} workers this cannot be done: {what}, is known in one process only. "
            f"Use --workers 1{other}."
        )


def _differ(cassette: Cassette, positions: list[int]) -> bool:
    first = cassette[positions[0]].response
    return not all(is_same_answer(first, cassette[position].response) for position in positions[1:])
