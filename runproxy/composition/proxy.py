"""From settings to a running proxy."""

import asyncio
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import structlog

from runproxy import admin
from runproxy.backends import Deck, Drifts, Session, Sessions
from runproxy.composition.modes import compose_modes
from runproxy.composition.played import Played
from runproxy.composition.rules import Reloader, make_rules
from runproxy.config import Settings, policy_in
from runproxy.errors import ConfigError
from runproxy.redaction import WriteGate
from runproxy.server import Edge, low_level, routed
from runproxy.service import Service
from runproxy.upstream import Address

_log = structlog.get_logger("runproxy.sessions")
_SWEEP_S: Final = 30.0
ADMIN_HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy: where it listens, and what it counts."""

    url: str
    admin_url: str
    base_path: str
    service: Service
    deck: Deck
    reloader: Reloader
    drifts: Drifts

    @property
    def is_loaded(self) -> bool:
        """Tell whether the default cassette is in use, which in replay means that it is there."""
        return self.deck.has_default

    @property
    def base_url(self) -> str:
        """What a client sets as its base URL."""
        return self.url + self.base_path


@asynccontextmanager
async def running_proxy(
    settings: Settings, reread: Callable[[], Settings] | None = None, gate: WriteGate | None = None
) -> AsyncIterator[Proxy]:
    """Run a proxy for as long as the context lasts; leaving it drains, then finishes the cassettes.

    `reread` gives the settings anew when the rules are reloaded; without it, the same ones, which may name files. What
    calls carry of credentials is learned by `gate`, so that others can ask it too.
    Raises `ConfigError` for settings that cannot work, and `CassetteError` for a default cassette that cannot be
    used.
    """
    _check_parser()
    ready = asyncio.Event()
    policy = policy_in(settings)
    rules = make_rules(settings, policy)
    async with AsyncExitStack() as stack:
        modes = await stack.enter_async_context(compose_modes(settings, gate or WriteGate()))
        sessions = Sessions(
            modes.workshop.open,
            idle_s=settings.cassettes.session_idle_s,
            now=time.monotonic,
            new_name=lambda: secrets.token_hex(8),
            ended=lambda session: _note_played(modes.workshop.played, session),
        )
        _write_usage(settings, modes.workshop.played)  # tells now of a file that cannot be written
        stack.callback(_write_usage, settings, modes.workshop.played)
        stack.push_async_callback(sessions.end_all)
        await stack.enter_async_context(_sweeping(sessions, settings.cassettes.session_idle_s))
        service = Service(rules, modes.deck, modes.required_path, sessions)
        reloader = Reloader(settings, policy, reread or (lambda: settings), service.use)
        app = admin.make_app(lambda: _status(reloader, service, modes.deck, sessions), ready.is_set, reloader.reload)
        admin.add_sessions(app, sessions, lambda name: f"{main.url}/~{name}{modes.base_path}")
        admin.add_verdicts(app, service.verdicts, modes.workshop.drifts)
        limits, listen, drain_s = settings.limits, settings.listen, settings.limits.drain_s
        edge = Edge(service.answer, service.refuse, max_body_bytes=limits.max_body_bytes, body_s=limits.body_s)
        side = await stack.enter_async_context(routed(app, ADMIN_HOST, listen.admin_port, "--admin-port", drain_s))
        main = await stack.enter_async_context(
            low_level(edge, listen.host, listen.port, "--port", drain_s=drain_s, idle_s=limits.idle_s)
        )
        _check_no_loop(settings, main.url)
        ready.set()
        stack.callback(ready.clear)
        yield Proxy(main.url, side.url, modes.base_path, service, modes.deck, reloader, modes.workshop.drifts)


def _note_played(played: Played, session: Session) -> None:
    if session.opened.replay:
        played.add(session.cassette, session.opened.replay)


def _write_usage(settings: Settings, played: Played) -> None:
    if settings.cassettes.usage_file:
        played.write(Path(settings.cassettes.usage_file))


@asynccontextmanager
async def _sweeping(sessions: Sessions, idle_s: float) -> AsyncIterator[None]:
    """End abandoned sessions for as long as the context lasts."""

    async def sweep() -> None:
        while True:
            await asyncio.sleep(min(idle_s / 4, _SWEEP_S))
            for report in await sessions.end_abandoned():
                _log.warning("session ended by itself", **{name: report[name] for name in ("session", "cassette")})

    sweeper = asyncio.create_task(sweep())
    try:
        yield
    finally:
        sweeper.cancel()
        with suppress(asyncio.CancelledError):
            await sweeper


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


def _status(reloader: Reloader, service: Service, deck: Deck, sessions: Sessions) -> dict[str, object]:
    settings = reloader.settings
    return {
        "mode": settings.mode,
        "upstream": settings.upstream or None,
        "cassette": settings.cassettes.default,
        "cassette_dir": str(Path(settings.cassettes.dir).resolve()),
        "cassettes_in_use": deck.names,
        "rules": asdict(reloader.summary()),
        "sessions": len(sessions.running),
        "calls": dict(service.outcomes),
        "pid": os.getpid(),
    }
