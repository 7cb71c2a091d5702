"""Keeping workers going, with workers and a clock that tests make."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from runproxy.errors import WorkersFailed
from runproxy.workers.child import how_ended
from runproxy.workers.crew import Crew, Pauses
from runproxy.workers.order import Ended, Order, Ready

READY = Ready("/v1", is_loaded=True)


class Fake:
    """A worker that is ready at once, or never, and ends when it is told to."""

    def __init__(self, number: int, *, starts: bool = True, code: int = 0, obeys: bool = True) -> None:
        self.order = Order(number, (), "http://x", Path())
        self.started = 0.0
        self.ready = READY if starts else None
        self.ended: Ended | None = None
        self.pid = 1000 + number
        self.was_killed = False
        self._obeys = obeys
        self._code = code
        self._is_over = asyncio.Event()
        if not starts:
            self._is_over.set()

    async def is_ready(self) -> bool:
        """Say so at once."""
        return self.ready is not None

    async def end(self) -> int:
        """Wait until it is ended."""
        await self._is_over.wait()
        return self._code

    def stop(self) -> None:
        """End in good order, if it obeys."""
        if self._obeys:
            self.ended = Ended({"replayed": self.order.number}, has_drifted=self.order.number == 3)
            self._is_over.set()

    def kill(self) -> None:
        """End at once."""
        self.was_killed = True
        self._is_over.set()

    def die(self, code: int = -9) -> None:
        """End as if killed by somebody."""
        self._code = code
        self._is_over.set()


class Theatre:
    """Starts fakes, and keeps them and the pauses between them."""

    def __init__(self, make: Callable[[int, int], Fake] = lambda number, nth: Fake(number)) -> None:
        self._make = make
        self.started: list[Fake] = []
        self.paused: list[float] = []

    def crew(self, count: int) -> Crew:
        """Make a crew of so many."""
        return Crew(count, self._start, now=lambda: 0.0, sleep=self._sleep)

    async def _start(self, number: int) -> Fake:
        nth = sum(fake.order.number == number for fake in self.started)
        self.started.append(self._make(number, nth))
        return self.started[-1]

    async def _sleep(self, seconds: float) -> None:
        self.paused.append(seconds)
        await asyncio.sleep(0)


async def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - what is waited for is told by no event
            await asyncio.sleep(0)


def test_pauses_grow_while_workers_die_young() -> None:
    """Up to ten seconds; one that lived for a while is started again soon."""
    pauses = Pauses()
    assert [pauses.after(0) for _ in range(9)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert [pauses.after(60), pauses.after(1)] == [0.1, 0.2]


async def test_all_are_started_and_end_in_good_order() -> None:
    """What they have told of their calls is added up."""
    theatre = Theatre()
    crew = theatre.crew(3)
    assert await crew.start() == READY
    assert [member.order.number for member in crew.members] == [1, 2, 3]
    assert await crew.stop(1)
    assert (crew.calls, crew.has_drifted, crew.untold, crew.members) == ({"replayed": 6}, True, 0, [])
    assert not any(fake.was_killed for fake in theatre.started)


async def test_one_that_does_not_start_ends_the_start() -> None:
    """The first is started alone, so that its reason is told once; its exit code is that of all."""
    theatre = Theatre(lambda number, _: Fake(number, starts=False, code=2))
    with pytest.raises(WorkersFailed) as caught:
        await theatre.crew(3).start()
    assert (caught.value.exit_code, caught.value.message) == (2, "Worker 1 did not start (exit code 2).")
    assert len(theatre.started) == 1


async def test_a_later_one_that_does_not_start_ends_the_start_too() -> None:
    """One that was killed has no exit code to hand on."""
    theatre = Theatre(lambda number, _: Fake(number, starts=number < 3, code=-9))
    crew = theatre.crew(3)
    with pytest.raises(WorkersFailed) as caught:
        await crew.start()
    assert (caught.value.exit_code, caught.value.message) == (1, "Worker 3 did not start (SIGKILL).")
    assert await crew.stop(1)


async def test_one_that_dies_is_started_again() -> None:
    """With its number, after a pause; what it had answered is not known."""
    theatre = Theatre()
    crew = theatre.crew(2)
    await crew.start()
    keeping = asyncio.create_task(crew.keep())
    theatre.started[0].die()
    await until(lambda: len(theatre.started) == 3)
    assert [fake.order.number for fake in theatre.started] == [1, 2, 1]
    assert (theatre.paused, crew.restarts, crew.untold) == ([0.1], {1: 1}, 1)
    keeping.cancel()
    await asyncio.wait([keeping])
    assert await crew.stop(1)
    assert crew.calls == {"replayed": 3}


async def test_as_long_as_one_answers_the_others_are_tried_again() -> None:
    """However often they do not start."""
    theatre = Theatre(lambda number, nth: Fake(number, starts=number == 1 or nth in (0, 20), code=2))
    crew = theatre.crew(2)
    await crew.start()
    keeping = asyncio.create_task(crew.keep())
    theatre.started[1].die()
    await until(lambda: len(crew.members) == 2 and len(theatre.started) == 22)
    assert theatre.paused[:4] == [0.1, 0.2, 0.4, 0.8]
    assert not keeping.done()
    keeping.cancel()
    await asyncio.wait([keeping])
    await crew.stop(1)


async def test_when_none_answers_and_none_starts_it_is_given_up() -> None:
    """With the exit code of the last one."""
    theatre = Theatre(lambda number, nth: Fake(number, starts=nth == 0, code=2))
    crew = theatre.crew(2)
    await crew.start()
    keeping = asyncio.create_task(crew.keep())
    for fake in list(theatre.started):
        fake.die()
    async with asyncio.timeout(10):
        with pytest.raises(WorkersFailed) as caught:
            await keeping
    assert caught.value.exit_code == 2
    assert 5 <= sum(crew.restarts.values()) <= 6
    assert await crew.stop(1)


async def test_one_that_does_not_end_in_time_is_ended() -> None:
    """And that is told."""
    theatre = Theatre(lambda number, _: Fake(number, obeys=number == 1))
    crew = theatre.crew(2)
    await crew.start()
    assert not await crew.stop(0.05)
    assert [fake.was_killed for fake in theatre.started] == [False, True]
    assert (crew.calls, crew.untold) == ({"replayed": 1}, 1)


@pytest.mark.parametrize(
    ("code", "told"), [(0, "exit code 0"), (2, "exit code 2"), (-9, "SIGKILL"), (-11, "SIGSEGV"), (-99, "signal 99")]
)
def test_how_a_process_ended_is_told_in_words(code: int, told: str) -> None:
    """By exit code, or by the name of the signal."""
    assert how_ended(code) == told
