"""HTML from templates, in which every text is taken for hostile: keys and values of metadata are written by anybody."""

import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from runproxy import __version__
from runproxy.admin.answers import as_stream
from runproxy.errors import RunproxyError

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""Nothing is loaded from elsewhere, nothing inside a page runs or styles it, and nobody learns which page was left."""

_PAGE: Final = {**_HEADERS, "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}
_ENDS: Final = re.compile("</dl>|</section>")
"""Where a part of a page ends; what the next one tells may have to be asked for, which takes time."""

_STATIC: Final = {"pages.css": "text/css", "pages.js": "text/javascript", "icon.svg": "image/svg+xml"}
_JOINERS: Final = frozenset("\n\t\u200c\u200d")
"""What does not print and is harmless: layout, and what joins emoji and letters."""

_UNITS: Final = ("bytes", "kB", "MB", "GB")
_UNIT: Final = 1000


class Renderer:
    """Makes answers of templates."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("runproxy.admin.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["version"] = __version__
        self._templates.filters.update(
            visible=visible, shown=shown, segment=segment, size=size, moment=moment, number=number
        )

    def page(self, template: str, told: Mapping[str, Any], status: int = 200) -> web.Response:
        """Make a page, which nobody may keep, for it can tell of anything."""
        html = self._templates.get_template(template).render(told)
        return web.Response(body=_encoded(html), status=status, headers=_PAGE)

    def sections(self, template: str, told: Mapping[str, Any]) -> Iterator[str]:
        """Make the same piece by piece, each up to the end of a section."""
        held: list[str] = []
        for piece in self._templates.get_template(template).generate(told):
            held.append(piece)
            if _ENDS.search(piece):
                yield "".join(held)
                held.clear()
        yield "".join(held)

    async def streamed(self, request: web.Request, pieces: AsyncGenerator[str, None]) -> web.StreamResponse:
        """Send the pieces of a page as they come.

        Raises what goes wrong before the first; what does later is told at the end of the page.
        """
        return await as_stream(request, _PAGE, self._to_the_end(pieces))

    async def _to_the_end(self, pieces: AsyncGenerator[str, None]) -> AsyncGenerator[bytes, None]:
        async with aclosing(pieces):
            yield _encoded(await anext(pieces))
            try:
                async for piece in pieces:
                    yield _encoded(piece)
            except RunproxyError as error:
                yield _encoded(self._templates.get_template("broken.html").render(message=error.message))

    def problem(self, section: str, message: str, status: int = 404) -> web.Response:
        """Make a page that says why there is nothing to see."""
        return self.page("problem.html", {"section": section, "message": message}, status)


def add_static(app: web.Application) -> None:
    """Add the style sheet, the script and the icon, which are read once."""
    folder = files("runproxy.admin.pages") / "static"
    held = {name: (folder / name).read_bytes() for name in _STATIC}

    async def static(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in held:
            raise web.HTTPNotFound
        headers = {**_HEADERS, "Cache-Control": "max-age=3600"}
        return web.Response(body=held[name], content_type=_STATIC[name], charset="utf-8", headers=headers)

    app.router.add_get("/static/{name}", static)


def _encoded(html: str) -> bytes:
    return html.encode("utf-8", "backslashreplace")


def visible(text: object) -> str:
    """Write out what does not print, such as marks that turn the direction of what follows."""
    return "".join(char if char.isprintable() or char in _JOINERS else _escaped(char) for char in str(text))


def shown(text: object) -> Markup:
    """Give a text that stands for itself, in its own direction, whatever is around it."""
    return Markup("<bdi>{}</bdi>").format(visible(text))


def segment(text: str) -> str:
    """Write a text as one segment of a path."""
    return quote(text, safe="", errors="backslashreplace")


def size(count: int) -> str:
    """Write a number of bytes for people."""
    amount, unit = float(count), 0
    while amount >= _UNIT and unit < len(_UNITS) - 1:
        amount, unit = amount / _UNIT, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{count} {_UNITS[0]}"


def number(count: int) -> str:
    """Write a number with its thousands apart."""
    return f"{count:,}"


def moment(at: datetime | str | int) -> Markup:
    """Write a time in UTC, given as such, as ISO 8601 or in milliseconds, so that machines can read it, too."""
    if isinstance(at, int):
        at = datetime.fromtimestamp(at / 1000, UTC)
    elif isinstance(at, str):
        at = datetime.fromisoformat(at)
    at = at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), f"{at:%Y-%m-%d %H:%M:%S}")


def _escaped(char: str) -> str:
    return char.encode("ascii", "backslashreplace").decode() if char > "~" else f"\\x{ord(char):02x}"
