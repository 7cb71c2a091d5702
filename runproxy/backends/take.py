"""How new recordings meet earlier ones of the same call."""

from collections import defaultdict
from collections.abc import Awaitable

from runproxy.cassettes import Cassette, Interaction
from runproxy.cassettes.slots import is_same_answer, without_noise
from runproxy.matching import MatchKey, address_parts
from runproxy.messages import Request
from runproxy.stores import Tape


class Take:
    """One session of recording: per call, its answers take the place of those that earlier sessions recorded.

    The n-th answer replaces the n-th earlier one. An answer that has not changed leaves the file as it is, to the
    byte, and one that has takes over what is different in every answer, so that the next `git diff` shows real drift
    and nothing else.
    """

    def __init__(self, tape: Tape, earlier: Cassette) -> None:
        self._tape = tape
        self._earlier = earlier
        self._answered: defaultdict[MatchKey, int] = defaultdict(int)
        self._failed: set[MatchKey] = set()
        self._failed_addresses: set[MatchKey] = set()

    async def append(self, interaction: Interaction) -> None:
        """Record one interaction; raises `CassetteError`."""
        key = self._earlier.key_for(interaction.request)
        try:
            await self._record(key, interaction)
        except Exception:
            self._failed.add(key)
            raise

    async def _record(self, key: MatchKey, interaction: Interaction) -> None:
        nth = self._answered[key]
        self._answered[key] += 1
        positions = self._earlier.positions(key)
        if nth >= len(positions):
            await self._tape.append(interaction)
            return
        earlier = self._earlier[positions[nth]]
        is_same = is_same_answer(earlier.response, interaction.response)
        # Replacing a recording by itself changes no byte, and puts it back where somebody has taken it away.
        await self._tape.replace(earlier, earlier if is_same else without_noise(earlier, interaction))

    def has_begun(self) -> bool:
        """Tell whether there is something that a take begun anew would not know of."""
        return bool(self._answered or len(self._earlier))

    def give_up(self, request: Request) -> None:
        """Keep what earlier sessions recorded for a call that has failed in this one."""
        key = self._earlier.key_for(request)
        if request.stream is None:
            self._failed.add(key)
        else:  # not all of it has come, so it could be any call to its address
            self._failed_addresses.add(address_parts(key)[0])

    async def finish(self) -> None:
        """Take out what is left of earlier sessions for the calls this one has made; raises `CassetteError`."""
        for key, answered in self._answered.items():
            if key in self._failed or address_parts(key)[0] in self._failed_addresses:
                continue
            for position in self._earlier.positions(key)[answered:]:
                await self._tape.remove(self._earlier[position])
        self._answered.clear()


class Remembered:
    """A tape whose recordings can be replayed at once, from the cassette in memory."""

    def __init__(self, tape: Tape, cassette: Cassette) -> None:
        self._tape = tape
        self._cassette = cassette
        self._begun = 0
        self._ended = 0

    async def append(self, interaction: Interaction) -> None:
        """Record one interaction, then remember it; raises `CassetteError`."""
        self._begun += 1
        try:
            await self._tape.append(interaction)
            self._cassette.add(interaction)
        finally:
            self._ended += 1

    def has_any(self) -> bool:
        """Tell whether there is anything to replay."""
        return len(self._cassette) > 0

    async def undisturbed(self, loading: Awaitable[Cassette]) -> Cassette | None:
        """Read the cassette; None where something was recorded meanwhile, which may be missing in what was read."""
        ended = self._ended
        cassette = await loading
        return cassette if ended == self._begun else None

    def use(self, cassette: Cassette) -> None:
        """Go on with another cassette in memory."""
        self._cassette = cassette

    def give_up(self, request: Request) -> None:
        """Do nothing: nothing earlier is replaced here."""
