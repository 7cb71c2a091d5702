"""The audit over HTTP as JSON, and as CSV where that is asked for: `/api/audit/…`. Nothing here changes anything."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import Final

import orjson
from aiohttp import web

from runproxy.admin.answers import as_json, as_stream
from runproxy.admin.audit.archive import Archive
from runproxy.admin.audit.tables import TABLES, as_csv, as_rows, call_row
from runproxy.audit import report
from runproxy.audit.errors import AuditError, UnusableFilter
from runproxy.audit.reading import Cursor, LoggedCall, all_calls, find_calls
from runproxy.audit.store import Reading

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_MOST: Final = 500
_AT_ONCE: Final = 500


def add_audit_api(app: web.Application, archive: Archive) -> None:
    """Add the endpoints."""
    api = _Api(archive)
    for name in TABLES:
        app.router.add_get(f"/api/audit/{name}", _told(api.table(name)))
    app.router.add_get("/api/audit/summary", _told(api.summary))
    app.router.add_get("/api/audit/values", _told(api.values))
    app.router.add_get("/api/audit/search", _told(api.search))
    app.router.add_get("/api/audit/export", _told(api.export), allow_head=False)
    app.on_cleanup.append(archive.close)


class _Api:
    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def table(self, name: str) -> _Handler:
        """Make what answers with one of the tables."""

        async def answer(request: web.Request) -> web.Response:
            rows = as_rows(await self._archive.ask(TABLES[name], self._archive.asked(request.query)))
            return _rows_as(request, name, rows)

        return answer

    async def summary(self, request: web.Request) -> web.Response:
        return as_json(asdict(await self._archive.ask(report.summary, self._archive.asked(request.query))))

    async def values(self, request: web.Request) -> web.Response:
        asked = self._archive.asked(request.query)
        if asked.key is None:
            raise UnusableFilter("key", "the key whose values are asked for is missing")
        limit = _limit_of(request)
        return _rows_as(request, "values", as_rows(await self._archive.ask(report.values, asked, asked.key, limit)))

    async def search(self, request: web.Request) -> web.Response:
        """Give the latest calls, and the cursor behind which there are more."""
        asked, limit = self._archive.asked(request.query), _limit_of(request)
        before = Cursor.parse(request.query["cursor"]) if request.query.get("cursor") else None
        calls = await self._archive.ask(find_calls, asked, limit, before)
        following = str(calls[-1].cursor) if len(calls) == limit else None
        return as_json({"calls": [call.as_dict() for call in calls], "next": following})

    async def export(self, request: web.Request) -> web.StreamResponse:
        """Send all calls, as they are read."""
        form = _form_of(request, ("jsonl", "csv"))
        asked = self._archive.asked(request.query)

        def parts(connection: Reading) -> Iterator[bytes]:
            calls = all_calls(connection, asked)
            is_first = True
            while batch := list(islice(calls, _AT_ONCE)):
                yield _csv_of(batch, heads=is_first) if form == "csv" else _lines_of(batch)
                is_first = False

        kind = "text/csv; charset=utf-8" if form == "csv" else "application/jsonl"
        return await as_stream(request, {**_named(f"calls.{form}"), "Content-Type": kind}, self._archive.each(parts))


def _told(handler: _Handler) -> _Handler:
    """Say what is wrong with a question, or with the store."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except AuditError as error:
            return as_json({"error": error.message}, status=error.status)

    return answer


def _rows_as(request: web.Request, name: str, rows: list[dict[str, object]]) -> web.Response:
    if _form_of(request, ("json", "csv")) == "csv":
        return web.Response(body=as_csv(rows), content_type="text/csv", charset="utf-8", headers=_named(f"{name}.csv"))
    return as_json({"rows": rows})


def _form_of(request: web.Request, forms: tuple[str, ...]) -> str:
    form = request.query.get("format", forms[0])
    if form not in forms:
        raise UnusableFilter("format", f"{form!r} is none of {', '.join(forms)}")
    return form


def _limit_of(request: web.Request) -> int:
    text = request.query.get("limit", "100")
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST)) and 0 < int(text) <= _MOST):
        raise UnusableFilter("limit", f"{text!r} is no number from 1 to {_MOST}")
    return int(text)


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}


def _lines_of(calls: list[LoggedCall]) -> bytes:
    return b"".join(orjson.dumps(call.as_dict()) + b"\n" for call in calls)


def _csv_of(calls: list[LoggedCall], *, heads: bool) -> bytes:
    return as_csv([call_row(call) for call in calls], heads=heads)
