"""The audit of a running proxy: opened, kept small, and closed with all that waits written."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from runproxy.attribution import trusts_of
from runproxy.audit.errors import AuditError
from runproxy.config import Settings
from runproxy.errors import ConfigError
from runproxy.redaction import WriteGate

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is an audit
    from runproxy.audit.auditor import Auditor

_log = structlog.get_logger("runproxy.audit")
_TIDY_EVERY_S: Final = 600.0


def is_audited(settings: Settings) -> bool:
    """Tell whether any call of a proxy with these settings is written down."""
    modes = set(settings.audit.modes)
    return bool(modes) if settings.mode != "replay" else "replay" in modes


@asynccontextmanager
async def auditing(settings: Settings, gate: WriteGate, *, tidies: bool) -> "AsyncIterator[Auditor | None]":
    """Give what writes calls down, for as long as the context lasts; None where the settings ask for none.

    Of several processes that share a store, one `tidies` it. Raises `ConfigError` for a store that cannot be used.
    """
    if not is_audited(settings):
        yield None
        return
    from runproxy.audit.auditor import Auditor  # noqa: PLC0415 - see above
    from runproxy.audit.describing import Describer  # noqa: PLC0415
    from runproxy.audit.store import AuditStore  # noqa: PLC0415
    from runproxy.audit.values import Keeping  # noqa: PLC0415

    held = settings.audit
    describer = Describer(Keeping.of(held), gate, trusts_of(settings.attribution))
    try:
        store = await asyncio.to_thread(AuditStore.open, Path(held.store), creates=True)
    except AuditError as error:
        raise ConfigError(
            f"audit.store: {error.message} Name another place with --audit-store, or write nothing down with "
            "--audit-modes none."
        ) from error
    auditor = Auditor(store, describer, held.modes, goes_on=held.on_error == "continue")
    try:
        async with _tidying(auditor, settings, is_wanted=tidies and bool(held.max_age or held.max_mb)):
            yield auditor
    finally:
        await auditor.close()
        store.close()


@asynccontextmanager
async def _tidying(auditor: "Auditor", settings: Settings, *, is_wanted: bool) -> AsyncIterator[None]:
    """Remove what the settings do not want to keep, now and then, for as long as the context lasts."""
    from runproxy.audit.retention import keep_within  # noqa: PLC0415 - see above

    is_over = asyncio.Event()

    async def tidy() -> None:
        while True:
            try:
                now_ms = round(time.time() * 1000)
                gone = await asyncio.to_thread(keep_within, auditor.store, settings.audit, now_ms, is_over.is_set)
            except AuditError as error:
                _log.error("calls cannot be pruned", reason=error.message)
            else:
                if gone.calls:
                    _log.info("pruned", calls=gone.calls, up_to=str(gone.up_to))
            await asyncio.sleep(_TIDY_EVERY_S)

    tidier = asyncio.create_task(tidy()) if is_wanted else None
    try:
        yield
    finally:
        is_over.set()
        if tidier is not None:
            tidier.cancel()
            with suppress(asyncio.CancelledError):
                await tidier
