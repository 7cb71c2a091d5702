"""The latest calls that were answered from a cassette, or were not, or failed, and why. No credential is in here."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from runproxy.errors import CassetteMiss, RunproxyError
from runproxy.logs import HELD_BACK
from runproxy.messages import MISS_HEADER, Headers, Request, Source
from runproxy.redaction import loggable, scrub

_KEPT: Final = 100


class Verdicts:
    """Keeps the latest misses, hits and errors, the oldest first; `process` tells its ids apart from those of others.

    `now` tells the time in UTC, `seconds` the same as a number, which costs next to nothing.
    """

    def __init__(
        self,
        process: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: Callable[[], float] = time.time,
    ) -> None:
        self._process = f"{process}-" if process else ""
        self._now = now
        self._seconds = seconds
        self._misses: deque[dict[str, object]] = deque(maxlen=_KEPT)
        self._hits: deque[tuple[str, str, Headers, Source]] = deque(maxlen=_KEPT)
        self._errors: deque[tuple[Request, dict[str, object], dict[str, str]]] = deque(maxlen=_KEPT)
        self._played: dict[str, float] = {}
        self._count = 0

    @property
    def misses(self) -> list[dict[str, object]]:
        """The latest misses: id, time, method, path, reason, nearest recording, differences, command to record it."""
        return list(self._misses)

    @property
    def hits(self) -> list[dict[str, object]]:
        """The latest hits: the call, where its recording stands, which one of how many it is, and why it matched."""
        return [_told(Request(method, target, headers), source) for method, target, headers, source in self._hits]

    @property
    def errors(self) -> list[dict[str, object]]:
        """The latest calls that were refused or failed, misses apart: id, time, call, status, code, message."""
        return [{**told, **loggable(request, texts)} for request, told, texts in self._errors]

    @property
    def last_played(self) -> dict[str, str]:
        """When a recording of a cassette was played last, by cassette."""
        return {
            name: datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") for name, at in self._played.items()
        }

    def miss(self, error: CassetteMiss, request: Request) -> None:
        """Keep a miss, and give it an id that its answer tells, too. What holds a credential is not kept."""
        self._count += 1
        name = f"miss-{self._process}{self._count}"
        error.details["miss"] = name
        error.headers[MISS_HEADER] = name
        message = HELD_BACK if error.holds_secret else error.message
        texts = {"method": request.method, "path": request.path, "message": message}
        told = loggable(request, {**texts, "details": str(error.details)})
        is_clean = told.pop("details") == str(error.details) and not error.holds_secret
        at = self._now().isoformat(timespec="milliseconds")
        self._misses.append({"id": name, "at": at, **told, **(error.details if is_clean else {})})

    def hit(self, request: Request, source: Source) -> None:
        """Keep a hit, as cheaply as can be; not its body, which may be large."""
        self._hits.append((request.method, request.target, request.headers, source))
        self._played[source.cassette] = self._seconds()

    def error(self, error: RunproxyError, request: Request) -> None:
        """Keep what became of a call that was refused or failed; not its body, which may be large."""
        # Neither is the error itself, for it holds on to all that stood on the stack where it was raised.
        at = self._now().isoformat(timespec="milliseconds")
        told = {"id": request.id, "at": at, "status": error.status, "code": error.code, "outcome": error.outcome}
        texts = {"method": request.method, "path": request.path, "message": error.message, "param": error.param or ""}
        self._errors.append((replace(request, body=b""), told, texts))


def _told(request: Request, source: Source) -> dict[str, object]:
    return {
        **loggable(request, {"call": f"{request.method} {scrub(request).target}"}),
        "interaction": f"{source.cassette}[{source.position}]",
        "recording": source.nth,
        "of": source.count,
        "recorded_at": source.recorded_at.isoformat(timespec="seconds"),
        "because": source.because,
    }
