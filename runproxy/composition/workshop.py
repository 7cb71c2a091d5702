"""What a mode is made of, for one cassette: the parts that a server has, put together. The only module that knows."""

import asyncio
import os
import shlex
from dataclasses import dataclass, field, replace
from typing import Final

from runproxy.addressing import checked_name
from runproxy.backends import (
    Auto,
    Comparison,
    Drifts,
    Expiry,
    IsSunset,
    Negotiated,
    OnExhausted,
    Opened,
    Paced,
    Plan,
    Player,
    Rebinding,
    Record,
    Recorder,
    Remembered,
    Replay,
    Sunsets,
    Take,
    Timing,
    Verify,
    marked,
    withheld,
)
from runproxy.backends.faults import Chooser
from runproxy.cassettes import Cassette
from runproxy.cassettes.difference import Ignoring
from runproxy.composition.faults import with_faults
from runproxy.composition.played import Played
from runproxy.composition.redactors import why_unmatched
from runproxy.composition.sharing import ALONE, Sharing
from runproxy.composition.shelf import Shelf
from runproxy.config import CassetteSettings, Settings
from runproxy.errors import CassetteNotFound, ConfigError, CorruptCassette
from runproxy.matching import Matcher, MatchSettings
from runproxy.messages import Backend
from runproxy.redaction import Redactor, WriteGate
from runproxy.stores import CassetteStore, Tape

_NO_MATCH: Final = MatchSettings()


@dataclass(frozen=True, slots=True)
class AutoParts:
    """An auto, what replays in it, and what records; `is_alone` unless other processes work beside it."""

    backend: Auto
    player: Player
    recorder: Remembered
    tape: Tape
    is_alone: bool


