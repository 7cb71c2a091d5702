"""The pages of calls that no recording answered: which ones, what was nearest, and how to record them."""

from aiohttp import web

from runproxy.admin.pages.rendering import Renderer
from runproxy.admin.pages.sources import Sources


def add_misses(app: web.Application, sources: Sources, renderer: Renderer) -> None:
    """Add the list, and the page of one miss."""

    async def misses(_: web.Request) -> web.Response:
        return renderer.page("misses.html", {"section": "misses", "misses": await sources.latest("misses")})

    async def miss(request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        found = next((held for held in await sources.latest("misses") if held["id"] == wanted), None)
        if found is None:
            return renderer.problem("misses", "There is no such miss; only the latest are kept.")
        return renderer.page("miss.html", {"section": "misses", "miss": found})

    app.router.add_get("/misses", misses)
    app.router.add_get("/misses/{id}", miss)
