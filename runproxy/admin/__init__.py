"""The admin listener: health and status, on loopback only."""

from collections.abc import Callable, Mapping

import orjson
from aiohttp import web


def make_app(status: Callable[[], Mapping[str, object]], is_ready: Callable[[], bool]) -> web.Application:
    """Build the admin application: `/healthz`, `/readyz` and `/api/status`."""

    async def healthz(_: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        ready = is_ready()
        return _json({"status": "ready" if ready else "stopping"}, status=200 if ready else 503)

    async def api_status(_: web.Request) -> web.Response:
        return _json(status())

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/api/status", api_status)
    return app


def _json(value: Mapping[str, object], status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(value, option=orjson.OPT_INDENT_2), status=status, content_type="application/json"
    )
