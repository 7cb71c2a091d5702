"""The pages of cassettes: all of a folder, one with its calls, and one call as it was recorded."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from aiohttp import web

from runproxy.admin.pages.library import Library, Volume
from runproxy.admin.pages.rendering import Renderer
from runproxy.admin.pages.sources import Sources
from runproxy.cassettes import Cassette, Interaction
from runproxy.cassettes.values import ABSENT, PlainText, body_value
from runproxy.errors import CassetteNotFound, Refusal, RunproxyError
from runproxy.exchange.curl import write_curl
from runproxy.jsonstyle import INDENT_2, render
from runproxy.messages import Request, Response

_ON_A_PAGE: Final = 100
_MAX_SHOWN_CHARS: Final = 200_000
_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Body:
    """A body as it is shown; `left_out` characters of it are not."""

    text: str
    left_out: int = 0


def add_cassettes(app: web.Application, sources: Sources, renderer: Renderer) -> None:
    """Add the list, the page of a cassette, and the page of an interaction."""
    pages = _Pages(sources, renderer)
    app.router.add_get("/cassettes", pages.cassettes)
    app.router.add_get("/cassettes/{name}", pages.told(pages.cassette))
    app.router.add_get("/cassettes/{name}/{position:[0-9]{1,9}}", pages.told(pages.interaction))


class _Pages:
    def __init__(self, sources: Sources, renderer: Renderer) -> None:
        self._sources = sources
        self._library: Library = sources.library
        self._renderer = renderer

    def told(self, page: _Handler) -> _Handler:
        """Say why a cassette cannot be shown, in place of its page."""

        async def answer(request: web.Request) -> web.Response:
            try:
                return await page(request)
            except RunproxyError as error:
                status = 404 if isinstance(error, CassetteNotFound | Refusal) else 500
                return self._renderer.problem("cassettes", error.message, status)

        return answer

    async def cassettes(self, _: web.Request) -> web.Response:
        volumes = await asyncio.to_thread(self._library.volumes)
        status = await self._sources.status()
        told = {"volumes": volumes, "played": status.get("cassettes_played", {}), "folder": status.get("cassette_dir")}
        return self._renderer.page("cassettes.html", {"section": "cassettes", **told})

    async def cassette(self, request: web.Request) -> web.Response:
        volume, cassette = await asyncio.to_thread(self._opened, request.match_info["name"])
        first = _from(request.query.get("from", "0"), len(cassette))
        rows = [(place, cassette[place]) for place in range(first, min(first + _ON_A_PAGE, len(cassette)))]
        told = {"volume": volume, "rows": rows, "first": first, "count": len(cassette), "step": _ON_A_PAGE}
        played = (await self._sources.status()).get("cassettes_played", {})
        return self._renderer.page("cassette.html", {"section": "cassettes", "played": played, **told})

    async def interaction(self, request: web.Request) -> web.Response:
        name, position = request.match_info["name"], int(request.match_info["position"])
        volume, cassette = await asyncio.to_thread(self._opened, name)
        if position >= len(cassette):
            return self._renderer.problem("cassettes", f"Cassette {name!r} has {len(cassette)} interactions.")
        held, place = cassette[position], f"interactions[{position}]"
        told = {
            "volume": volume,
            "position": position,
            "count": len(cassette),
            "interaction": held,
            "findings": [found for found in volume.findings if found.where.startswith(f"{place}.")],
            "sent": _body_of(held.request),
            "got": _body_of(held.response),
            "curl": _curl(position, held, (await self._sources.status()).get("url", "http://127.0.0.1:8787")),
        }
        return self._renderer.page("interaction.html", {"section": "cassettes", **told})

    def _opened(self, name: str) -> tuple[Volume, Cassette]:
        return self._library.volume(name), self._library.open(name)


def _from(text: str, count: int) -> int:
    """Read where a page begins; what is no place of the cassette is its beginning."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(count)) else 0


def _body_of(message: Request | Response) -> Body | None:
    value = body_value(message)
    if value is ABSENT:
        return None
    text = value if isinstance(value, PlainText) else render(value, INDENT_2).decode("utf-8", "backslashreplace")
    return Body(text[:_MAX_SHOWN_CHARS], max(0, len(text) - _MAX_SHOWN_CHARS))


def _curl(position: int, held: Interaction, url: str) -> str:
    return write_curl({position: held}, url if "://" in url else "http://127.0.0.1:8787").decode()
