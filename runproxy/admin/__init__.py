"""The admin listener: health, figures, reloading, sessions, verdicts and pages, for whom `access` lets in."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from runproxy.admin.access import Access, is_loopback
from runproxy.admin.answers import as_json
from runproxy.admin.metrics import Measured, add_metrics
from runproxy.admin.misses import add_verdicts
from runproxy.admin.openapi import add_openapi
from runproxy.admin.pages import Audited, Library, Sources, add_pages
from runproxy.admin.sessions import Wanted, add_sessions
from runproxy.errors import ConfigError

__all__ = [
    "Access",
    "Application",
    "Audited",
    "Library",
    "Measured",
    "Sources",
    "add_metrics",
    "add_pages",
    "add_sessions",
    "add_verdicts",
    "is_loopback",
    "make_app",
]

Application = web.Application


def make_app(
    status: Callable[[], Mapping[str, object]],
    why_unready: Callable[[], Awaitable[str]],
    reload: Callable[[], Mapping[str, object]],
    access: Access,
) -> web.Application:
    """Build the admin application: `/healthz`, `/readyz`, `/api/status`, `POST /api/reload` and its own description."""

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

    app = web.Application(middlewares=[access.middleware()])
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/api/status", api_status)
    app.router.add_post("/api/reload", api_reload)
    add_openapi(app, Wanted)
    return app
