"""Modes: what answers the calls that name no session, by cassette."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from runproxy.addressing import checked_name
from runproxy.attribution import trusts_of
from runproxy.backends import Deck, Drifts, Sunsets, never_sunset
from runproxy.cassettes import Cassette
from runproxy.composition.faults import make_chooser
from runproxy.composition.loading import Loading
from runproxy.composition.played import Played
from runproxy.composition.redactors import make_matcher, make_redactor
from runproxy.composition.sharing import ALONE, Sharing
from runproxy.composition.shelf import Shelf
from runproxy.composition.upstreams import connected
from runproxy.composition.workshop import Workshop, check_may_record
from runproxy.config import CassetteSettings, Settings
from runproxy.errors import CassetteNotFound, ConfigError
from runproxy.matching import Matcher
from runproxy.messages import Backend
from runproxy.redaction import WriteGate
from runproxy.routes import KNOWN, RouteTable
from runproxy.stores.file import FileStore
from runproxy.upstream import Profile

DEFAULT_BASE_PATH: Final = "/v1"


@dataclass(frozen=True, slots=True)
class Modes:
    """A mode, composed: its backends by cassette, the path that clients use, and the one they must stay below."""

    deck: Deck
    base_path: str
    required_path: str
    workshop: Workshop


@asynccontextmanager
async def compose_modes(
    settings: Settings,
    gate: WriteGate,
    watched: Callable[[Backend], Backend] = lambda upstream: upstream,
    sharing: Sharing = ALONE,
) -> AsyncIterator[Modes]:
    """Compose the mode that the settings ask for; leaving the context finishes its cassettes.

    `watched` puts something in front of the upstream that keeps account of it; `sharing` says what can be done with
    cassettes that other processes use too.
    """
    default, workshop = checked_name(settings.cassettes.default), make_workshop(settings, gate, sharing)
    if settings.mode == "replay":
        yield await _replay_modes(settings, workshop, default)
        return
    profile = required_upstream(settings)
    async with equipped(workshop, profile, watched) as workshop:
        if settings.mode in ("record", "auto"):
            check_may_record(settings, settings.mode)
            workshop.store.check_writable()
        loading = Loading(workshop)
        loads = {"passthrough": loading.passthrough, "record": loading.record, "auto": loading.auto}
        deck = Deck(default, loads.get(settings.mode, loading.verify))
        await deck.backend(None)  # tells of an unusable cassette now, not at the first call
        yield Modes(deck, profile.address.base_path, profile.address.base_path, workshop)
        await deck.finish()


def make_store(settings: Settings, gate: WriteGate, matcher: Matcher) -> FileStore:
    """Make what keeps the cassettes of the settings' folder."""
    syncs = settings.cassettes.durability == "power"
    return FileStore(Path(settings.cassettes.dir), gate, syncs=syncs, matcher=matcher)


def make_workshop(
    settings: Settings,
    gate: WriteGate,
    sharing: Sharing = ALONE,
) -> Workshop:
    """Make what makes backends for the cassettes of the settings' folder; no upstream yet. Raises `ConfigError`."""
    redactor = make_redactor(settings.redact)
    matcher = make_matcher(settings.match, redactor)
    store, faults = make_store(settings, gate, matcher), make_chooser(settings)
    return Workshop(
        settings, store, Shelf(store), gate, redactor, matcher, Drifts(), Played(), faults=faults, sharing=sharing
    )


@asynccontextmanager
async def equipped(
    workshop: Workshop, profile: Profile, watched: Callable[[Backend], Backend] = lambda upstream: upstream
) -> AsyncIterator[Workshop]:
    """Give a workshop an upstream for as long as the context lasts; raises `ConfigError`."""
    settings = workshop.settings
    is_sunset = never_sunset if profile.kind == "self_hosted" else Sunsets()
    async with connected(profile, workshop.gate, settings.limits, trusts_of(settings.attribution)) as client:
        yield replace(workshop, upstream=watched(client), is_sunset=is_sunset)


async def _replay_modes(settings: Settings, workshop: Workshop, default: str) -> Modes:
    """Compose replay; a default cassette that was asked for by name must be there."""
    deck = Deck(default, Loading(workshop).replay)
    upstream_path = settings.profile.address.base_path if settings.profile else ""
    cassette = Cassette()
    try:
        cassette = await workshop.load(default)
        await deck.backend(None)
    except CassetteNotFound:
        if default != CassetteSettings().default:
            raise
    return Modes(deck, upstream_path or base_path_in(cassette), upstream_path, workshop)


def base_path_in(cassette: Cassette) -> str:
    """Tell the base path that clients of a cassette use, from its first call to an endpoint of the API."""
    table = RouteTable(KNOWN)
    paths = (table.base_path(interaction.request.path) for interaction in cassette)
    return next((path for path in paths if path is not None), DEFAULT_BASE_PATH)


def required_upstream(settings: Settings) -> Profile:
    """Give the upstream that the settings name; raises `ConfigError` where they name none."""
    profile = settings.profile
    if profile is None:
        raise ConfigError(
            f"upstream: mode {settings.mode!r} forwards calls and needs a base URL: "
            f"--upstream https://host/v1. Without an upstream there is 'runproxy replay', and 'runproxy sandbox' to "
            "record from."
        )
    return profile
