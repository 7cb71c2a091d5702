"""What a mode is made of, for one cassette: the parts that a server has, put together. The only module that knows."""

import asyncio
import os
import shlex
from dataclasses import dataclass
from typing import cast

from runproxy.addressing import checked_name
from runproxy.backends import (
    Auto,
    Expiry,
    OnExhausted,
    Opened,
    Record,
    Recorder,
    Remembered,
    Replay,
    Take,
    marked,
    withheld,
)
from runproxy.cassette import Cassette
from runproxy.config import CassetteSettings, Settings
from runproxy.errors import CassetteNotFound, ConfigError
from runproxy.messages import Backend
from runproxy.redaction import Redactor, WriteGate
from runproxy.stores import CassetteStore


@dataclass(frozen=True, slots=True)
class Workshop:
    """Makes backends for cassettes; without an upstream, only such as replay."""

    settings: Settings
    store: CassetteStore
    gate: WriteGate
    redactor: Redactor
    upstream: Backend | None = None

    async def replay(self, name: str, on_exhausted: OnExhausted | None = None) -> tuple[Replay, bool]:
        """Make a replay, and tell whether there is such a cassette."""
        try:
            cassette = await asyncio.to_thread(self.store.load, name)
        except CassetteNotFound:
            return self.replay_of(name, None, on_exhausted), False
        return self.replay_of(name, cassette, on_exhausted), True

    def replay_of(self, name: str, cassette: Cassette | None, on_exhausted: OnExhausted | None = None) -> Replay:
        """Make a replay of a cassette in memory."""
        held = self.settings.cassettes
        command = ["runproxy", "record", "--upstream", self.settings.upstream or "URL", f"--cassette={name}"]
        if held.dir != CassetteSettings().dir:
            command.append(f"--dir={held.dir}")
        expiry = Expiry(held.oldest, held.on_expired == "error") if held.oldest else None
        return Replay(
            name,
            cassette,
            on_exhausted or held.on_exhausted,
            shlex.join(command),
            expiry=expiry,
            redactor=self.redactor,
        )

    async def record(self, name: str) -> tuple[Record, Take]:
        """Make a recording, and what has to be finished in the end; raises `ConfigError` without an upstream."""
        take = Take(self.store.tape(name), await self._load_if_there(name))
        return self._recording(take), take

    async def auto(self, name: str, on_exhausted: OnExhausted | None = None) -> tuple[Auto, Replay]:
        """Make an auto, and the replay in it; raises `ConfigError` without an upstream."""
        cassette = await self._load_if_there(name)
        recorder = Remembered(self.store.tape(name), cassette)
        record = self._recording(recorder)
        replay = self.replay_of(name, cassette, on_exhausted)
        return Auto(replay, record, self.gate), replay

    async def open(self, cassette: str, mode: str, on_exhausted: str) -> Opened:
        """Make what a session consists of; raises `RunproxyError` for what cannot be had."""
        name, exhausted = checked_name(cassette), cast("OnExhausted", on_exhausted)
        if mode == "replay":
            replay, is_there = await self.replay(name, exhausted)
            if not is_there:
                self.store.load(name)  # raises, and tells which ones there are
            return Opened(replay, replay)
        check_may_record(self.settings, mode)
        if mode == "record":
            record, take = await self.record(name)
            return Opened(record, None, take)
        auto, replay = await self.auto(name, exhausted)
        return Opened(auto, replay)

    def _recording(self, recorder: Recorder) -> Record:
        unrecorded = withheld if self.settings.cassettes.on_record_error == "fail" else marked
        return Record(self._forwarding(), recorder, self.gate, unrecorded=unrecorded, redactor=self.redactor)

    def _forwarding(self) -> Backend:
        if self.upstream is None:
            raise ConfigError("This server has no upstream to record from: start it with --mode auto and --upstream.")
        return self.upstream

    async def _load_if_there(self, name: str) -> Cassette:
        try:
            return await asyncio.to_thread(self.store.load, name)
        except CassetteNotFound:
            return Cassette((), self.redactor)


def check_may_record(settings: Settings, mode: str) -> None:
    """Raise `ConfigError` where the environment says CI=true, and nothing says that recording is meant all the same."""
    if os.environ.get("CI", "").lower() in ("true", "1") and not settings.allow_record_in_ci:
        raise ConfigError(
            f"mode: {mode!r} would record, and the environment says CI=true, where fixtures must not change. "
            "Use replay, or allow it with --allow-record-in-ci."
        )
