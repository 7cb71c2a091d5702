"""The admin listener: health, status, reloading, sessions and verdicts, on loopback only."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from runproxy.admin.answers import as_json
from runproxy.admin.metrics import Measured, add_metrics
from runproxy.admin.misses import add_verdicts
from runproxy.admin.sessions import add_sessions
from runproxy.errors import ConfigError

__all__ = ["Application", "Measured", "add_metrics", "add_sessions", "add_verdicts", "make_app"]

Application = web.Application
_LOOPBACK: Final = re.compile(r"(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])(?::\d+)?", re.IGNORECASE)


def make_app(
    status: Callable[[], Mapping[str, object]],
    why_unready: Callable[[], Awaitable[str]],
    reload: Callable[[], Mapping[str, object]],
) -> web.Application:
    """Build the admin application: `/healthz`, `/readyz`, `/api/status` and `POST /api/reload`."""

    async def healthz(_: web.Request) -> web.Response:
        return as_json({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        reason = await why_unready()
        told = {"status": "not ready", "reason": reason} if reason else {"status": "ready"}
        return as_json(told, status=503 if reason else 200)

    async def api_status(_: web.Request) -> web.Response:
        return as_json(status())

    async def api_reload(_: web.Request) -> web.Response:
        try:
            return as_json({"reloaded": True, **reload()})
        except ConfigError as error:
            return as_json({"reloaded": False, "error": error.message}, status=422)

    app = web.Application(middlewares=[_for_this_machine])
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/api/status", api_status)
    app.router.add_post("/api/reload", api_reload)
    return app


@web.middleware
async def _for_this_machine(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse what a page in a browser sends from elsewhere: by another origin, or by a name that leads here."""
    origin = request.headers.get("Origin")
    if not _LOOPBACK.fullmatch(request.host) or (origin is not None and origin != f"{request.scheme}://{request.host}"):
        return as_json({"error": "The admin API answers programs and pages of this machine only."}, status=403)
    return await handler(request)
