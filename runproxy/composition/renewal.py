"""Cassettes that change while they are played: edited by hand, recorded anew, or put in place by version control."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from runproxy.backends import Player
from runproxy.cassettes import Cassette
from runproxy.errors import CassetteError, CassetteNotFound, RunproxyError
from runproxy.stores import CassetteStore

_log = structlog.get_logger("runproxy.replay")


class Seen(Protocol):
    """Which version of a cassette is in use, with all that was added to it here."""

    version: object


@dataclass(slots=True)
class Read:
    """A version that was read."""

    version: object


def version_in(store: CassetteStore, name: str) -> object:
    """Give the version of a cassette; None where there is none, or it cannot be looked at."""
    try:
        return store.version(name)
    except CassetteError:
        return None


class Renewal:
    """Looks whether a cassette has changed, and lets `use` go on with it as it is now.

    `load` reads it, and gives None where that has to wait. What cannot be read, or is gone, leaves in use what was read
    before; the log says so once.
    """

    def __init__(
        self,
        name: str,
        store: CassetteStore,
        seen: Seen,
        load: Callable[[], Awaitable[Cassette | None]],
        use: Callable[[Cassette], bool],
    ) -> None:
        self._name = name
        self._store = store
        self._seen = seen
        self._load = load
        self._use = use

    async def __call__(self) -> bool:
        """Look; False where the new cassette can only be used from its beginning."""
        version = version_in(self._store, self._name)
        if version == self._seen.version:
            return True
        try:
            cassette = await self._load()
        except CassetteNotFound:
            _log.warning("cassette gone, its recordings stay in use", cassette=self._name)
        except RunproxyError as error:
            _log.warning("changed cassette not used, the one before it stays", reason=error.message)
        else:
            if cassette is None:
                return True
            self._seen.version = version
            _log.info("changed cassette in use", cassette=self._name, interactions=len(cassette))
            return self._use(cassette)
        self._seen.version = version
        return True


def go_on_with(player: Player, cassette: Cassette) -> bool:
    """Let a player go on where it is; False where the new cassette compares calls in another way."""
    if player.matcher.settings != cassette.matcher.settings:
        return False
    player.use(cassette)
    return True
