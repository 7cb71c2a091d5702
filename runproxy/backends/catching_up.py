"""Catching up: taking in what other processes have recorded into the same cassette meanwhile."""

import asyncio

from runproxy.cassettes import Cassette
from runproxy.errors import CassetteNotFound
from runproxy.matching import MatchSettings
from runproxy.stores import CassetteStore


class CatchUp:
    """Adds recordings of calls that `cassette` does not know to it, when the cassette of that name has changed.

    A call that is known stays as it is: its recordings are in another order in every process.
    """

    def __init__(self, store: CassetteStore, name: str, cassette: Cassette, match: MatchSettings) -> None:
        self._store = store
        self._name = name
        self._cassette = cassette
        self._match = match
        self._seen: object = None

    async def __call__(self) -> None:
        """Look whether there is something new; raises what the store raises."""
        version = self._store.version(self._name)
        if version == self._seen:
            return
        try:
            fresh = await asyncio.to_thread(self._store.load, self._name, self._match)
        except CassetteNotFound:
            return
        self._seen = version
        for interaction in fresh:
            if not self._cassette.positions(self._cassette.key_of(interaction)):
                self._cassette.add(interaction)
