"""The sessions of a running proxy, and the report in the end of what was played."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from runproxy.backends import Session, Sessions
from runproxy.composition.played import Played
from runproxy.composition.workshop import Workshop
from runproxy.config import Settings

_log = structlog.get_logger("runproxy.sessions")
_SWEEP_S: Final = 30.0


@asynccontextmanager
async def running_sessions(settings: Settings, workshop: Workshop) -> AsyncIterator[Sessions]:
    """Keep sessions for as long as the context lasts; leaving it ends them all, and writes the usage report.

    Raises `ConfigError` at once for a report that cannot be written.
    """
    idle_s = settings.cassettes.session_idle_s
    sessions = Sessions(
        workshop.open,
        idle_s=idle_s,
        now=time.monotonic,
        new_name=lambda: secrets.token_hex(8),
        ended=lambda session: _note_played(workshop.played, session),
    )
    report = Path(settings.cassettes.usage_file) if settings.cassettes.usage_file else None
    if report:
        workshop.played.check_writable(report)
    try:
        async with _sweeping(sessions, idle_s):
            yield sessions
    finally:
        await sessions.end_all()
        if report:
            workshop.played.write(report)


def _note_played(played: Played, session: Session) -> None:
    if session.opened.replay:
        played.add(session.cassette, session.opened.replay)


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
