"""Modes: what each is made of. The only module that knows."""

import asyncio
import os
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runproxy.addressing import checked_name
from runproxy.backends import Auto, Deck, Expiry, OnRecordError, Record, Remembered, Replay, Take, marked, withheld
from runproxy.cassette import Cassette
from runproxy.config import CassetteSettings, Settings
from runproxy.errors import CassetteNotFound, ConfigError
from runproxy.messages import Backend
from runproxy.redaction import WriteGate
from runproxy.routes import KNOWN, RouteTable
from runproxy.stores import CassetteStore
from runproxy.stores.file import FileStore
from runproxy.upstream import Address, Upstream

_Load = Callable[[str], Awaitable[tuple[Backend, bool]]]
DEFAULT_BASE_PATH: Final = "/v1"


@dataclass(frozen=True, slots=True)
class Modes:
    """A mode, composed: its backends by cassette, the path that clients use, and the one they must stay below."""

    deck: Deck
    base_path: str
    required_path: str


@asynccontextmanager
async def compose_modes(settings: Settings) -> AsyncIterator[Modes]:
    """Compose the mode that the settings ask for; leaving the context finishes its cassettes."""
    gate = WriteGate()
    store = FileStore(Path(settings.cassettes.dir), gate, syncs=settings.cassettes.durability == "power")
    default = checked_name(settings.cassettes.default)
    if settings.mode == "replay":
        yield await _replay_modes(settings, store, default)
        return
    address = _required_upstream(settings)
    limits = settings.limits
    async with Upstream(address, connect_s=limits.connect_s, total_s=limits.upstream_s) as upstream:
        takes: list[Take] = []
        if settings.mode == "passthrough":
            load = _passing(upstream)
        else:
            _check_may_record(settings)
            store.check_writable()
            parts = (store, upstream, gate)
            load = (
                _recording(*parts, takes, _on_record_error(settings))
                if settings.mode == "record"
                else _auto(settings, *parts)
            )
        deck = Deck(default, load)
        await deck.backend(None)  # tells of an unusable cassette now, not at the first call
        yield Modes(deck, address.base_path, address.base_path)
        for take in takes:
            await take.finish()


async def _replay_modes(settings: Settings, store: CassetteStore, default: str) -> Modes:
    """Compose replay; a default cassette that was asked for by name must be there."""
    deck = Deck(default, _replaying(settings, store))
    upstream_path = Address.parse(settings.upstream).base_path if settings.upstream else ""
    cassette = Cassette()
    try:
        cassette = await asyncio.to_thread(store.load, default)
        deck.put(default, _replay(settings, default, cassette))
    except CassetteNotFound:
        if default != CassetteSettings().default:
            raise
    return Modes(deck, upstream_path or _base_path_in(cassette), upstream_path)


def _replaying(settings: Settings, store: CassetteStore) -> _Load:
    async def load(name: str) -> tuple[Backend, bool]:
        try:
            cassette = await asyncio.to_thread(store.load, name)
        except CassetteNotFound:
            return _replay(settings, name, None), False
        return _replay(settings, name, cassette), True

    return load


def _passing(upstream: Backend) -> _Load:
    async def load(_: str) -> tuple[Backend, bool]:
        return upstream, True

    return load


def _on_record_error(settings: Settings) -> OnRecordError:
    return withheld if settings.cassettes.on_record_error == "fail" else marked


def _recording(
    store: CassetteStore, upstream: Backend, gate: WriteGate, takes: list[Take], unrecorded: OnRecordError
) -> _Load:
    async def load(name: str) -> tuple[Backend, bool]:
        take = Take(store.tape(name), await _load_if_there(store, name))
        takes.append(take)
        return Record(upstream, take, gate, unrecorded), True

    return load


def _auto(settings: Settings, store: CassetteStore, upstream: Backend, gate: WriteGate) -> _Load:
    async def load(name: str) -> tuple[Backend, bool]:
        cassette = await _load_if_there(store, name)
        record = Record(upstream, Remembered(store.tape(name), cassette), gate, _on_record_error(settings))
        return Auto(_replay(settings, name, cassette), record, gate), True

    return load


async def _load_if_there(store: CassetteStore, name: str) -> Cassette:
    try:
        return await asyncio.to_thread(store.load, name)
    except CassetteNotFound:
        return Cassette()


def _replay(settings: Settings, name: str, cassette: Cassette | None) -> Replay:
    upstream = settings.upstream or "URL"
    command = ["runproxy", "record", "--upstream", upstream, f"--cassette={name}"]
    if settings.cassettes.dir != CassetteSettings().dir:
        command.append(f"--dir={settings.cassettes.dir}")
    oldest = settings.cassettes.oldest
    expiry = Expiry(oldest, settings.cassettes.on_expired == "error") if oldest else None
    return Replay(name, cassette, settings.cassettes.on_exhausted, shlex.join(command), expiry)


def _base_path_in(cassette: Cassette) -> str:
    """Tell the base path that clients of a cassette use, from its first call to an endpoint of the API."""
    table = RouteTable(KNOWN)
    paths = (table.base_path(interaction.request.path) for interaction in cassette)
    return next((path for path in paths if path is not None), DEFAULT_BASE_PATH)


def _required_upstream(settings: Settings) -> Address:
    if not settings.upstream:
        raise ConfigError(
            f"upstream: mode {settings.mode!r} forwards calls and needs a base URL: "
            f"--upstream https://host/v1. Without an upstream there is 'runproxy replay', and 'runproxy sandbox' to "
            "record from."
        )
    return Address.parse(settings.upstream)


def _check_may_record(settings: Settings) -> None:
    if os.environ.get("CI", "").lower() in ("true", "1") and not settings.allow_record_in_ci:
        raise ConfigError(
            f"mode: {settings.mode!r} would record, and the environment says CI=true, where fixtures must not change. "
            "Use replay, or allow it with --allow-record-in-ci."
        )
