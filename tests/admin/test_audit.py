"""The audit on the admin listener: pages and the API, over real sockets."""

import asyncio
import csv
import html
import io
import json
import re
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientPayloadError, ClientSession

from runproxy.admin.audit import api
from runproxy.admin.audit.tables import as_csv
from runproxy.admin.openapi import PATH
from runproxy.admin.pages.chart import HEIGHT, WIDTH, bars_of, span_of
from runproxy.audit import report
from runproxy.audit.errors import AuditError
from runproxy.audit.filters import Filter
from runproxy.audit.reading import LoggedCall, all_calls
from runproxy.audit.report import TimelineRow
from runproxy.audit.store import Reading
from runproxy.composition import Proxy
from runproxy.messages import Request, make_headers
from tests.admin.test_access import get
from tests.admin.visiting import audited
from tests.audit.calls import DAY_MS, HOUR_MS
from tests.parts import ask, proxy

DEADLINE_S = 20.0


@pytest.fixture
async def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    """Run a proxy where an audit is on file."""
    monkeypatch.chdir(tmp_path)
    audited(tmp_path)
    async with proxy(tmp_path, "replay") as running:
        yield running


async def text_at(on: Proxy, path: str) -> str:
    """Give what stands on a page, without its tags."""
    (page,) = await ask(on.admin_url, get(path))
    assert page.status == 200, path
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", "", page.body.decode())))


async def json_at(on: Proxy, path: str) -> Any:
    """Give what the API answers."""
    (answer,) = await ask(on.admin_url, get(path))
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


async def test_the_first_page_tells_all(on: Proxy) -> None:
    """It has the calls over time, coverage, broken rules, nearness, new keys and teams."""
    text = await text_at(on, "/audit")
    for told in ("Calls over time", "in percent", "policy_forbidden_shape", "Near the limits", "500 of 512", "e-mail"):
        assert told in text, told


