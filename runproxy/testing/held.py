"""Takes: what a test records is held back until it is known whether the test has passed."""

import asyncio
from collections.abc import Awaitable, Callable

from runproxy.cassettes import Cassette, Interaction
from runproxy.matching import MatchSettings
from runproxy.stores import Tape
from runproxy.stores.file import FileStore

_NO_MATCH = MatchSettings()


class HeldTape:
    """A tape that notes what is to be done to a cassette; `admit` raises `CassetteError` for what may not be stored."""

    def __init__(self, tape: Tape, admit: Callable[[Interaction], object]) -> None:
        self.version: object = None
        self._tape = tape
        self._admit = admit
        self._held: list[Callable[[], Awaitable[None]]] = []

    async def append(self, interaction: Interaction) -> None:
        """Note that an interaction is new; raises `CassetteError`."""
        self._admit(interaction)
        self._held.append(lambda: self._tape.append(interaction))

    async def replace(self, earlier: Interaction, interaction: Interaction) -> None:
        """Note that an interaction takes the place of an earlier one; raises `CassetteError`."""
        self._admit(interaction)
        self._held.append(lambda: self._tape.replace(earlier, interaction))

    async def remove(self, earlier: Interaction) -> None:
        """Note that an earlier recording is to go."""
        self._held.append(lambda: self._tape.remove(earlier))

    async def commit(self) -> None:
        """Do all that was noted, in order and in one write; raises `CassetteError`."""
        held, self._held = self._held, []
        await asyncio.gather(*(do() for do in held))


class HeldStore:
    """A folder of cassettes that changes only on `commit`; reading sees it as it is on file."""

    def __init__(self, store: FileStore) -> None:
        self._store = store
        self._tapes: list[HeldTape] = []

    @property
    def waiting(self) -> int:
        """How many recordings are being written."""
        return self._store.waiting

    def names(self) -> list[str]:
        """Name all cassettes, sorted."""
        return self._store.names()

    def load(self, name: str, match: MatchSettings = _NO_MATCH) -> Cassette:
        """Read a whole cassette; blocking. Raises what the folder raises."""
        return self._store.load(name, match)

    def version(self, name: str) -> object:
        """Give what differs once a cassette has changed."""
        return self._store.version(name)

    def check_writable(self) -> None:
        """Do nothing: whether there is anything to write is known in the end."""

    def tape(self, name: str) -> HeldTape:
        """Open a cassette for writing."""
        tape = HeldTape(self._store.tape(name), self._store.admit)
        self._tapes.append(tape)
        return tape

    async def commit(self) -> None:
        """Write what was recorded; raises `CassetteError`."""
        for tape in self._tapes:
            await tape.commit()
