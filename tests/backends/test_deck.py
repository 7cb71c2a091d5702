"""The deck: one backend for each cassette, looked after now and then, and bounded where nothing would be lost."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from runproxy.backends import Deck, Loaded
from runproxy.errors import CassetteNotWritable
from runproxy.messages import Request, Response


class Named:
    """A backend that can be told from others."""

    async def send(self, request: Request) -> Response:
        """Answer nothing."""
        raise NotImplementedError


class Clock:
    """A time that only tests move."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Shop:
    """Makes backends, and counts what it is asked for."""

    def __init__(self, clock: Clock, *, lasts: Callable[[str], bool] = lambda _: True, takes_s: float = 0.0) -> None:
        self.clock = clock
        self.lasts = lasts
        self.takes_s = takes_s
        self.is_current = True
        self.counts: Counter[str] = Counter()

    async def load(self, name: str) -> Loaded:
        """Make one."""
        self.counts[f"load {name}"] += 1

        async def renew() -> bool:
            self.counts[f"look {name}"] += 1
            await asyncio.sleep(0)
            self.clock.seconds += self.takes_s
            return self.is_current

        return Loaded(Named(), lambda: self.lasts(name), renew)


@pytest.fixture
def clock() -> Clock:
    """Give a time."""
    return Clock()


async def use(deck: Deck, name: str | None = None) -> object:
    """Find a backend as the service does."""
    return deck.ready(name) or await deck.backend(name)


async def test_a_backend_is_made_once_and_looked_after_once_a_second(clock: Clock) -> None:
    """However many calls there are."""
    shop = Shop(clock)
    deck = Deck("tape", shop.load, clock)
    first = await use(deck)
    for _ in range(30):
        assert await use(deck) is first
        clock.seconds += 0.1
    assert shop.counts == {"load tape": 1, "look tape": 2}
    assert deck.names == ["tape"]


async def test_who_calls_while_somebody_looks_waits_and_does_not_look_again(clock: Clock) -> None:
    """All of them get what was found."""
    shop = Shop(clock)
    deck = Deck("tape", shop.load, clock)
    await use(deck)
    clock.seconds += 1
    shop.is_current = False
    found = await asyncio.gather(*(use(deck) for _ in range(5)))
    assert len(set(found)) == 1
    assert shop.counts == {"load tape": 2, "look tape": 1}


async def test_looking_that_takes_long_is_done_less_often(clock: Clock) -> None:
    """A cassette that takes half a second to read is read every ten seconds at most, and holds up no other one."""
    shop = Shop(clock, takes_s=0.5)
    deck = Deck("tape", shop.load, clock)
    await use(deck)
    for _ in range(20):
        clock.seconds += 1
        await use(deck)
    assert shop.counts["look tape"] == 2


async def test_what_is_not_there_is_looked_for_at_every_call(clock: Clock) -> None:
    """A cassette that comes to be is found at once."""
    shop = Shop(clock, lasts=lambda _: False)
    deck = Deck("tape", shop.load, clock)
    for _ in range(4):
        await use(deck)
    assert shop.counts == {"load tape": 1, "look tape": 3}
    assert (deck.names, deck.has_default) == ([], False)


async def test_names_that_clients_make_up_are_forgotten(clock: Clock) -> None:
    """But never a cassette in which something would be lost, nor the default one."""
    shop = Shop(clock, lasts=lambda name: name.startswith("held"))
    deck = Deck("tape", shop.load, clock)
    first = await use(deck)
    held = [await use(deck, f"held-{number}") for number in range(10)]
    for number in range(5_000):
        await use(deck, f"made-up-{number}")
    assert len(deck._held) <= 1_011
    assert await use(deck) is first
    assert [await use(deck, f"held-{number}") for number in range(10)] == held
    await use(deck, "made-up-4999")
    assert shop.counts["load made-up-4999"] == 1


async def test_all_are_finished_even_where_one_cannot_be() -> None:
    """And that is told."""
    finished: list[str] = []

    def finish(name: str) -> Callable[[], Awaitable[None]]:
        async def done() -> None:
            if name == "full":
                raise CassetteNotWritable("the disk is full")
            finished.append(name)

        return done

    async def load(name: str) -> Loaded:
        return Loaded(Named(), finish=finish(name))

    deck = Deck("full", load)
    for name in ("full", "a", "b"):
        await deck.backend(name)
    with pytest.raises(CassetteNotWritable, match="the disk is full"):
        await deck.finish()
    assert finished == ["a", "b"]


async def test_looking_that_fails_is_told_and_done_again_later(clock: Clock) -> None:
    """What failed costs one call."""

    async def load(_: str) -> Loaded:
        async def fail() -> bool:
            raise CassetteNotWritable("cannot look")

        return Loaded(Named(), renew=fail)

    deck = Deck("tape", load, clock)
    first = await use(deck)
    clock.seconds += 1
    with pytest.raises(CassetteNotWritable):
        await use(deck)
    assert await use(deck) is first