async def test_the_first_page_is_sent_section_by_section(on: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known is seen while the store is still being asked for the rest."""
    is_seen = threading.Event()

    def waits(*_: object) -> list[report.ViolationRow]:
        assert is_seen.wait(DEADLINE_S)
        return []

    monkeypatch.setattr(report, "violations", waits)
    async with ClientSession() as client, client.get(f"{on.admin_url}/audit") as answer:
        seen = b""
        while b"Calls over time" not in seen:
            seen += await answer.content.readany()
        assert b"</html>" not in seen
        is_seen.set()
        assert (seen + await answer.read()).rstrip().endswith(b"</html>")


async def test_what_goes_wrong_within_a_page_is_told_on_it(on: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what was told before it, and in words."""

    def fails(*_: object) -> list[report.ViolationRow]:
        raise AuditError("audit.db: <database> disk image is malformed.")

    monkeypatch.setattr(report, "violations", fails)
    text = await text_at(on, "/audit")
    assert "in percent" in text
    assert "The rest of this page cannot be told: audit.db: <database> disk image is malformed." in text


@pytest.mark.parametrize("path", ["/audit", "/api/audit/export"])
async def test_a_client_that_leaves_is_no_error(
    on: Proxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """Nothing is logged, and the next one is answered."""
    is_asked, has_left = threading.Event(), threading.Event()

    def waits(*_: object) -> list[report.ViolationRow]:
        is_asked.set()
        assert has_left.wait(DEADLINE_S)
        return []

    def yields(connection: Reading, asked: Filter) -> Iterator[LoggedCall]:
        yield from all_calls(connection, asked)
        waits()
        yield from all_calls(connection, asked)

    monkeypatch.setattr(report, "violations", waits)
    monkeypatch.setattr(api, "all_calls", yields)
    monkeypatch.setattr(api, "_AT_ONCE", 1)
    async with ClientSession() as client:
        answer = await client.get(f"{on.admin_url}{path}")
        assert await asyncio.to_thread(is_asked.wait, DEADLINE_S)
        answer.close()
    await asyncio.sleep(0.1)  # until the server has seen it, too
    has_left.set()
    assert (await ask(on.admin_url, get(path)))[0].status == 200
    assert caplog.messages == []


async def test_an_export_that_breaks_off_does_not_look_whole(
    on: Proxy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its status is sent by then, so the connection ends before the text does, and the log says why."""

    def fails(connection: Reading, asked: Filter) -> Iterator[LoggedCall]:
        yield from all_calls(connection, asked)
        raise AuditError("audit.db: database disk image is malformed.")

    monkeypatch.setattr(api, "all_calls", fails)
    monkeypatch.setattr(api, "_AT_ONCE", 1)
    async with ClientSession() as client, client.get(f"{on.admin_url}/api/audit/export") as answer:
        assert answer.status == 200
        with pytest.raises(ClientPayloadError):
            await answer.read()
    assert "disk image is malformed" in capsys.readouterr().out


async def test_the_first_page_has_a_head(on: Proxy) -> None:
    """It is that of the page, and nothing follows it."""
    head, page = await ask(on.admin_url, Request("HEAD", "/audit", make_headers()), get("/audit"))
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Type"] == page.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_every_link_of_a_page_leads_somewhere(on: Proxy) -> None:
    """Whatever is clickable on the pages of the audit answers, two steps deep."""
    seen: set[str] = set()
    left = ["/audit"]
    for _ in range(2):
        found: set[str] = set()
        for page in await ask(on.admin_url, *map(get, left)):
            links = re.findall(r'href="(/(?:api/)?audit[^"]*)"', page.body.decode())
            found |= set(map(html.unescape, links))
        seen |= set(left)
        left = sorted(found - seen)
    assert len(left) > 10
    for path, answer in zip(left, await ask(on.admin_url, *map(get, left)), strict=True):
        assert answer.status == 200, path


@pytest.mark.parametrize(
    ("query", "calls"),
    [
        pytest.param("", 7, id="all"),
        pytest.param("?team=search", 2, id="team"),
        pytest.param("?team=-", 2, id="no-team"),
        pytest.param("?key=user", 4, id="key"),
        pytest.param("?where=user%3Da", 2, id="where"),
        pytest.param("?where=user%3Da&where=env%3Dtest", 1, id="two-pairs"),
        pytest.param("?decision=refused", 1, id="decision"),
        pytest.param("?route=create_run", 1, id="route"),
        pytest.param("?until=2001-01-01", 0, id="until"),
        pytest.param("?since=&until=&team=&where=", 7, id="empty-parts-of-a-form"),
    ],
)
async def test_filters_stand_in_the_address(on: Proxy, query: str, calls: int) -> None:
    """The same filter gives the same calls in the summary, in a search, on the page of calls, and in an export."""
    assert (await json_at(on, f"/api/audit/summary{query}"))["calls"] == calls
    assert len((await json_at(on, f"/api/audit/search{query}"))["calls"]) == calls
    listed, exported = await ask(on.admin_url, get(f"/audit/calls{query}"), get(f"/api/audit/export{query}"))
    assert len(re.findall(r'href="/audit/calls/\d+"', listed.body.decode())) == calls
    assert len(exported.body.splitlines()) == calls


async def test_a_search_goes_on_where_it_has_ended(on: Proxy) -> None:
    """Pages of two calls, by their cursors, are all calls once, the latest first."""
    found, cursor = [], ""
    while cursor is not None:
        page = await json_at(on, f"/api/audit/search?limit=2&cursor={cursor}")
        found += page["calls"]
        cursor = page["next"]
    assert len({call["seq"] for call in found}) == len(found) == 7
    assert [call["time"] for call in found] == sorted((call["time"] for call in found), reverse=True)


@pytest.mark.parametrize("name", ["keys", "teams", "violations", "coverage", "nearness", "new-keys", "values"])
async def test_every_table_is_there_as_csv(on: Proxy, name: str) -> None:
    """It has the same rows as the JSON, and comes as a file."""
    rows = (await json_at(on, f"/api/audit/{name}?key=user"))["rows"]
    (answer,) = await ask(on.admin_url, get(f"/api/audit/{name}?key=user&format=csv"))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}.csv"'
    told = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert [list(row.values()) for row in told] == [
        ["" if value is None else str(value) for value in row.values()] for row in rows
    ]


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        pytest.param("/api/audit/search?since=soon", 400, "since: 'soon' is neither a span", id="time"),
        pytest.param("/api/audit/search?decision=maybe", 400, "is none of accepted", id="decision"),
        pytest.param("/api/audit/search?cursor=x", 400, "cursor: 'x'", id="cursor"),
        pytest.param("/api/audit/search?limit=0", 400, "from 1 to 500", id="limit"),
        pytest.param("/api/audit/export?where=x", 400, "KEY=VALUE was expected", id="where"),
        pytest.param("/api/audit/teams?format=xml", 400, "is none of json, csv", id="format"),
        pytest.param("/api/audit/values", 400, "key: ", id="no-key"),
        pytest.param("/api/audit/search?tem=ads", 400, "tem: there is no such part", id="unknown-part"),
        pytest.param("/audit?tem=ads", 400, "tem: there is no such part", id="unknown-part-of-a-page"),
        pytest.param("/audit?since=soon", 400, "since: ", id="page"),
        pytest.param("/audit/calls/999", 404, "no such call", id="no-such-call"),
    ],
)
async def test_what_is_wrong_with_a_question_is_told(on: Proxy, path: str, status: int, told: str) -> None:
    """The answer names the part that cannot be understood."""
    (answer,) = await ask(on.admin_url, get(path))
    assert answer.status == status
    assert told in html.unescape(answer.body.decode())


async def test_a_call_is_told_whole(on: Proxy) -> None:
    """Its page has the pairs, the broken rules and what became of it; hostile texts are text."""
    seq = (await json_at(on, "/api/audit/search?decision=refused"))["calls"][0]["seq"]
    text = await text_at(on, f"/audit/calls/{seq}")
    assert "a@example.org" in text
    assert "policy_unknown_key" in text
    (page,) = await ask(on.admin_url, get("/audit/values?key=%3Cscript%3Ealert(1)%3C/script%3E"))
    assert "<script>alert" not in page.body.decode()
    assert "&lt;img src=x" in page.body.decode()


async def test_nothing_of_the_audit_can_be_changed(on: Proxy) -> None:
    """Its addresses are for reading only, and all of them are in the OpenAPI document."""
    described = (await json_at(on, PATH))["paths"]
    paths = [path for path in described if path.startswith("/api/audit/")]
    assert len(paths) == 10
    for path in paths:
        for method in ("POST", "PUT", "DELETE"):
            (answer,) = await ask(on.admin_url, Request(method, path, make_headers()))
            assert answer.status == 405
        (answer,) = await ask(on.admin_url, get(f"{path}?key=user"))
        assert answer.status == 200


async def test_without_an_audit_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is written down, and nothing was, there is a reason in place of the page."""
    monkeypatch.chdir(tmp_path)
    async with proxy(tmp_path, "replay") as on:
        (page,) = await ask(on.admin_url, get("/audit"))
    assert page.status == 404
    assert "No call is written down here" in page.body.decode()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_spreadsheet_takes_no_text_for_a_formula(text: str) -> None:
    (row,) = csv.DictReader(io.StringIO(as_csv([{"key": text}]).decode(), newline=""))
    assert row["key"] == f"'{text}"


@pytest.mark.parametrize(
    ("time_ms", "span_ms"),
    [(0, HOUR_MS), (2 * DAY_MS, HOUR_MS), (3 * DAY_MS, 6 * HOUR_MS), (30 * DAY_MS, DAY_MS), (90 * DAY_MS, 7 * DAY_MS)],
)
def test_a_chart_has_few_enough_bars(time_ms: int, span_ms: int) -> None:
    assert span_of(0, time_ms) == span_ms


def test_bars_are_stacked_within_the_chart() -> None:
    """The tallest bar fills the height, and a span without calls leaves a gap."""
    rows = [TimelineRow(0, "accepted", 6), TimelineRow(0, "refused", 2), TimelineRow(2 * HOUR_MS, "accepted", 4)]
    first, second = bars_of(rows, HOUR_MS)
    assert [(part.y, part.height) for part in first.parts] == [(HEIGHT / 4, HEIGHT * 3 / 4), (0, HEIGHT / 4)]
    assert (first.calls, second.calls, second.parts[0].height) == (8, 4, HEIGHT / 2)
    assert second.x == WIDTH * 2 / 3
    assert not bars_of([], HOUR_MS)
