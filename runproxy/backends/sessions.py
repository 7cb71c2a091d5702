"""Sessions: for parallel tests, each its own cassette and its own cursor on one server.

A session answers below `/~ID/…`. It ends when it is told to, or by itself when nobody has called it for a while.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from runproxy.backends.faults import Chooser
from runproxy.backends.replay import OnExhausted, Player
from runproxy.backends.take import Take
from runproxy.backends.verify import Drifts
from runproxy.errors import CassetteMiss, RunproxyError, UnknownSession
from runproxy.matching import MatchSettings
from runproxy.messages import OUTCOME_HEADER, Backend, Request, Response

_MOST_MISSED: Final = 1000
"""So many misses are told one by one; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session is to be."""

    cassette: str
    mode: str
    on_exhausted: OnExhausted
    match: MatchSettings
    timing: str | None = None
    faults: Chooser | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """What a session is made of: what answers, and what can tell in the end what was played and recorded."""

    backend: Backend
    replay: Player | None = None
    take: Take | None = None
    drifts: Drifts | None = None
    faults: Chooser | None = None


@dataclass(slots=True)
class Session:
    """One session: a cassette, a mode, and what became of its calls."""

    name: str
    cassette: str
    mode: str
    opened: Opened
    last_used: float
    outcomes: dict[str, int] = field(default_factory=dict)
    missed: list[dict[str, str]] = field(default_factory=list)

    async def send(self, request: Request) -> Response:
        """Answer one call; raises `RunproxyError`."""
        try:
            response = await self.opened.backend.send(request)
        except CassetteMiss as miss:
            if len(self.missed) < _MOST_MISSED:
                reason = str(miss.details["reason"])
                self.missed.append({"method": request.method, "path": request.path, "reason": reason})
            self._count(miss)
            raise
        except RunproxyError as error:
            self._count(error)
            raise
        outcome = response.headers[OUTCOME_HEADER]
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        return response

    def _count(self, error: RunproxyError) -> None:
        self.outcomes[error.outcome] = self.outcomes.get(error.outcome, 0) + 1

    def report(self) -> dict[str, object]:
        """Tell what was played, missed and left unused."""
        usage = self.opened.replay.usage() if self.opened.replay else None
        return {
            "session": self.name,
            "cassette": self.cassette,
            "mode": self.mode,
            "calls": dict(self.outcomes),
            "missed": list(self.missed),
            "interactions": usage.interactions if usage else 0,
            "unused": list(usage.unused) if usage else [],
            "usage": {"cassettes": {self.cassette: usage.model_dump(mode="json")} if usage else {}},
            **({"drifted": self.opened.drifts.latest} if self.opened.drifts else {}),
            **({"faults": dict(self.opened.faults.struck)} if self.opened.faults else {}),
        }


class Sessions:
    """The sessions of a server.

    `open` makes what a session consists of; `now` tells seconds, `new_name` gives a name that nobody can guess.
    `ended` hears of every session that is over.
    A session that nobody has called for `idle_s` seconds is over.
    """

    def __init__(
        self,
        open_: Callable[[Plan], Awaitable[Opened]],
        *,
        idle_s: float,
        now: Callable[[], float],
        new_name: Callable[[], str],
        ended: Callable[[Session], None] = lambda _: None,
    ) -> None:
        self._open = open_
        self._idle_s = idle_s
        self._now = now
        self._new_name = new_name
        self._ended = ended
        self._running: dict[str, Session] = {}

    @property
    def running(self) -> list[Session]:
        """The sessions that are not over, the oldest first."""
        return list(self._running.values())

    async def start(self, plan: Plan) -> Session:
        """Start a session; raises `RunproxyError` for a cassette or a mode that cannot be had."""
        opened = await self._open(plan)
        session = Session(self._new_name(), plan.cassette, plan.mode, opened, self._now())
        self._running[session.name] = session
        return session

    def find(self, name: str) -> Session:
        """Give the session that a call names, and note that it is in use; raises `UnknownSession`."""
        session = self._running.get(name)
        if session is None:
            raise UnknownSession(
                "There is no session of this name: it was never started here, was ended, or ended by itself because "
                f"nobody called it for {self._idle_s:g} seconds.",
                code="unknown_session",
            )
        session.last_used = self._now()
        return session

    async def end(self, name: str) -> dict[str, object]:
        """End a session, finish its recording, and tell what became of it; raises `UnknownSession`."""
        session = self.find(name)
        del self._running[name]
        if session.opened.take:
            await session.opened.take.finish()
        self._ended(session)
        return session.report()

    async def end_abandoned(self) -> list[dict[str, object]]:
        """End the sessions that nobody has called for too long, and tell what became of them."""
        over = [one.name for one in self.running if self._now() - one.last_used > self._idle_s]
        return [await self.end(name) for name in over]

    async def end_all(self) -> None:
        """End all sessions."""
        for session in self.running:
            await self.end(session.name)
