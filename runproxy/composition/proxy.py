"""From settings to a running proxy."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from runproxy.backends import Deck, Drifts
from runproxy.composition.auditing import auditing
from runproxy.composition.listening import tls_of
from runproxy.composition.modes import compose_modes
from runproxy.composition.rules import Reloader, make_rules
from runproxy.composition.seat import Seat, own_seat
from runproxy.composition.sessions import running_sessions
from runproxy.composition.side import Side
from runproxy.composition.watching import Watching, watching
from runproxy.config import Settings, policy_in
from runproxy.errors import ConfigError
from runproxy.redaction import WriteGate
from runproxy.server import Edge, Listener, low_level, request_ids, routed
from runproxy.service import Service
from runproxy.verdicts import Verdicts


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy: where it listens, and what it counts; it says that it is ready while `serving` is set."""

    url: str
    admin_url: str
    base_path: str
    service: Service
    deck: Deck
    reloader: Reloader
    drifts: Drifts
    serving: asyncio.Event

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
    settings: Settings,
    reread: Callable[[], Settings] | None = None,
    gate: WriteGate | None = None,
    seat: Seat | None = None,
) -> AsyncIterator[Proxy]:
    """Run a proxy for as long as the context lasts; leaving it drains, then finishes the cassettes.

    `reread` gives the settings anew when the rules are reloaded; without it, the same ones, which may name files. What
    calls carry of credentials is learned by `gate`, so that others can ask it too. `seat` says where it listens, in
    place of the settings.
    Raises `ConfigError` for settings that cannot work, and `CassetteError` for a default cassette that cannot be
    used.
    """
    _check_parser()
    serving = asyncio.Event()
    policy = policy_in(settings)
    rules = make_rules(settings, policy)
    gate = gate or WriteGate()
    seat = seat or own_seat(settings)
    async with AsyncExitStack() as stack:
        watched = stack.enter_context(watching(settings))
        modes = await stack.enter_async_context(compose_modes(settings, gate, watched.upstream, seat.sharing))
        sessions = await stack.enter_async_context(running_sessions(settings, modes.workshop))
        auditor = await stack.enter_async_context(auditing(settings, gate, tidies=seat.is_first))
        watched = replace(watched, auditor=auditor)
        service = Service(
            rules,
            modes.deck,
            modes.required_path,
            sessions,
            mode=settings.mode,
            before=watched.before,
            watchers=watched.watchers,
            delivery_watchers=watched.delivery_watchers,
            verdicts=Verdicts(seat.name),
        )
        reloader = Reloader(settings, policy, reread or (lambda: settings), service.use)
        side = Side(modes, sessions, service, reloader, watched, seat.access, serving.is_set, lambda: main.url)
        second = await stack.enter_async_context(routed(side.application(), seat.admin, settings.limits.drain_s))
        main = await stack.enter_async_context(_main_listener(settings, seat, _edge(settings, service, watched)))
        _check_no_loop(settings, main.url)
        serving.set()
        stack.callback(serving.clear)
        yield Proxy(
            main.url, second.url, modes.base_path, service, modes.deck, reloader, modes.workshop.drifts, serving
        )


def _main_listener(settings: Settings, seat: Seat, edge: Edge) -> Listener:
    limits = settings.limits
    return low_level(
        edge,
        seat.main,
        drain_s=limits.drain_s,
        idle_s=limits.idle_s,
        max_connections=limits.max_connections,
        tls=tls_of(settings.listen),
    )


def _edge(settings: Settings, service: Service, watched: Watching) -> Edge:
    limits = settings.limits
    return Edge(
        watched.around(service.answer),
        service.refuse,
        max_body_bytes=limits.max_body_bytes,
        body_s=limits.body_s,
        may_stream=service.may_stream,
        send_s=limits.send_s,
        max_concurrent=limits.max_concurrent,
        queue_s=limits.queue_s,
        new_id=request_ids(),
        delivered=service.delivered,
    )


def _check_parser() -> None:
    """Refuse aiohttp's parser in Python: the guard's promises were tested with the one in C, which is stricter."""
    if os.environ.get("AIOHTTP_NO_EXTENSIONS"):
        raise ConfigError(
            "AIOHTTP_NO_EXTENSIONS is set, which replaces the HTTP parser by one that takes more than the guard allows "
            "for. Unset it."
        )


def _check_no_loop(settings: Settings, own_url: str) -> None:
    if settings.profile and _as_loopback(settings.profile.address.origin) == _as_loopback(own_url):
        raise ConfigError("upstream: that is this proxy itself; every call would be forwarded without end.")


def _as_loopback(origin: str) -> str:
    """Spell the names of this machine in one way."""
    return re.sub(r"//(localhost|127(\.[0-9]+){3}|\[::1\]|0\.0\.0\.0)(?=:|$)", "//127.0.0.1", origin)
