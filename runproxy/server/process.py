"""A server process: it says when it is ready, and stops in good order when told to."""

import asyncio
import json
import os
import resource
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from runproxy.errors import ConfigError


class ReadyFile:
    """A JSON file that is there exactly while connections are accepted; it appears whole, and an empty path is none."""

    def __init__(self, path: str, content: Mapping[str, object]) -> None:
        self._path = Path(path) if path else None
        self._content = dict(content)

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                fresh = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
                fresh.write_text(json.dumps({**self._content, "pid": os.getpid()}) + "\n", encoding="utf-8")
                fresh.replace(self._path)
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or "that is no name for a file"
                raise ConfigError(f"Cannot write the ready file {self._path}: {reason}.") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)


_OTHER_FILES: Final = 512  # logs, cassettes, the admin listener, and connections that are turned away


def files_needed(connections: int) -> int:
    """Say how many files may be open where there are so many connections, each with one to an upstream."""
    return 2 * connections + _OTHER_FILES


def allow_open_files(count: int) -> int:
    """Let this process open so many files at a time, as far as it may decide that; gives how many it can open."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < count:
        wanted = count if most == resource.RLIM_INFINITY else min(count, most)
        with suppress(ValueError, OSError):  # a system may have a limit of its own below what it tells
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return count if allowed == resource.RLIM_INFINITY else allowed


def watch_signals(
    say: Callable[[str], None],
    reload: Callable[[], object] | None = None,
    at_once: Callable[[], object] = lambda: None,
) -> Callable[[], Awaitable[None]]:
    """Take SIGTERM and Ctrl-C from now on; gives what waits for one of them and says that draining begins.

    A second signal calls `at_once` and ends the process. SIGHUP calls `reload`, which tells of its own `ConfigError`.
    Do this before anybody is told that the server is ready, or a signal right after that ends it without draining.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop() -> None:
        if stopped.is_set():
            at_once()
            os._exit(1)
        stopped.set()

    had_terminal = _has_terminal()

    def hang_up() -> None:
        if reload is None or (had_terminal and not _has_terminal()):  # the window was closed, nobody asked to reload
            stop()
            return
        with suppress(ConfigError):
            reload()

    loop.add_signal_handler(signal.SIGHUP, hang_up)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)

    async def wait() -> None:
        await stopped.wait()
        say("Stopping: no new calls, waiting for those in flight. Once more stops at once.")

    return wait


def _has_terminal() -> bool:
    """Tell whether a terminal controls this process."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
