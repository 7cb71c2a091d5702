"""An event loop in a thread of its own, so that code without one, or with one that is busy, can use what runs on it."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any, Final, Self, TypeVar

_Result = TypeVar("_Result")

THREAD_PREFIX: Final = "runproxy-"
"""How the threads are named that belong to runproxy, and not to the code under test."""


class LoopThread:
    """Runs an event loop in a thread, which the end of the process does not wait for; use it as a context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        # Names are resolved in threads of this pool, and must be known as runproxy's own as well.
        self._loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix=f"{THREAD_PREFIX}pool"))
        self._thread = Thread(target=self._run, name=f"{THREAD_PREFIX}loop", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def is_running(self) -> bool:
        """Whether it has been entered, and not yet left."""
        return self._thread.is_alive()

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Run to the end on the loop, and give the result, or raise what was raised; the caller waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()
