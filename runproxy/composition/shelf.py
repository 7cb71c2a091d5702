"""Loaded cassettes, shared by all that replay them: a hundred sessions on one cassette read it once."""

from collections import OrderedDict
from typing import Final, TypeAlias

from runproxy.cassettes import Cassette
from runproxy.matching import MatchSettings
from runproxy.stores import CassetteStore

_MOST: Final = 8
_Which: TypeAlias = tuple[str, MatchSettings]


class Shelf:
    """Keeps the cassettes that were asked for last, for as long as they do not change in the store.

    What is given is shared, so nobody may add to it.
    """

    def __init__(self, store: CassetteStore) -> None:
        self._store = store
        self._held: OrderedDict[_Which, tuple[object, Cassette]] = OrderedDict()

    def load(self, name: str, match: MatchSettings) -> Cassette:
        """Give a cassette, compared as `match` says, too; blocking. Raises what the store raises."""
        version, which = self._store.version(name), (name, match)
        held = self._held.pop(which, None)
        if held is None or held[0] != version:
            held = version, self._store.load(name, match)
        self._held[which] = held
        while len(self._held) > _MOST:
            self._held.popitem(last=False)
        return held[1]
