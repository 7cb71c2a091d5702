"""The supervisor: holds the sockets, starts workers and keeps them going, and tells of them at the admin listener."""

import asyncio
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from runproxy.admin.workers import Supervised, Worker, ask, make_workers_app
from runproxy.composition.listening import place_of, tls_of
from runproxy.composition.rules import Reloader, make_rules
from runproxy.composition.side import make_access, make_audited, make_library
from runproxy.config import Settings, policy_in
from runproxy.errors import ConfigError
from runproxy.server import HostPort, routed
from runproxy.workers.child import Child
from runproxy.workers.crew import Crew, Member
from runproxy.workers.order import Order, write_settings

_GRACE_S: Final = 30.0
"""How much longer than draining a worker may take to end, for recordings that are to be finished."""

_OK: Final = 200


@dataclass(slots=True)
class Workers:
    """Running workers: where they listen, and how they are told what to do."""

    settings: Settings
    folder: Path
    crew: Crew
    reloader: Reloader
    url: str = ""
    admin_url: str = ""
    base_path: str = ""
    is_loaded: bool = False
    serving: asyncio.Event = field(default_factory=asyncio.Event)
    keeping: "asyncio.Task[None] | None" = None
    """What starts workers again; it ends with `WorkersFailed` when none starts any more."""
    is_orderly: bool = True
    """Whether all workers have ended in time."""
    _reloading: "asyncio.Task[None] | None" = None

    @property
    def base_url(self) -> str:
        """What a client sets as its base URL."""
        return self.url + self.base_path

    async def reload(self) -> dict[str, object]:
        """Read the settings anew, and have all workers do so; raises `ConfigError`, and then all stays as it is."""
        told = self.reloader.reload()
        write_settings(self.folder, self.reloader.settings)
        for member in self.crew.members:
            if not await member.is_ready():  # one that is just starting may have read the settings of before
                continue
            answer = await ask(_as_worker(member), "/api/reload", "POST")
            if answer is None or answer[0] != _OK:
                raise ConfigError(f"Worker {member.order.number} has not taken the new rules; its log says why.")
        return told

    def reload_soon(self) -> None:
        """Do so, and tell of it in the log."""

        async def reload() -> None:
            with suppress(ConfigError):  # which is in the log, or in that of the worker
                await self.reload()

        self._reloading = asyncio.create_task(reload())

    async def until(self, stopped: Callable[[], Awaitable[None]]) -> None:
        """Wait until it is time to stop; raises `WorkersFailed` when no worker starts any more."""
        if self.keeping is None:
            raise RuntimeError("the workers have not been started")
        stopping = asyncio.ensure_future(stopped())
        await asyncio.wait([stopping, self.keeping], return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            stopping.cancel()
            await self.keeping

    def known(self) -> list[Worker]:
        """Give the workers that can be asked."""
        return [_as_worker(member) for member in self.crew.members if member.ready]

    def status(self) -> dict[str, object]:
        """Tell what only the supervisor knows."""
        workers = [
            {"worker": member.order.number, "pid": member.pid, "restarts": self.crew.restarts[member.order.number]}
            for member in self.crew.members
        ]
        return {"rules": asdict(self.reloader.summary()), "sessions": 0, "pid": os.getpid(), "workers": workers}


@asynccontextmanager
async def running_workers(settings: Settings, reread: Callable[[], Settings]) -> AsyncIterator[Workers]:
    """Run as many workers as the settings ask for; leaving the context drains them all.

    Raises `ConfigError` for settings that cannot work, and `WorkersFailed` when a worker does not start.
    """
    policy = policy_in(settings)
    make_rules(settings, policy)
    tls = tls_of(settings.listen)
    place = place_of(settings.listen)
    with tempfile.TemporaryDirectory(prefix="runproxy-") as name:
        folder = Path(name)
        write_settings(folder, settings)
        sockets = place.bind()
        try:
            origin = place.url(sockets, "https" if tls else "http")
            crew = Crew(settings.listen.workers, _starting(sockets, origin, folder))
            workers = Workers(settings, folder, crew, Reloader(settings, policy, reread, lambda _: None), origin)
            async with _told_of(workers), _kept(workers, sockets):
                yield workers
        finally:
            for bound in sockets:
                bound.close()
            place.leave()


def _starting(sockets: list[socket.socket], origin: str, folder: Path) -> Callable[[int], Awaitable[Member]]:
    descriptors = tuple(bound.fileno() for bound in sockets)

    async def start(number: int) -> Member:
        return await Child.start(Order(number, descriptors, origin, folder))

    return start


@asynccontextmanager
async def _told_of(workers: Workers) -> AsyncIterator[None]:
    """Serve the admin listener for as long as the context lasts."""
    listen = workers.settings.listen
    library = make_library(workers.settings)
    supervised = Supervised(
        workers.known,
        workers.serving.is_set,
        workers.status,
        workers.crew.restarts.total,
        workers.reload,
        library,
        make_audited(workers.settings),
    )
    app = make_workers_app(supervised, make_access(listen))
    place = HostPort(listen.admin_host, listen.admin_port, "--admin-port")
    async with routed(app, place, workers.settings.limits.drain_s) as listener:
        workers.admin_url = listener.url
        yield


@asynccontextmanager
async def _kept(workers: Workers, sockets: list[socket.socket]) -> AsyncIterator[None]:
    """Start the workers and keep them going for as long as the context lasts."""
    crew = workers.crew
    try:
        ready = await crew.start()
        workers.base_path, workers.is_loaded = ready.base_path, ready.is_loaded
        workers.keeping = asyncio.create_task(crew.keep())
        workers.serving.set()
        yield
    finally:
        workers.serving.clear()
        if workers.keeping is not None:
            workers.keeping.cancel()
            await asyncio.gather(workers.keeping, return_exceptions=True)
        for bound in sockets:  # with the last worker that closes its own, nobody listens any more
            bound.close()
        workers.is_orderly = await crew.stop(workers.settings.limits.drain_s + _GRACE_S)


def _as_worker(member: Member) -> Worker:
    return Worker(f"{member.order.number}:{member.pid}", member.order.admin_socket)
