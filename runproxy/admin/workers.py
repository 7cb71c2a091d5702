"""The admin listener of a supervisor: what its workers tell, put together into what one process would tell."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, Final, TypeAlias

import aiohttp
import orjson
import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from runproxy.admin.access import Access
from runproxy.admin.answers import as_json
from runproxy.admin.figures import Figures
from runproxy.admin.openapi import add_openapi
from runproxy.admin.pages import Audited, Library, Sources, add_pages
from runproxy.admin.sessions import Wanted
from runproxy.errors import ConfigError

_log = structlog.get_logger("runproxy.workers")
_PATIENCE: Final = aiohttp.ClientTimeout(total=5.0)
_OK: Final = 200
_NO_SESSIONS: Final = (
    "A session plays and records in one process, and here there are several workers. Start runproxy with --workers 1."
)
_Answer: TypeAlias = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that can be asked: `name` is its own for as long as it lives, `socket` is where it answers."""

    name: str
    socket: Path


@dataclass(frozen=True, slots=True)
class Supervised:
    """What an admin listener asks: the workers there are now, and what their supervisor knows itself.

    `status` gives what the status says beside what the workers tell, `restarts` how often one was started again, and
    `reload` has all of them read the rules anew.
    """

    workers: Callable[[], Sequence[Worker]]
    is_serving: Callable[[], bool]
    status: Callable[[], Mapping[str, object]]
    restarts: Callable[[], int]
    reload: Callable[[], Awaitable[Mapping[str, object]]]
    library: Library
    audit: Audited | None = None


async def ask(worker: Worker, path: str, method: str = "GET") -> _Answer | None:
    """Ask one worker; None where it does not answer."""
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(worker.socket)), timeout=_PATIENCE) as session,
            session.request(method, f"http://localhost{path}") as answer,
        ):
            return answer.status, await answer.read()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        _log.warning("worker does not tell of itself", worker=worker.name, reason=type(error).__name__)
        return None


def make_workers_app(supervised: Supervised, access: Access) -> web.Application:
    """Build the admin application of a supervisor."""
    app = web.Application(middlewares=[access.middleware()])
    desk = _Desk(supervised)
    add_pages(app, Sources(desk.now, desk.merged, supervised.library, supervised.audit))
    app.router.add_get("/healthz", desk.healthz)
    app.router.add_get("/readyz", desk.readyz)
    app.router.add_get("/metrics", desk.metrics)
    app.router.add_get("/api/status", desk.status)
    app.router.add_post("/api/reload", desk.reload)
    app.router.add_get("/api/misses/{id}", desk.miss)
    for name in ("misses", "hits", "errors", "drift"):
        app.router.add_get(f"/api/{name}", desk.latest(name))
    app.router.add_get("/api/sessions", desk.sessions)
    app.router.add_post("/api/sessions", desk.no_session)
    app.router.add_delete("/api/sessions/{name}", desk.no_session)
    add_openapi(app, Wanted)
    return app


class _Desk:
    """Answers what is asked at the admin listener."""

    def __init__(self, supervised: Supervised) -> None:
        self._supervised = supervised
        self._figures = Figures()
        self._counted: dict[str, Counter[str]] = {}
        self._ended: Counter[str] = Counter()
        """The calls of workers that have ended, as they told them last."""

    async def healthz(self, _: web.Request) -> web.Response:
        return as_json({"status": "ok"})

    async def readyz(self, _: web.Request) -> web.Response:
        """Be ready for as long as one worker is."""
        if not self._supervised.is_serving():
            return as_json({"status": "not ready", "reason": "stopping"}, status=503)
        told = await self._ask_all("/readyz")
        for status, body in told.values():
            if status == _OK:
                return web.Response(body=body, content_type="application/json")
        reasons = [orjson.loads(body) for _, body in told.values()]
        return as_json(reasons[0] if reasons else {"status": "not ready", "reason": "no worker answers"}, status=503)

    async def metrics(self, _: web.Request) -> web.Response:
        told = await self._ask_all("/metrics")
        texts = {name: body.decode() for name, (_, body) in told.items()}
        text = self._figures.summed(texts, self._alive(), self._supervised.restarts())
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def status(self, _: web.Request) -> web.Response:
        return as_json(await self.now())

    async def now(self) -> dict[str, Any]:
        """Tell of all workers what one process tells of itself."""
        told = [(name, orjson.loads(body)) for name, (_, body) in (await self._ask_all("/api/status")).items()]
        self._counted |= {name: Counter(one["calls"]) for name, one in told}
        for name in self._counted.keys() - self._alive():
            self._ended += self._counted.pop(name)
        calls = sum(self._counted.values(), self._ended)
        in_use = sorted({name for _, one in told for name in one["cassettes_in_use"]})
        first = told[0][1] if told else {}
        return {
            **first,
            "cassettes_in_use": in_use,
            "cassettes_played": _last_played([one["cassettes_played"] for _, one in told]),
            "live": sum(one["live"] for _, one in told),
            "calls": calls,
            **self._supervised.status(),
        }

    async def reload(self, _: web.Request) -> web.Response:
        try:
            return as_json({"reloaded": True, **(await self._supervised.reload())})
        except ConfigError as error:
            return as_json({"reloaded": False, "error": error.message}, status=422)

    async def miss(self, request: web.Request) -> web.Response:
        """Find a miss at the worker that has told of it."""
        told = await self._ask_all(request.path)
        found = [body for status, body in told.values() if status == _OK]
        if not found:
            return as_json({"error": "There is no such miss; only the latest are kept."}, status=404)
        return web.Response(body=found[0], content_type="application/json")

    def latest(self, name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Make what tells the latest of all workers, where they tell the time in that order."""

        async def answer(_: web.Request) -> web.Response:
            return as_json({name: await self.merged(name)})

        return answer

    async def merged(self, name: str) -> list[dict[str, Any]]:
        """Give the latest misses, hits, errors or drifts of all workers."""
        told = await self._ask_all(f"/api/{name}")
        return _merged([orjson.loads(body)[name] for _, body in told.values()])

    async def sessions(self, _: web.Request) -> web.Response:
        return as_json({"sessions": []})

    async def no_session(self, _: web.Request) -> web.Response:
        return as_json({"error": _NO_SESSIONS}, status=409)

    def _alive(self) -> set[str]:
        return {worker.name for worker in self._supervised.workers()}

    async def _ask_all(self, path: str) -> dict[str, _Answer]:
        workers = self._supervised.workers()
        answers = await asyncio.gather(*(ask(worker, path) for worker in workers))
        return {worker.name: answer for worker, answer in zip(workers, answers, strict=True) if answer is not None}


def _merged(lists: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Bring together lists that each begin with the latest: by time where it is told, else in turn."""
    if all("at" in entry for entry in chain(*lists)):
        return sorted(chain(*lists), key=lambda entry: str(entry["at"]), reverse=True)
    return list(_in_turn(lists))


def _last_played(told: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Say when each cassette was played last by any of several workers, whose times are all in UTC."""
    return {name: max(one[name] for one in told if name in one) for name in sorted(set().union(*told))}


def _in_turn(lists: Sequence[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    for row in zip_longest(*lists):
        yield from (entry for entry in row if entry is not None)
