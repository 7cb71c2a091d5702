"""The pages of the audit: all of it in tables, the values of a key, and the calls behind every figure."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from aiohttp import web

from runproxy.admin.audit.archive import PARTS, Archive
from runproxy.admin.pages.chart import HEIGHT, WIDTH, Bar, bars_of, span_of
from runproxy.admin.pages.rendering import Renderer
from runproxy.audit import report
from runproxy.audit.errors import AuditError
from runproxy.audit.event import DECISIONS
from runproxy.audit.filters import NO_TEAM, Filter
from runproxy.audit.reading import Cursor, find_calls, read_calls, time_text
from runproxy.audit.store import Reading
from runproxy.limits import MAX_KEY_CHARS, MAX_PAIRS, MAX_VALUE_CHARS

_ON_A_PAGE: Final = 50
_SHOWN: Final = 20
_HEAT_KEYS: Final = 12
_HEAT_LEVELS: Final = 5
_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """How many of a team's calls carry a key, for teams and keys with the most calls; `left_out` are further keys."""

    teams: list[str]
    keys: list[str]
    cells: dict[tuple[str, str], report.CoverageRow]
    left_out: int

    def level(self, team: str, key: str) -> int:
        """Give the shade of a cell, from 0 to 5."""
        held = self.cells.get((team, key))
        return 0 if held is None else max(1, round(held.share * _HEAT_LEVELS))


class Overview:
    """All that the first page tells, of one state of the store; each part is asked for when the page comes to it."""

    shown: Final = _SHOWN
    most_counted: Final = report.MOST_COUNTED
    limits: Final = (MAX_PAIRS, MAX_KEY_CHARS, MAX_VALUE_CHARS)
    chart: Final = (WIDTH, HEIGHT)

    def __init__(self, connection: Reading, asked: Filter) -> None:
        self._connection = connection
        self._asked = asked

    @cached_property
    def summary(self) -> report.Summary:
        """The figures over all calls."""
        return report.summary(self._connection, self._asked)

    @cached_property
    def bars(self) -> list[Bar]:
        """The bars of the chart."""
        span = span_of(self.summary.first_ms or 0, self.summary.last_ms or 0)
        return bars_of(report.timeline(self._connection, self._asked, span), span)

    @cached_property
    def teams(self) -> list[report.TeamRow]:
        """All teams."""
        return report.teams(self._connection, self._asked)

    @cached_property
    def heat(self) -> HeatMap:
        """Which of the teams that are shown write which keys."""
        rows = report.coverage(self._connection, self._asked)
        return _heat_map(rows, [row.team for row in self.teams[:_SHOWN]])

    @cached_property
    def violations(self) -> list[report.ViolationRow]:
        """All broken rules."""
        return report.violations(self._connection, self._asked)

    @cached_property
    def nearness(self) -> list[report.NearnessRow]:
        """All who are near a limit."""
        return report.nearness(self._connection, self._asked)

    @cached_property
    def new_keys(self) -> list[report.NewKeyRow]:
        """The keys that are shown of those that are new."""
        return report.new_keys(self._connection, self._asked, _SHOWN)


def add_audit(app: web.Application, archive: Archive, renderer: Renderer) -> None:
    """Add the pages."""
    pages = _Pages(archive, renderer)
    app.router.add_get("/audit", pages.told(pages.overview))
    app.router.add_get("/audit/values", pages.told(pages.values))
    app.router.add_get("/audit/calls", pages.told(pages.calls))
    app.router.add_get("/audit/calls/{seq:[0-9]{1,18}}", pages.told(pages.call))


class _Pages:
    def __init__(self, archive: Archive, renderer: Renderer) -> None:
        self._archive = archive
        self._renderer = renderer

    def told(self, page: _Handler) -> _Handler:
        """Say what is wrong with a filter, or with the store, in place of a page."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                return await page(request)
            except AuditError as error:
                return self._renderer.problem("audit", error.message, error.status)

        return answer

    async def overview(self, request: web.Request) -> web.StreamResponse:
        """Send the page section by section, so that something is seen while the store is still being asked."""
        asked = self._archive.asked(request.query)
        shared = self._shared(request)

        def sections(connection: Reading) -> Iterator[str]:
            return self._renderer.sections("audit.html", {**shared, "told": Overview(connection, asked)})

        return await self._renderer.streamed(request, self._archive.each(sections))

    async def values(self, request: web.Request) -> web.Response:
        asked = self._archive.asked(request.query)
        key = asked.key or ""
        told = {
            "key": key,
            "values": await self._archive.ask(report.values, asked, key),
            "distinct": await self._archive.ask(report.distinct_values, asked, key),
        }
        return self._page("values.html", request, told)

    async def calls(self, request: web.Request) -> web.Response:
        asked = self._archive.asked(request.query)
        before = Cursor.parse(request.query["cursor"]) if request.query.get("cursor") else None
        calls = await self._archive.ask(find_calls, asked, _ON_A_PAGE, before)
        following = str(calls[-1].cursor) if len(calls) == _ON_A_PAGE else ""
        return self._page("calls.html", request, {"calls": calls, "following": following, "is_first": before is None})

    async def call(self, request: web.Request) -> web.Response:
        found = await self._archive.ask(_read_one, int(request.match_info["seq"]))
        if found is None:
            return self._renderer.problem("audit", "There is no such call in the audit, or it was removed since.")
        return self._page("call.html", request, {"call": found})

    def _page(self, template: str, request: web.Request, told: Mapping[str, Any]) -> web.Response:
        return self._renderer.page(template, {**self._shared(request), **told})

    def _shared(self, request: web.Request) -> dict[str, Any]:
        given = [(name, value) for name, value in request.query.items() if value and name in (*PARTS, "where")]
        return {
            "section": "audit",
            "given": dict(given),
            "wheres": [value for name, value in given if name == "where"],
            "address": _Addresses(given),
            "all_with_key": _Addresses([part for part in given if part[0] == "team"]).with_key,
            "decisions": DECISIONS,
            "no_team": NO_TEAM,
            "time_text": time_text,
        }


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Makes addresses that keep the filter of a page, with some of its parts replaced; an empty one is taken out."""

    given: Sequence[tuple[str, str]]

    def __call__(self, path: str, **changed: Any) -> str:
        kept = [(name, value) for name, value in self.given if name == "where" or name not in changed]
        added = [(name, str(value)) for name, value in changed.items() if value not in ("", None)]
        query = urlencode([*kept, *added], errors="backslashreplace")
        return f"{path}?{query}" if query else path

    def with_key(self, key: str) -> str:
        """Give the address of the calls that carry a key."""
        return self("/audit/calls", key=key)


def _read_one(connection: Reading, seq: int) -> Any:
    try:
        return read_calls(connection, [seq])[0]
    except KeyError:
        return None


def _heat_map(rows: Sequence[report.CoverageRow], teams: list[str]) -> HeatMap:
    totals: dict[str, int] = {}
    for row in rows:
        totals[row.key] = totals.get(row.key, 0) + row.calls
    keys = sorted(totals, key=lambda key: (-totals[key], key))
    shown = keys[:_HEAT_KEYS]
    cells = {(row.team, row.key): row for row in rows if row.key in set(shown)}
    return HeatMap(teams, shown, cells, len(keys) - len(shown))
