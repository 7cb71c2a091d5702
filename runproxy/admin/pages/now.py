"""The first page: what runs here, and how its calls fare."""

from typing import Final

from aiohttp import web

from runproxy.admin.pages.rendering import Renderer
from runproxy.admin.pages.sources import Sources

_LATEST: Final = 20


def add_now(app: web.Application, sources: Sources, renderer: Renderer) -> None:
    """Add the page."""

    async def now(_: web.Request) -> web.Response:
        status = await sources.status()
        if "mode" not in status:
            return renderer.problem("now", "No worker answers at this moment. Try again.", 503)
        told = {
            "section": "now",
            "status": status,
            "calls": sorted(status["calls"].items(), key=lambda held: (-held[1], held[0])),
            "errors": (await sources.latest("errors"))[:_LATEST],
            "misses": (await sources.latest("misses"))[:_LATEST],
        }
        return renderer.page("now.html", told)

    app.router.add_get("/", now)
