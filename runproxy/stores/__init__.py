"""Where cassettes are kept: the contract every store fulfils."""

from typing import Final, Protocol

from runproxy.cassettes import Cassette, Interaction
from runproxy.matching import MatchSettings

_NO_MATCH: Final = MatchSettings()


class Tape(Protocol):
    """A cassette opened for writing. What a method returned from is recorded; nobody else's recording is lost."""

    version: object
    """The version of the cassette that was read, once that is told here, with all that was recorded here since.

    So the store gives another version if, and only if, somebody else has changed the cassette.
    """

    async def append(self, interaction: Interaction) -> None:
        """Record one interaction at the end; raises `CassetteError`."""
        ...  # pragma: no cover

    async def replace(self, earlier: Interaction, interaction: Interaction) -> None:
        """Record one interaction in the place of an earlier one, or at the end when that is gone."""
        ...  # pragma: no cover

    async def remove(self, earlier: Interaction) -> None:
        """Take an earlier recording out, if it is still there."""
        ...  # pragma: no cover


class CassetteStore(Protocol):
    """A set of cassettes by name."""

    @property
    def waiting(self) -> int:
        """How many recordings wait to be written."""
        ...  # pragma: no cover

    def names(self) -> list[str]:
        """Name all cassettes, sorted."""
        ...  # pragma: no cover

    def load(self, name: str, match: MatchSettings = _NO_MATCH) -> Cassette:
        """Read a whole cassette, compared as `match` says, too; blocking.

        Raises `CassetteNotFound`, `CorruptCassette`, `UnknownFormat`.
        """
        ...  # pragma: no cover

    def version(self, name: str) -> object:
        """Give what differs once a cassette has changed, None where there is none; raises `CassetteError`."""
        ...  # pragma: no cover

    def check_writable(self) -> None:
        """Raise `CassetteNotWritable` when nothing can be recorded here."""
        ...  # pragma: no cover

    def tape(self, name: str) -> Tape:
        """Open a cassette for writing; it comes to be with its first interaction."""
        ...  # pragma: no cover
