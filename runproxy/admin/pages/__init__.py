"""Pages for people: what goes on now, the cassettes, and the misses. They work without a script."""

from aiohttp import web

from runproxy.admin.pages.cassettes import add_cassettes
from runproxy.admin.pages.library import Library
from runproxy.admin.pages.misses import add_misses
from runproxy.admin.pages.now import add_now
from runproxy.admin.pages.rendering import Renderer, add_static
from runproxy.admin.pages.sources import Sources

__all__ = ["Library", "Sources", "add_pages"]


def add_pages(app: web.Application, sources: Sources) -> None:
    """Add the pages, which tell what the sources know."""
    renderer = Renderer()
    add_static(app)
    add_now(app, sources, renderer)
    add_cassettes(app, sources, renderer)
    add_misses(app, sources, renderer)