@dataclass(frozen=True, slots=True)
class Workshop:
    """Makes backends for cassettes; without an upstream, only such as replay."""

    settings: Settings
    store: CassetteStore
    shelf: Shelf
    gate: WriteGate
    redactor: Redactor
    matcher: Matcher
    drifts: Drifts
    played: Played
    upstream: Backend | None = None
    is_sunset: IsSunset = field(default_factory=Sunsets)
    faults: Chooser | None = None
    """Those that strike calls without a session."""
    sharing: Sharing = ALONE
    record_command: str = ""
    """What a person types to record what was missed; that of the command line unless said otherwise."""

    async def load(self, name: str, match: MatchSettings = _NO_MATCH) -> Cassette:
        """Give a cassette to replay, compared as `match` says, too; raises what the store raises."""
        return self._checked(name, await asyncio.to_thread(self.shelf.load, name, match))

    def _checked(self, name: str, cassette: Cassette) -> Cassette:
        if why := why_unmatched(cassette.matcher.settings, self.redactor):
            raise CorruptCassette(f"Cassette {name!r}: {why}")
        return cassette

    async def load_to_go_on(self, name: str) -> Cassette:
        """Give a cassette that has changed while it was played; raises what the store raises, and `NeedsOneProcess`."""
        cassette = await self.load(name)
        self.sharing.check_playing(name, cassette, self.settings.cassettes.on_exhausted)
        return cassette

    def faulty(self, backend: Backend, take: Take | None = None) -> Backend:
        """Let the faults of the settings strike in front of a backend, which may record in a take."""
        return with_faults(backend, self.faults, take)

    def replay_of(self, name: str, cassette: Cassette | None, on_exhausted: OnExhausted | None = None) -> Player:
        """Make what replays a cassette in memory."""
        replay = self._plain_replay(name, cassette, on_exhausted)
        rebinds = cassette is not None and cassette.matcher.settings.rebind_ids
        return Rebinding(replay, cassette) if cassette is not None and rebinds else replay

    def _plain_replay(self, name: str, cassette: Cassette | None, on_exhausted: OnExhausted | None) -> Replay:
        held = self.settings.cassettes
        if cassette is not None:
            self.sharing.check_playing(name, cassette, on_exhausted or held.on_exhausted)
        expiry = Expiry(held.oldest, held.on_expired == "error") if held.oldest else None
        return Replay(
            name,
            cassette,
            on_exhausted or held.on_exhausted,
            self.record_command or self._own_command(name),
            expiry=expiry,
            matcher=self.matcher,
            max_recorded_bytes=held.max_recorded_body_bytes,
        )

    def _own_command(self, name: str) -> str:
        folder = self.settings.cassettes.dir
        command = ["runproxy", "record", "--upstream", self.settings.upstream or "URL", f"--cassette={name}"]
        return shlex.join([*command, f"--dir={folder}"] if folder != CassetteSettings().dir else command)

    async def verify(
        self, name: str, on_exhausted: OnExhausted | None = None, match: MatchSettings = _NO_MATCH
    ) -> tuple[Verify, Replay, Drifts]:
        """Make a verify, the replay it compares with, and where its drift is told; raises `ConfigError`."""
        replay = self._plain_replay(name, await self.load_own(name, match), on_exhausted)
        held, own = self.settings.verify, Drifts()
        comparison = Comparison(self.redactor, Ignoring.parse(held.ignore), held.kinds)
        return Verify(self.forwarding(), replay, comparison, (own, self.drifts)), replay, own

    def played_back(self, backend: Backend, timing: str | None = None) -> Backend:
        """Let a backend that replays do so at the pace that is asked for, in codings that clients accept."""
        pace = Timing.parse(timing or self.settings.cassettes.timing)
        return Negotiated(Paced(backend, pace) if pace else backend)

    async def record(self, name: str, match: MatchSettings = _NO_MATCH) -> tuple[Record, Take]:
        """Make a recording, and what has to be finished in the end; raises `ConfigError` without an upstream."""
        earlier = self.sharing.earlier(name, await self.load_own(name, match))
        take = Take(self.store.tape(name), earlier)
        return self._recording(take), take

    async def auto(
        self, name: str, on_exhausted: OnExhausted | None = None, match: MatchSettings = _NO_MATCH
    ) -> "AutoParts":
        """Make an auto; raises `ConfigError` without an upstream."""
        cassette, tape = await self.load_own(name, match), self.store.tape(name)
        recorder = Remembered(tape, cassette)
        record = self._recording(recorder)
        player = self.replay_of(name, cassette, on_exhausted)
        most = self.settings.cassettes.max_recorded_body_bytes
        catch_up = self.sharing.catching_up(self.store, name, cassette, match)
        auto = Auto(player, record, self.gate, most, catch_up)
        return AutoParts(auto, player, recorder, tape, is_alone=catch_up is None)

    async def open(self, plan: Plan) -> Opened:
        """Make what a session consists of; raises `RunproxyError` for what cannot be had."""
        opened = await self._opened(plan)
        return replace(opened, backend=with_faults(opened.backend, plan.faults, opened.take), faults=plan.faults)

    async def _opened(self, plan: Plan) -> Opened:
        name = checked_name(plan.cassette)
        if plan.mode == "replay":
            replay = self.replay_of(name, await self.load(name, plan.match), plan.on_exhausted)
            return Opened(self.played_back(replay, plan.timing), replay)
        if plan.mode == "verify":
            verify, compared, drifts = await self.verify(name, plan.on_exhausted, plan.match)
            return Opened(verify, compared, drifts=drifts)
        check_may_record(self.settings, plan.mode)
        if plan.mode == "record":
            record, take = await self.record(name, plan.match)
            return Opened(record, None, take)
        auto = await self.auto(name, plan.on_exhausted, plan.match)
        return Opened(self.played_back(auto.backend, plan.timing), auto.player)

    def _recording(self, recorder: Recorder) -> Record:
        unrecorded = withheld if self.settings.cassettes.on_record_error == "fail" else marked
        return Record(
            self.forwarding(),
            recorder,
            self.gate,
            unrecorded=unrecorded,
            redactor=self.redactor,
            max_recorded_bytes=self.settings.cassettes.max_recorded_body_bytes,
            is_sunset=self.is_sunset,
        )

    def forwarding(self) -> Backend:
        """Give the upstream; raises `ConfigError` where there is none."""
        if self.upstream is None:
            raise ConfigError("This server has no upstream: start it with --mode auto and --upstream.")
        return self.upstream

    async def load_own(self, name: str, match: MatchSettings = _NO_MATCH) -> Cassette:
        """Give a cassette that nobody else has, to add to it; an empty one where there is none."""
        try:
            return self._checked(name, await asyncio.to_thread(self.store.load, name, match))
        except CassetteNotFound:
            return Cassette((), self.matcher.with_more(match))


def is_ci() -> bool:
    """Tell whether the environment says CI=true."""
    return os.environ.get("CI", "").lower() in ("true", "1")


def check_may_record(settings: Settings, mode: str) -> None:
    """Raise `ConfigError` where the environment says CI=true, and nothing says that recording is meant all the same."""
    if is_ci() and not settings.allow_record_in_ci:
        raise ConfigError(
            f"mode: {mode!r} would record, and the environment says CI=true, where fixtures must not change. "
            "Use replay, or allow it with --allow-record-in-ci."
        )
