"""The latest misses, hits, errors and drifts over HTTP, for `runproxy why` and for people."""

from aiohttp import web

from runproxy.admin.answers import as_json
from runproxy.backends import Drifts
from runproxy.verdicts import Verdicts


def add_verdicts(app: web.Application, verdicts: Verdicts, drifts: Drifts) -> None:
    """Add `GET /api/misses`, `GET /api/misses/ID`, `/api/hits`, `/api/errors` and `/api/drift`, the latest first."""

    async def misses(_: web.Request) -> web.Response:
        return as_json({"misses": verdicts.misses[::-1]})

    async def miss(request: web.Request) -> web.Response:
        found = [held for held in verdicts.misses if held["id"] == request.match_info["id"]]
        if not found:
            return as_json({"error": "There is no such miss; only the latest are kept."}, status=404)
        return as_json(found[0])

    async def hits(_: web.Request) -> web.Response:
        return as_json({"hits": verdicts.hits[::-1]})

    async def errors(_: web.Request) -> web.Response:
        return as_json({"errors": verdicts.errors[::-1]})

    async def drift(_: web.Request) -> web.Response:
        return as_json({"drift": drifts.latest[::-1]})

    app.router.add_get("/api/drift", drift)
    app.router.add_get("/api/misses", misses)
    app.router.add_get("/api/misses/{id}", miss)
    app.router.add_get("/api/hits", hits)
    app.router.add_get("/api/errors", errors)
