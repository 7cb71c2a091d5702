"""How many calls may be in flight at a time."""

import asyncio

from runproxy.errors import TooManyCalls


class Turnstile:
    """Lets `most` calls in at a time; as many more wait for up to `wait_s` seconds, each in its turn."""

    def __init__(self, most: int, wait_s: float) -> None:
        self._most = most
        self._wait_s = wait_s
        self._places = asyncio.Semaphore(most)
        self._waiting = 0

    async def enter(self) -> None:
        """Come in, or wait for a place; raises `TooManyCalls`. Who has come in has to `leave`."""
        if not self._places.locked():
            await self._places.acquire()
            return
        if self._waiting >= self._most:
            raise TooManyCalls(self._most)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError:
            raise TooManyCalls(self._most) from None
        finally:
            self._waiting -= 1

    def leave(self) -> None:
        """Make place for another call."""
        self._places.release()
