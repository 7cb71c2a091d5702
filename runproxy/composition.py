"""Composition: from settings to a running proxy. The only place that knows which mode is made of which parts."""

import asyncio
import os
import re
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runproxy import admin
from runproxy.addressing import checked_name
from runproxy.backends import Auto, Deck, Record, Remembered, Replay, Take
from runproxy.cassette import Cassette
from runproxy.config import CassetteSettings, Settings
from runproxy.errors import CassetteNotFound, ConfigError
from runproxy.guard import Guard
from runproxy.messages import Backend
from runproxy.redaction import WriteGate
from runproxy.routes import GUARDED
from runproxy.server import Edge, low_level, routed
from runproxy.service import Service
from runproxy.stores import CassetteStore
from runproxy.stores.file import FileStore
from runproxy.upstream import Address, Upstream

_Load = Callable[[str], Awaitable[tuple[Backend, bool]]]
DEFAULT_BASE_PATH: Final = "/v1"
ADMIN_HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy: where it listens, and what it counts."""

    url: str
    admin_url: str
    base_path: str
    service: Service
    deck: Deck

    @property
    def is_loaded(self) -> bool:
        """Tell whether the default cassette is in use, which in replay means that it is there."""
        return self.deck.has_default

    @property
    def base_url(self) -> str:
        """What a client sets as its base URL."""
        return self.url + self.base_path


@asynccontextmanager
async def running_proxy(settings: Settings) -> AsyncIterator[Proxy]:
    """Run a proxy for as long as the context lasts; leaving it drains, then finishes the cassettes.

    Raises `ConfigError` for settings that cannot work, and `CassetteError` for a default cassette that cannot be
    used.
    """
    _check_parser()
    ready = asyncio.Event()
    async with AsyncExitStack() as stack:
        modes = await stack.enter_async_context(_modes(settings))
        service = Service(Guard(GUARDED), modes.deck, modes.required_path)
        app = admin.make_app(lambda: _status(settings, service, modes.deck), ready.is_set)
        limits, listen, drain_s = settings.limits, settings.listen, settings.limits.drain_s
        edge = Edge(service.answer, service.refuse, max_body_bytes=limits.max_body_bytes, body_s=limits.body_s)
        side = await stack.enter_async_context(routed(app, ADMIN_HOST, listen.admin_port, "--admin-port", drain_s))
        main = await stack.enter_async_context(
            low_level(edge, listen.host, listen.port, "--port", drain_s=drain_s, idle_s=limits.idle_s)
        )
        _check_no_loop(settings, main.url)
        ready.set()
        stack.callback(ready.clear)
        yield Proxy(main.url, side.url, modes.base_path, service, modes.deck)


@dataclass(frozen=True, slots=True)
class _Modes:
    """A mode, composed: its backends by cassette, the path that clients use, and the one they must stay below."""

    deck: Deck
    base_path: str
    required_path: str


@asynccontextmanager
async def _modes(settings: Settings) -> AsyncIterator[_Modes]:
    gate = WriteGate()
    store = FileStore(Path(settings.cassettes.dir), gate)
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
            load = _recording(*parts, takes) if settings.mode == "record" else _auto(settings, *parts)
        deck = Deck(default, load)
        await deck.backend(None)  # tells of an unusable cassette now, not at the first call
        yield _Modes(deck, address.base_path, address.base_path)
        for take in takes:
            await take.finish()


async def _replay_modes(settings: Settings, store: CassetteStore, default: str) -> _Modes:
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
    return _Modes(deck, upstream_path or _base_path_in(cassette), upstream_path)


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


def _recording(store: CassetteStore, upstream: Backend, gate: WriteGate, takes: list[Take]) -> _Load:
    async def load(name: str) -> tuple[Backend, bool]:
        take = Take(store.tape(name), await _load_if_there(store, name))
        takes.append(take)
        return Record(upstream, take, gate), True

    return load


def _auto(settings: Settings, store: CassetteStore, upstream: Backend, gate: WriteGate) -> _Load:
    async def load(name: str) -> tuple[Backend, bool]:
        cassette = await _load_if_there(store, name)
        record = Record(upstream, Remembered(store.tape(name), cassette), gate)
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
    return Replay(name, cassette, settings.cassettes.on_exhausted, shlex.join(command))


def _base_path_in(cassette: Cassette) -> str:
    """Tell the base path that clients of a cassette use, from its first guarded call."""
    paths = (GUARDED.base_path(interaction.request.path) for interaction in cassette.interactions)
    return next((path for path in paths if path is not None), DEFAULT_BASE_PATH)


def _check_parser() -> None:
    """Refuse aiohttp's parser in Python: the guard's promises were tested with the one in C, which is stricter."""
    if os.environ.get("AIOHTTP_NO_EXTENSIONS"):
        raise ConfigError(
            "AIOHTTP_NO_EXTENSIONS is set, which replaces the HTTP parser by one that takes more than the guard allows "
            "for. Unset it."
        )


def _check_no_loop(settings: Settings, own_url: str) -> None:
    if settings.upstream and _as_loopback(Address.parse(settings.upstream).origin) == _as_loopback(own_url):
        raise ConfigError("upstream: that is this proxy itself; every call would be forwarded without end.")


def _as_loopback(origin: str) -> str:
    """Spell the names of this machine in one way."""
    return re.sub(r"//(localhost|127(\.[0-9]+){3}|\[::1\]|0\.0\.0\.0)(?=:|$)", "//127.0.0.1", origin)


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


def _status(settings: Settings, service: Service, deck: Deck) -> dict[str, object]:
    return {
        "mode": settings.mode,
        "upstream": settings.upstream or None,
        "cassette": settings.cassettes.default,
        "cassette_dir": str(Path(settings.cassettes.dir).resolve()),
        "cassettes_in_use": deck.names,
        "calls": dict(service.outcomes),
        "pid": os.getpid(),
    }
