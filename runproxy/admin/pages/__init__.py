"""Pages for people: what goes on now, the cassettes, the misses, and the audit. They work without a script."""

from aiohttp import web

from runproxy.admin.pages.cassettes import add_cassettes
from runproxy.admin.pages.library import Library
from runproxy.admin.pages.misses import add_misses
from runproxy.admin.pages.now import add_now
from runproxy.admin.pages.rendering import Renderer, add_static
from runproxy.admin.pages.sources import Audited, Sources

__all__ = ["Audited", "Library", "Sources", "add_pages"]


def add_pages(app: web.Application, sources: Sources) -> None:
    """Add the pages, which tell what the sources know."""
    renderer = Renderer()
    add_static(app)
    add_now(app, sources, renderer)
    add_cassettes(app, sources, renderer)
    add_misses(app, sources, renderer)
    if sources.audit is None:
        _add_no_audit(app, renderer)
    else:
        _add_audit(app, sources.audit, renderer)


def _add_audit(app: web.Application, audited: Audited, renderer: Renderer) -> None:
    from runproxy.admin.audit.api import add_audit_api  # noqa: PLC0415 - loads SQLAlchemy, which only an audit needs
    from runproxy.admin.audit.archive import Archive  # noqa: PLC0415
    from runproxy.admin.pages.audit import add_audit  # noqa: PLC0415

    archive = Archive(audited.store, audited.forms_of)
    add_audit_api(app, archive)
    add_audit(app, archive, renderer)


def _add_no_audit(app: web.Application, renderer: Renderer) -> None:
    async def none(_: web.Request) -> web.Response:
        return renderer.problem("audit", "No call is written down here. Modes that forward calls keep an audit.")

    app.router.add_get("/audit", none)
