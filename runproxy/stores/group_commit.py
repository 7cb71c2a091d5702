"""Group commit: callers that wait at the same time share one write."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

_NOT_AT_ONCE: Final = Exception("must wait")


class GroupCommit(Generic[Item]):
    """Writes items in the order they came, all that are waiting in one batch.

    `write` either writes the whole batch or raises, having written none of it; it may block and runs in a thread. A
    batch that fails is tried again one item at a time, so that an item fails for its own reason only, unless
    `concerns_all` says of what was raised that it is no item's own. `write_at_once` writes a batch that needs no
    waiting, and gives False for any other: a hand-over to a thread and back costs a busy event loop several
    milliseconds, a small write to the page cache some ten microseconds.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Item]], None],
        write_at_once: Callable[[Sequence[Item]], bool] = lambda _: False,
        concerns_all: Callable[[Exception], bool] = lambda _: False,
        gather_s: float = 0.0,
        crowd: int = 4,
    ) -> None:
        self._write = write
        self._write_at_once = write_at_once
        self._concerns_all = concerns_all
        self._gather_s = gather_s
        self._crowd = crowd
        self._is_crowded = False
        self._waiting: list[tuple[Item, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many items wait to be written."""
        return len(self._waiting)

    async def commit(self, item: Item) -> None:
        """Return when the item is written; raises what `write` raised for it."""
        await self.put(item)

    def put(self, item: Item) -> "asyncio.Future[None]":
        """Let an item be written, and give what ends when it is, or with what `write` raised for it."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, written))
        if self._writer is None:
            self._writer = asyncio.create_task(self._drain())
        return written

    async def until_written(self) -> None:
        """Return when nothing waits any more."""
        while self._writer is not None:
            await asyncio.wait([self._writer])

    async def _drain(self) -> None:
        try:
            while self._waiting:
                if self._is_crowded and self._gather_s:
                    await asyncio.sleep(self._gather_s)
                batch, self._waiting = self._waiting, []
                self._is_crowded = len(batch) > self._crowd
                await self._write_batch(batch)
        finally:
            self._writer = None

    async def _write_batch(self, batch: list[tuple[Item, asyncio.Future[None]]]) -> None:
        items = [item for item, _ in batch]
        error = self._attempt_at_once(items)
        if error is _NOT_AT_ONCE:
            error = await asyncio.to_thread(self._attempt, items)
        if error is not None and len(batch) > 1 and not self._concerns_all(error):
            for entry in batch:
                await self._write_batch([entry])
            return
        for _, written in batch:
            if written.cancelled():
                continue
            if error is None:
                written.set_result(None)
            else:
                written.set_exception(error)

    def _attempt_at_once(self, items: list[Item]) -> Exception | None:
        try:
            return None if self._write_at_once(items) else _NOT_AT_ONCE
        except Exception as error:  # noqa: BLE001 - handed to the caller that waits for the item
            return error

    def _attempt(self, items: list[Item]) -> Exception | None:
        try:
            self._write(items)
        except Exception as error:  # noqa: BLE001 - handed to the caller that waits for the item
            return error
        return None
