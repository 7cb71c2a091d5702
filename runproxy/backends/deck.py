"""The cassettes in use: one backend for each, made when it is first asked for, and looked after while it is used."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from runproxy.messages import Backend

_LOOK_EVERY_S: Final = 1.0
_PAUSE_FOR_LOOK: Final = 20
"""Reading a changed cassette anew takes at most one part in so many of the time, however large it is."""
_PASSING: Final = 500
"""So many cassettes are kept of which nothing would be lost: clients may make up any number of names."""


def _always() -> bool:
    return True


async def _nothing() -> None:
    return


@dataclass(frozen=True, slots=True)
class Loaded:
    """What answers the calls that name a cassette.

    `is_lasting` tells whether something would be lost with it, as the place that was reached in a cassette. `renew`
    looks whether the cassette has changed, and lets the backend go on with it; False where it has to be made anew.
    `finish` is called in the end.
    """

    backend: Backend
    is_lasting: Callable[[], bool] = _always
    renew: Callable[[], Awaitable[bool]] | None = None
    finish: Callable[[], Awaitable[None]] = _nothing


@dataclass(slots=True)
class _Held:
    loaded: Loaded
    look_at: float
    """When to look whether the cassette has changed."""
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Deck:
    """Finds the backend for a cassette name; `load` makes one, and `now` tells seconds."""

    Load: TypeAlias = Callable[[str], Awaitable[Loaded]]

    def __init__(self, default: str, load: Load, now: Callable[[], float] = time.monotonic) -> None:
        self._default = default
        self._load = load
        self._now = now
        self._held: dict[str, _Held] = {}
        self._loading = asyncio.Lock()
        self._most = 2 * _PASSING

    @property
    def names(self) -> list[str]:
        """Name the cassettes in use."""
        return sorted(name for name, held in self._held.items() if held.loaded.is_lasting())

    @property
    def has_default(self) -> bool:
        """Tell whether the default cassette is in use."""
        held = self._held.get(self._default)
        return held is not None and held.loaded.is_lasting()

    def put(self, name: str, loaded: Loaded) -> None:
        """Use a backend that is ready for a cassette."""
        self._held[name] = _Held(loaded, self._next_look(loaded, 0.0))

    def ready(self, name: str | None) -> Backend | None:
        """Give the backend for a cassette that is in use already, the default one for None.

        None also where it is time to look whether the cassette has changed, which `backend` does.
        """
        held = self._held.get(name or self._default)
        return held.loaded.backend if held is not None and self._now() < held.look_at else None

    async def backend(self, name: str | None) -> Backend:
        """Give the backend for a cassette, the default one for None; raises what loading it raises."""
        name = name or self._default
        held = self._held.get(name)
        if held is not None and not await self._is_current(held) and self._held.get(name) is held:
            del self._held[name]
        return (await self._in_use(name)).loaded.backend

    async def finish(self) -> None:
        """Finish all that is in use; raises what finishing it raises, once the others are finished."""
        done = await asyncio.gather(*(held.loaded.finish() for held in self._held.values()), return_exceptions=True)
        for error in done:
            if error is not None:
                raise error

    async def _is_current(self, held: _Held) -> bool:
        """Look whether the cassette has changed, while its other callers wait; False where it must be loaded anew."""
        async with held.looking:
            started, is_current = self._now(), True
            if held.loaded.renew and started >= held.look_at:
                try:
                    is_current = await held.loaded.renew()
                finally:
                    held.look_at = self._next_look(held.loaded, self._now() - started)
            return is_current

    def _next_look(self, loaded: Loaded, took_s: float) -> float:
        if loaded.renew is None:
            return float("inf")
        return self._now() + max(_LOOK_EVERY_S, _PAUSE_FOR_LOOK * took_s) if loaded.is_lasting() else 0.0

    async def _in_use(self, name: str) -> _Held:
        async with self._loading:
            held = self._held.get(name)
            if held is None:
                loaded = await self._load(name)
                held = self._held[name] = _Held(loaded, self._next_look(loaded, 0.0))
                self._forget_passing()
            return held

    def _forget_passing(self) -> None:
        """Forget the oldest of those that would not be missed, once there are many."""
        if len(self._held) <= self._most:
            return
        passing = [name for name, held in self._held.items() if name != self._default and not held.loaded.is_lasting()]
        for name in passing[:-_PASSING]:
            del self._held[name]
        self._most = len(self._held) + _PASSING
