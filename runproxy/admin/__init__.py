"""The admin listener: health, status and reloading, on loopback only."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import orjson
from aiohttp import web

from runproxy.errors import ConfigError

_LOOPBACK: Final = re.compile(r"(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])(?::\d+)?", re.IGNORECASE)


def make_app(
    status: Callable[[], Mapping[str, object]],
    is_ready: Callable[[], bool],
    reload: Callable[[], Mapping[str, object]],
) -> web.Application:
    """Build the admin application: `/healthz`, `/readyz`, `/api/status` and `POST /api/reload`."""

    async def healthz(_: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        ready = is_ready()
        return _json({"status": "ready" if ready else "stopping"}, status=200 if ready else 503)

    async def api_status(_: web.Request) -> web.Response:
        return _json(status())

    async def api_reload(_: web.Request) -> web.Response:
        try:
            return _json({"reloaded": True, **reload()})
        except ConfigError as error:
            return _json({"reloaded": False, "error": error.message}, status=422)

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
        return _json({"error": "The admin API answers programs and pages of this machine only."}, status=403)
    return await handler(request)


def _json(value: Mapping[str, object], status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(value, option=orjson.OPT_INDENT_2), status=status, content_type="application/json"
    )
