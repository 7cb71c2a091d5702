"""Whether calls can be answered as the mode promises: the stores can be written, the default cassette can be read."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from runproxy.addressing import checked_name
from runproxy.composition.workshop import Workshop
from runproxy.config import CassetteSettings, Settings
from runproxy.errors import CassetteNotFound, RunproxyError
from runproxy.matching import MatchSettings

_FRESH_S: Final = 2.0  # who asks more often gets the last answer


class Readiness:
    """Tells why a proxy is not ready, and an empty text where it is.

    `check_audit` raises where calls cannot be written down; `now` tells seconds.
    """

    def __init__(
        self,
        is_serving: Callable[[], bool],
        workshop: Workshop,
        settings: Settings,
        check_audit: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_serving = is_serving
        self._workshop = workshop
        self._settings = settings
        self._check_audit = check_audit
        self._now = now
        self._told_at = float("-inf")
        self._told = ""

    async def __call__(self) -> str:
        """Look, unless somebody has asked just now."""
        if not self._is_serving():
            return "stopping"
        if self._now() - self._told_at > _FRESH_S:
            self._told = await asyncio.to_thread(self._look)
            self._told_at = self._now()
        return self._told

    def _look(self) -> str:
        try:
            self._check_audit()
            if self._settings.mode in ("record", "auto"):
                self._workshop.store.check_writable()
            if self._settings.mode != "passthrough":
                self._workshop.shelf.load(checked_name(self._settings.cassettes.default), MatchSettings())
        except CassetteNotFound as error:
            is_meant = self._settings.cassettes.default != CassetteSettings().default
            return error.message if self._settings.mode == "replay" and is_meant else ""
        except RunproxyError as error:
            return error.message
        return ""
