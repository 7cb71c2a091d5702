"""The pages in a real browser: Debian's Chromium, started fresh for each run of the tests.

Each page is looked at in light and dark, at 1280 and 390 pixels, for accessibility, errors in the console, and anything
that sticks out of the screen. Pictures of all go to a folder for people: `.screenshots`, or where RUNPROXY_SCREENSHOTS
says.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.admin.visiting import HOSTILE, audited, recorded
from tests.parts import ask, modify, proxy

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.async_playwright", reason="axe-playwright-python is not installed")

CHROMIUM = shutil.which("chromium")
PICTURES = Path(os.environ.get("RUNPROXY_SCREENSHOTS", Path(__file__).parents[2] / ".screenshots"))
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = (1280, 390)
SERIOUS = {"serious", "critical"}
STICKS_OUT = "document.documentElement.scrollWidth > document.documentElement.clientWidth"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium")


@asynccontextmanager
async def browsing(profile: Path, **options: Any) -> AsyncIterator[Any]:
    """Start a browser with a profile of its own, and give it; all that its consoles complain of is an error."""
    async with playwright.async_playwright() as started:
        browser = await started.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, headless=True, args=FLAGS, timeout=60_000, **options
        )
        complaints: list[str] = []
        browser.on("console", lambda told: complaints.append(told.text) if told.type in ("error", "warning") else None)
        browser.on("weberror", lambda told: complaints.append(str(told.error)))
        browser.on("dialog", lambda told: complaints.append(f"a dialog: {told.message}"))
        try:
            yield browser
        finally:
            await browser.close()
        assert not complaints


async def findings_in(page: Any) -> list[str]:
    """Name what an accessibility check finds serious."""
    found = await axe.Axe().run(page)
    return [
        f"{held['id']}: {[node['html'][:120] for node in held['nodes'][:3]]}"
        for held in found.response["violations"]
        if held["impact"] in SERIOUS
    ]


async def inspect(page: Any, name: str) -> None:
    """Look at a page as people with other screens and other eyes do, and take pictures of it."""
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.emulate_media(color_scheme=scheme)
            await page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png", full_page=True)
            assert not await page.evaluate(STICKS_OUT), (name, width)
            assert not await findings_in(page), (name, width, scheme)


async def test_every_page_is_fit_for_everybody(tmp_path: Path) -> None:
    """Each page, with hostile metadata on it, is accessible, fits the screen, and gives the console nothing to tell."""
    await recorded(tmp_path / "tapes", HOSTILE, {"team": "search"}, {"team": "ads"})
    (tmp_path / "tapes" / "broken.json").write_text('{"format": "runproxy/1", "interactions": [nonsense]}')
    async with proxy(tmp_path / "tapes", "replay", default="taken") as on, browsing(tmp_path / "profile") as browser:
        calls = (HOSTILE, {**HOSTILE, "more": "x"}, {"k": "v" * 513}, {"team": "search"}, {"team": "maps"})
        await ask(on.url, *map(modify, calls))
        page = browser.pages[0]
        for name, path in (
            ("now", "/"),
            ("cassettes", "/cassettes"),
            ("cassette", "/cassettes/taken"),
            ("interaction", "/cassettes/taken/0"),
            ("misses", "/misses"),
            ("miss", "/misses/miss-1"),
            ("miss-near", "/misses/miss-2"),
        ):
            answer = await page.goto(f"{on.admin_url}{path}")
            assert answer.status == 200, path
            await inspect(page, name)


async def test_the_audit_is_fit_for_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So are the pages of the audit."""
    monkeypatch.chdir(tmp_path)
    audited(tmp_path)
    async with proxy(tmp_path / "tapes", "replay") as on, browsing(tmp_path / "profile") as browser:
        page = browser.pages[0]
        for name, path in (
            ("audit", "/audit"),
            ("audit-values", "/audit/values?key=emoji"),
            ("audit-calls", "/audit/calls"),
            ("audit-call", "/audit/calls?key=emoji"),
        ):
            answer = await page.goto(f"{on.admin_url}{path}")
            assert answer.status == 200, path
            if name == "audit-call":
                await page.locator("tbody a").first.click()
            await inspect(page, name)


async def test_from_a_filter_down_to_a_call_and_an_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that is filled in stands in the address, a figure leads to its calls, and they can be taken along."""
    monkeypatch.chdir(tmp_path)
    audited(tmp_path)
    async with proxy(tmp_path / "tapes", "replay") as on, browsing(tmp_path / "profile") as browser:
        page = browser.pages[0]
        await page.goto(f"{on.admin_url}/audit")
        await page.get_by_role("textbox", name="Team").fill("search")
        await page.get_by_role("button", name="Apply").click()
        assert "team=search" in page.url
        assert await page.get_by_role("textbox", name="Team").input_value() == "search"
        await page.locator(".heat tbody tr", has_text="search").get_by_role("link", name="100%").first.click()
        assert "/audit/calls?" in page.url
        assert await page.locator("tbody tr").count() == 2
        async with page.expect_download() as downloading:
            await page.get_by_role("link", name="JSON lines").click()
        taken = await (await downloading.value).path()
        assert len(taken.read_bytes().splitlines()) == 2
        await page.locator("tbody a").first.click()
        assert "ABC-1" in await page.get_by_role("table", name="Pairs").inner_text()
        await page.goto(f"{on.admin_url}/audit")
        await page.locator("svg.chart a").last.click(force=True)
        assert "since=" in page.url
        assert await page.locator("tbody tr").count() >= 1


async def test_a_command_is_copied_by_one_click(tmp_path: Path) -> None:
    """The button puts just what stands beside it onto the clipboard."""
    await recorded(tmp_path / "tapes", {"team": "search"})
    async with proxy(tmp_path / "tapes", "replay") as on, browsing(tmp_path / "profile") as browser:
        await browser.grant_permissions(["clipboard-read", "clipboard-write"], origin=on.admin_url)
        page = browser.pages[0]
        await page.goto(f"{on.admin_url}/cassettes/taken/0")
        await page.get_by_role("button", name="Copy").click()
        await page.get_by_role("button", name="Copied").wait_for()
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert copied == await page.get_by_label("Command that makes this call").input_value()
    assert copied.startswith("# [0] POST /v1/threads/thread_abc123/runs/run_abc123 -> 200\ncurl -X POST")


async def test_all_of_it_works_without_a_script(tmp_path: Path) -> None:
    """Without JavaScript the way from the first page to a command leads over links, and no button is dead."""
    await recorded(tmp_path / "tapes", {"team": "search"})
    async with (
        proxy(tmp_path / "tapes", "replay") as on,
        browsing(tmp_path / "profile", java_script_enabled=False) as browser,
    ):
        page = browser.pages[0]
        await page.goto(on.admin_url)
        await page.get_by_role("link", name="Cassettes").click()
        await page.get_by_role("link", name="taken").click()
        await page.get_by_role("link", name="POST").click()
        assert "curl -X POST" in await page.get_by_label("Command that makes this call").input_value()
        assert not await page.get_by_role("button").count()


async def test_the_keyboard_is_enough(tmp_path: Path) -> None:
    """The first key press reaches a link to the content, and what has the focus is seen to have it."""
    async with proxy(tmp_path / "tapes", "replay") as on, browsing(tmp_path / "profile") as browser:
        page = browser.pages[0]
        await page.goto(on.admin_url)
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert await focused.inner_text() == "Skip to the content"
        assert await focused.evaluate("held => getComputedStyle(held).outlineStyle") == "solid"
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "content"
