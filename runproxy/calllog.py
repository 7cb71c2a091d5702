"""The log of calls: one line for each, with the id that its answer tells, and with no value that it carried.

What was refused, has failed or is warned of goes through the same log as everything else. Of calls that went well there
may be tens of thousands a second, so their lines are printed here, many with one write; structlog would take longer for
such a line than a replayed answer takes in all.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import orjson
import structlog

from runproxy.calls import Call
from runproxy.errors import CassetteMiss, ClientGone, Overloaded, Refusal, RunproxyError, UpstreamError
from runproxy.messages import Delivery, Request
from runproxy.redaction import loggable
from runproxy.violations import listed

_log = structlog.get_logger("runproxy.calls")
_KNOWN_TARGETS: Final = 4096
_TOLD_OF_MISSES: Final[tuple[str, ...]] = ("reason", "cassette", "miss")
_Line: TypeAlias = Callable[[Mapping[str, object]], str]


class CallLog:
    """Tells of every call that has been answered. `now` tells the time in UTC, `write` takes whole lines.

    `are_told` says whether calls that went well are told of; the others always are.
    """

    def __init__(
        self,
        form: Literal["console", "json"],
        *,
        are_told: bool,
        write: Callable[[str], object] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._line: _Line = _as_json if form == "json" else _as_text
        self._are_told = are_told
        self._write = write or _to_stderr
        self._now = now
        self._lines: list[str] = []
        self._paths: Callable[[_Carried], str] = lru_cache(_KNOWN_TARGETS)(_loggable_path)

    def __call__(self, call: Call) -> None:
        """Tell of one call."""
        if call.error is not None:
            _tell_of_error(call, call.error)
        elif call.warnings:
            _log.warning("warned", **_told_of(call))
        elif self._are_told:
            self._print(call)

    def delivered(self, request: Request, delivery: Delivery) -> None:
        """Tell of an answer that has not reached its client; how the call went is told apart from that."""
        if delivery is not Delivery.COMPLETE:
            texts = loggable(request, {"method": request.method, "path": request.path})
            _log.warning("not delivered", id=request.id, reason=delivery.value, **texts)

    def _print(self, call: Call) -> None:
        request = call.request
        told = {
            "timestamp": self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": "info",
            "event": call.outcome,
            "id": request.id,
            "method": request.method,
            "path": self._paths(_Carried(request)),
            "status": call.response.status,
            "ms": round(call.seconds * 1000, 1),
            "route": call.route,
        }
        if call.caller.team:
            told["team"] = call.caller.team
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._flush)
        self._lines.append(self._line(told))

    def _flush(self) -> None:
        text = "".join(self._lines)
        self._lines.clear()
        with suppress(OSError, ValueError):  # a log on a full disk or a closed pipe must not cost a call its answer
            self._write(text)


class _Carried:
    """A request, equal to any other whose path and headers are the same to the letter."""

    __slots__ = ("_key", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        self._key = (request.target, *request.headers.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Carried) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _loggable_path(carried: _Carried) -> str:
    return loggable(carried.request, {"path": carried.request.path})["path"]


def _tell_of_error(call: Call, error: RunproxyError) -> None:
    told = _told_of(call)
    match error:
        case Refusal():
            broken = {"violations": listed(call.broken)} if call.broken else {}
            _log.info("refused", code=error.code, **_checked(call, broken), **told)
        case CassetteMiss():
            known = {name: str(error.details[name]) for name in _TOLD_OF_MISSES if name in error.details}
            block = {} if error.holds_secret else {"block": error.message}
            _log.warning("miss", **_checked(call, known), **_checked(call, block), **told)
        case ClientGone():
            _log.warning("client gone", code=error.code, **_checked(call, {"reason": error.message}), **told)
        case UpstreamError():
            _log.warning("upstream failed", code=error.code, **_checked(call, {"reason": error.message}), **told)
        case Overloaded():
            _log.warning("overloaded", code=error.code, **told)
        case _:
            _log.error("call failed", code=error.code, **_checked(call, {"reason": error.message}), **told)


def _told_of(call: Call) -> dict[str, object]:
    """Describe a call: its id, its address, what it is warned of, and what became of it."""
    request = call.request
    team = {"team": call.caller.team} if call.caller.team else {}
    warnings = {"warnings": listed(call.warnings)} if call.warnings else {}
    texts = _checked(call, {"method": request.method, "path": request.path, **team, **warnings})
    ms = round(call.seconds * 1000, 1)
    return {"id": request.id, **texts, "status": call.response.status, "ms": ms, "route": call.route}


def _checked(call: Call, texts: Mapping[str, str]) -> dict[str, str]:
    return loggable(call.request, texts)


def _as_json(told: Mapping[str, object]) -> str:
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE).decode()


def _as_text(told: Mapping[str, object]) -> str:
    """Print a line that looks like those of structlog's console; a path and a team hold no control character."""
    head = f"{told['timestamp']} [info     ] {told['event']:<30}"
    fields = " ".join(f"{name}={value}" for name, value in told.items() if name not in ("timestamp", "level", "event"))
    return f"{head} {fields}\n"


def _to_stderr(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
