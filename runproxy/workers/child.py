"""A worker, as its supervisor knows it."""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from runproxy.workers.order import Ended, Order, Ready, decode

COMMAND: Final = (sys.executable, "-P", "-m", "runproxy.cli", "worker")
"""What starts a worker; with -P, a module in the folder of the person who started runproxy is not taken for ours."""


class Child:
    """A process that was told its `order`. `ready` and `ended` are what it has told, None until it has."""

    def __init__(self, order: Order, process: asyncio.subprocess.Process) -> None:
        self.order = order
        self.started = time.monotonic()
        self.ready: Ready | None = None
        self.ended: Ended | None = None
        self._process = process
        self._is_decided = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, order: Order, command: Sequence[str] = COMMAND) -> "Child":
        """Start a process, and tell it what it is to do; its log goes to where the supervisor's goes.

        It has a session of its own, so that Ctrl-C reaches the supervisor alone, also while workers start.
        """
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, pass_fds=order.sockets, start_new_session=True
        )
        if process.stdin is not None:
            process.stdin.write(order.encode())
        return cls(order, process)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def is_ready(self) -> bool:
        """Wait until it answers calls, or has ended before."""
        await self._is_decided.wait()
        return self.ready is not None

    async def end(self) -> int:
        """Wait for its end, and give the exit code, or the number of the signal that ended it, negative."""
        await asyncio.wait([self._listening])  # which goes on when whoever waits here is cancelled
        return await self._process.wait()

    def stop(self) -> None:
        """Tell it to drain and end."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def _listen(self) -> None:
        """Hear all it tells, to its end."""
        while self._process.stdout is not None and (line := await self._process.stdout.readline()):
            match decode(line):
                case Ready() as ready:
                    self.ready = ready
                    self._is_decided.set()
                case Ended() as ended:
                    self.ended = ended
        self._is_decided.set()


def how_ended(code: int) -> str:
    """Say how a process has ended."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
