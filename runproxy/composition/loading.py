"""What the modes answer with, cassette by cassette, to calls that name no session."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from runproxy.backends import Loaded, Player
from runproxy.cassettes import Cassette
from runproxy.composition.renewal import Read, Renewal, go_on_with, version_in
from runproxy.composition.workshop import Workshop
from runproxy.errors import CassetteNotFound


@dataclass(frozen=True, slots=True)
class Loading:
    """Makes what a deck holds for a cassette; there is a method for each mode."""

    workshop: Workshop

    async def replay(self, name: str) -> Loaded:
        """Replay a cassette; of one that is not there, tell so."""
        seen = Read(version_in(self.workshop.store, name))
        try:
            cassette = await self.workshop.load(name)
        except CassetteNotFound:
            cassette = None
        player = self.workshop.replay_of(name, cassette)
        backend = self.workshop.faulty(self.workshop.played_back(player))
        if cassette is None:
            return Loaded(backend, lambda: False, self._as_long_as_missing(name))
        self.workshop.played.watch(name, player)
        return Loaded(backend, renew=self._renewal(name, seen, player))

    async def verify(self, name: str) -> Loaded:
        """Compare a cassette with the upstream."""
        seen = Read(version_in(self.workshop.store, name))
        verify, replay, _ = await self.workshop.verify(name)
        if seen.version is None:
            return Loaded(self.workshop.faulty(verify), lambda: False, self._as_long_as_missing(name))
        return Loaded(self.workshop.faulty(verify), renew=self._renewal(name, seen, replay))

    async def passthrough(self, _: str) -> Loaded:
        """Ask the upstream; cassettes do not matter."""
        return Loaded(self.workshop.faulty(self.workshop.forwarding()), lambda: False)

    async def record(self, name: str) -> Loaded:
        """Ask the upstream, and record."""
        record, take = await self.workshop.record(name)
        return Loaded(self.workshop.faulty(record, take), take.has_begun, finish=take.finish)

    async def auto(self, name: str) -> Loaded:
        """Replay what is known, and record the rest; what others change in the cassette is seen, too.

        Among workers, each lets the others add to the cassette, and nothing else is looked for.
        """
        workshop = self.workshop
        seen = version_in(workshop.store, name)
        auto = await workshop.auto(name)
        auto.tape.version = seen
        workshop.played.watch(name, auto.player)
        backend = workshop.faulty(workshop.played_back(auto.backend))
        if not auto.is_alone:
            return Loaded(backend, auto.recorder.has_any)

        async def load() -> Cassette | None:
            return await auto.recorder.undisturbed(workshop.load_own(name))

        def use(cassette: Cassette) -> bool:
            auto.recorder.use(cassette)
            return self._use(name, auto.player, cassette)

        return Loaded(backend, auto.recorder.has_any, Renewal(name, workshop.store, auto.tape, load, use))

    def _as_long_as_missing(self, name: str) -> Callable[[], Awaitable[bool]]:
        async def is_missing() -> bool:
            return version_in(self.workshop.store, name) is None

        return is_missing

    def _renewal(self, name: str, seen: Read, player: Player) -> Renewal:
        async def load() -> Cassette:
            return await self.workshop.load_to_go_on(name)

        def use(cassette: Cassette) -> bool:
            return self._use(name, player, cassette)

        return Renewal(name, self.workshop.store, seen, load, use)

    def _use(self, name: str, player: Player, cassette: Cassette) -> bool:
        if go_on_with(player, cassette):
            return True
        self.workshop.played.add(name, player)  # another one takes its place
        return False
