"""The cassettes in use: one backend for each, made when it is first asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from runproxy.messages import Backend


class Deck:
    """Finds the backend for a cassette name.

    `load` makes one; a backend that it says is passing (of a cassette that is not there yet) is not kept.
    """

    Load: TypeAlias = Callable[[str], Awaitable[tuple[Backend, bool]]]

    def __init__(self, default: str, load: Load) -> None:
        self._default = default
        self._load = load
        self._ready: dict[str, Backend] = {}
        self._loading = asyncio.Lock()

    @property
    def names(self) -> list[str]:
        """Name the cassettes in use."""
        return sorted(self._ready)

    @property
    def has_default(self) -> bool:
        """Tell whether the default cassette is in use."""
        return self._default in self._ready

    def put(self, name: str, backend: Backend) -> None:
        """Use a backend that is ready for a cassette."""
        self._ready[name] = backend

    def ready(self, name: str | None) -> Backend | None:
        """Give the backend for a cassette that is in use already, the default one for None."""
        return self._ready.get(name or self._default)

    async def backend(self, name: str | None) -> Backend:
        """Give the backend for a cassette, the default one for None; raises what loading it raises."""
        name = name or self._default
        async with self._loading:
            if name in self._ready:
                return self._ready[name]
            backend, is_lasting = await self._load(name)
            if is_lasting:
                self._ready[name] = backend
            return backend
