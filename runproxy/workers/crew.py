"""Keeping workers going: one that dies is started again, later each time it dies young, until nothing comes of it."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, Protocol

import structlog

from runproxy.errors import WorkersFailed
from runproxy.workers.child import how_ended
from runproxy.workers.order import Ended, Order, Ready

_log = structlog.get_logger("runproxy.workers")
_FIRST_PAUSE_S: Final = 0.1
_MOST_PAUSE_S: Final = 10.0
_GROWN_UP_S: Final = 10.0  # who has lived for so long did not die of its start
_MOST_FAILURES: Final = 5


class Member(Protocol):
    """A worker process; `Child` is one."""

    order: Order
    started: float
    ready: Ready | None
    ended: Ended | None

    @property
    def pid(self) -> int:
        """Its process id."""
        ...  # pragma: no cover

    async def is_ready(self) -> bool:
        """Wait until it answers calls, or has ended before."""
        ...  # pragma: no cover

    async def end(self) -> int:
        """Wait for its end, and give the exit code."""
        ...  # pragma: no cover

    def stop(self) -> None:
        """Tell it to drain and end."""
        ...  # pragma: no cover

    def kill(self) -> None:
        """End it at once."""
        ...  # pragma: no cover


class Pauses:
    """How long to wait before a worker is started again."""

    def __init__(self) -> None:
        self._young_deaths = 0

    def after(self, lived_s: float) -> float:
        """Give the pause after a life of so many seconds."""
        if lived_s >= _GROWN_UP_S:
            self._young_deaths = 0
        pause = min(_FIRST_PAUSE_S * float(2**self._young_deaths), _MOST_PAUSE_S)
        self._young_deaths += 1
        return pause


class Crew:
    """So many workers as it has numbers for, each started by `start`. `now` and `sleep` know of seconds."""

    def __init__(
        self,
        count: int,
        start: Callable[[int], Awaitable[Member]],
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._numbers = range(1, count + 1)
        self._start = start
        self._now = now
        self._sleep = sleep
        self._members: dict[int, Member] = {}
        self._failures = 0
        self.restarts: Counter[int] = Counter()
        self.calls: Counter[str] = Counter()
        self.has_drifted = False
        self.untold = 0
        """Workers that died and have not told how many calls they had answered."""

    @property
    def members(self) -> list[Member]:
        """The workers there are, by their numbers."""
        return [self._members[number] for number in sorted(self._members)]

    async def start(self) -> Ready:
        """Start all workers, and give what the first one told; raises `WorkersFailed` if one does not start.

        The first one starts alone, so that what is wrong with the settings is told once.
        """
        first, *others = self._numbers
        await self._begin(first)
        ready = self._members[first].ready
        await _all(self._begin(number) for number in others)
        if ready is None:
            raise RuntimeError("a worker that has begun is not ready")
        return ready

    async def keep(self) -> None:
        """Start workers that die again, for ever; raises `WorkersFailed` when none starts any more."""
        await _all(self._keep(number) for number in self._numbers)

    async def stop(self, within_s: float) -> bool:
        """Let all workers drain and end within so many seconds, and end those at once that do not; tells if all did."""
        for member in self.members:
            member.stop()
        ends = [asyncio.ensure_future(self._leave(member)) for member in self.members]
        _, late = await asyncio.wait(ends, timeout=within_s) if ends else (set(), set())
        self.kill()
        await asyncio.gather(*ends)
        return not late

    def kill(self) -> None:
        """End all workers at once."""
        for member in self.members:
            member.kill()

    async def _begin(self, number: int) -> None:
        """Start a worker; raises `WorkersFailed` if it ends before it is ready."""
        member = self._members[number] = await self._start(number)
        if not await member.is_ready():
            code = await self._leave(member)
            raise WorkersFailed(f"Worker {number} did not start ({how_ended(code)}).", code if code > 0 else 1)
        self._failures = 0

    async def _keep(self, number: int) -> None:
        pauses = Pauses()
        while True:
            lived_s = await self._life_of(number)
            await self._sleep(pauses.after(lived_s))
            self.restarts[number] += 1
            try:
                await self._begin(number)
            except WorkersFailed as error:
                self._failures += 1
                if self._failures >= _MOST_FAILURES and not any(member.ready for member in self.members):
                    raise
                _log.error("worker not started", worker=number, reason=error.message)

    async def _life_of(self, number: int) -> float:
        """Wait for the end of a worker, and tell how long it has lived, in seconds."""
        member = self._members.get(number)
        if member is None:
            return 0.0
        code = await self._leave(member)
        _log.error("worker ended", worker=number, pid=member.pid, how=how_ended(code))
        return self._now() - member.started

    async def _leave(self, member: Member) -> int:
        """Wait for the end of a worker, and count the calls that it had answered, once."""
        code = await member.end()
        if self._members.get(member.order.number) is member:
            del self._members[member.order.number]
            self._count(member)
        return code

    def _count(self, member: Member) -> None:
        if member.ended is not None:
            self.calls.update(member.ended.calls)
            self.has_drifted |= member.ended.has_drifted
        elif member.ready is not None:
            self.untold += 1


async def _all(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all at the same time; what one raises ends the others, and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
