"""The pages on the admin listener, over real sockets."""

import html
import re
from pathlib import Path

import pytest

from runproxy.admin.pages.rendering import moment, segment, shown, size, visible
from runproxy.composition import running_proxy
from runproxy.messages import Response
from tests.admin.test_access import TOKEN, basic, get, settings
from tests.admin.visiting import HOSTILE, recorded
from tests.parts import ADDRESS, ask, modify, proxy

PAGES = ("/", "/cassettes", "/misses")


def text_of(page: Response) -> str:
    """Give what stands in a page, without its tags."""
    return html.unescape(re.sub(r"<[^>]*>", "", page.body.decode()))


@pytest.mark.parametrize("path", [*PAGES, "/cassettes/none", "/misses/none", "/static/pages.css", "/static/pages.js"])
async def test_every_page_is_closed_to_what_comes_from_elsewhere(tmp_path: Path, path: str) -> None:
    """Nothing loads from elsewhere or runs inside a page, also where there is nothing to see."""
    async with proxy(tmp_path, "replay") as on:
        (page,) = await ask(on.admin_url, get(path))
    assert page.status == (404 if path.endswith("/none") else 200)
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'")
    assert "unsafe" not in policy
    assert (page.headers["X-Content-Type-Options"], page.headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    if not path.startswith("/static"):
        text = page.body.decode()
        assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?! src=\"/static/)|(?:src|href)=\"(?:https?:)?//", text)


@pytest.mark.parametrize("path", PAGES)
async def test_pages_ask_for_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """A browser is asked for the password, and let in with it."""
    monkeypatch.setenv("RUNPROXY_ADMIN_TOKEN", TOKEN)
    async with running_proxy(settings(tmp_path)) as on:
        without, with_it = await ask(on.admin_url, get(path), get(path, ("Authorization", basic(TOKEN))))
    assert (without.status, with_it.status) == (401, 200)
    assert without.headers["WWW-Authenticate"].startswith("Basic")


async def test_now_tells_of_calls_errors_and_misses(tmp_path: Path) -> None:
    """The first page tells the mode, what became of calls, and why the last ones were refused or missed."""
    async with proxy(tmp_path, "replay") as on:
        refused, missed = await ask(on.url, modify({"k": "v" * 513}), modify({"k": "v"}))
        assert (refused.status, missed.status) == (400, 501)
        (page,) = await ask(on.admin_url, get("/"))
    text = text_of(page)
    assert "replay" in text
    assert "nothing leaves this machine" in text
    assert "Calls that were refused or failed" in text
    assert "Invalid 'metadata.k': string too long" in text
    assert '<a href="/misses/miss-1">' in page.body.decode()


async def test_a_miss_is_explained(tmp_path: Path) -> None:
    """Its page has the nearest recording, the difference, and the command that records the call."""
    await recorded(tmp_path, {"team": "search"})
    async with proxy(tmp_path, "replay", default="taken") as on:
        await ask(on.url, modify({"team": "ads"}))
        listed, page = await ask(on.admin_url, get("/misses"), get("/misses/miss-1"))
    assert "no_match" in text_of(listed)
    assert '<a href="/cassettes/taken/0">' in page.body.decode()
    assert re.search(r"<ins><bdi>[^<]*ads.*<del><bdi>[^<]*search", page.body.decode(), re.DOTALL)
    assert "runproxy record --upstream" in text_of(page)


async def test_cassettes_are_listed_with_their_last_use(tmp_path: Path) -> None:
    """The list has the number of interactions, size, and when this proxy played a cassette last."""
    await recorded(tmp_path, {"team": "search"})
    async with proxy(tmp_path, "replay", default="taken") as on:
        (before,) = await ask(on.admin_url, get("/cassettes"))
        await ask(on.url, modify({"team": "search"}))
        (after,) = await ask(on.admin_url, get("/cassettes"))
    assert "not yet" in text_of(before)
    assert "not yet" not in text_of(after)
    assert f"{size((tmp_path / 'taken.json').stat().st_size)}" in text_of(after)


async def test_an_interaction_can_be_read_and_copied(tmp_path: Path) -> None:
    """Its page has the call, the answer, and a curl command for this proxy."""
    await recorded(tmp_path, {"team": "search"}, name="folder/taken")
    async with proxy(tmp_path, "replay") as on:
        listed, page = await ask(on.admin_url, get("/cassettes/folder%2Ftaken"), get("/cassettes/folder%2Ftaken/0"))
        command = f"curl -X POST {on.url}{ADDRESS}"
    assert '<a href="/cassettes/folder%2Ftaken/0">' in listed.body.decode()
    assert '"team": "search"' in text_of(page)
    assert command in text_of(page)
    assert "Bearer $OPENAI_API_KEY" in text_of(page)


async def test_an_interaction_with_a_secret_is_not_shown(tmp_path: Path) -> None:
    """A secret that somebody wrote into a file is told of by its place, and is on no page."""
    await recorded(tmp_path, {"team": "search"})
    secret = "sk-proj-" + "Ab1" * 16
    file = tmp_path / "taken.json"
    file.write_text(file.read_text().replace("search", secret))
    async with proxy(tmp_path, "replay") as on:
        pages = await ask(on.admin_url, *map(get, ("/cassettes", "/cassettes/taken", "/cassettes/taken/0")))
    for page in pages:
        assert page.status == 200
        assert secret not in page.body.decode()
    assert "possible secret" in text_of(pages[0])
    assert "interactions[0].request.body.metadata.team" in text_of(pages[1])
    assert "not shown here" in text_of(pages[2])


async def test_hostile_metadata_is_text(tmp_path: Path) -> None:
    """No tag of a recorded text is one of a page, and what turns directions is written out."""
    await recorded(tmp_path, HOSTILE)
    async with proxy(tmp_path, "replay", default="taken") as on:
        await ask(on.url, modify({**HOSTILE, "other": "one"}))
        pages = await ask(on.admin_url, *map(get, ("/", "/cassettes/taken/0", "/misses/miss-1")))
    for page in pages:
        text = page.body.decode()
        assert page.status == 200
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "\u202e" not in text
    assert "&lt;script&gt;alert" in pages[1].body.decode()


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        pytest.param("/cassettes/none", 404, "There is no cassette 'none'", id="no-such-cassette"),
        pytest.param("/cassettes/..%2F..%2Fetc%2Fpasswd", 404, "cassette name", id="outside"),
        pytest.param("/cassettes/taken/7", 404, "has 1 interactions", id="no-such-interaction"),
        pytest.param("/cassettes/broken", 500, "broken.json", id="unreadable"),
        pytest.param("/misses/miss-9", 404, "only the latest are kept", id="no-such-miss"),
    ],
)
async def test_what_cannot_be_shown_is_told(tmp_path: Path, path: str, status: int, told: str) -> None:
    """The page says why, and the list still tells of all others."""
    await recorded(tmp_path, {"team": "search"})
    (tmp_path / "broken.json").write_text('{"format": "runproxy/1", "interactions": [nonsense]}')
    async with proxy(tmp_path, "replay") as on:
        page, listed = await ask(on.admin_url, get(path), get("/cassettes"))
    assert page.status == status
    assert told in text_of(page)
    assert "not read" in text_of(listed)
    assert "taken" in text_of(listed)


async def test_a_long_cassette_has_pages(tmp_path: Path) -> None:
    """A hundred interactions stand on one, and what is no place of the cassette leads to its beginning."""
    await recorded(tmp_path, *({"n": str(n)} for n in range(101)))
    async with proxy(tmp_path, "replay") as on:
        paths = (
            "/cassettes/taken",
            "/cassettes/taken?from=100",
            "/cassettes/taken?from=-1",
            "/cassettes/taken?from=%C2%B2",
        )
        first, second, *odd = await ask(on.admin_url, *map(get, paths))
    assert "Interactions 0 to 99 of 101" in text_of(first)
    assert 'href="?from=100"' in first.body.decode()
    assert "Interactions 100 to 100 of 101" in text_of(second)
    assert all("Interactions 0 to 99" in text_of(page) for page in odd)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("plain", "plain", id="plain"),
        pytest.param("a\u202eb", "a\\u202eb", id="direction-override"),
        pytest.param("a\u200fb", "a\\u200fb", id="direction-mark"),
        pytest.param("a\x00b\x1b", "a\\x00b\\x1b", id="control"),
        pytest.param("👩\u200d👧", "👩\u200d👧", id="joined-emoji"),
        pytest.param("one\n\ttwo", "one\n\ttwo", id="layout"),
        pytest.param("\ud800", "\\ud800", id="lone-surrogate"),
        pytest.param("שלום", "שלום", id="right-to-left"),
    ],
)
def test_what_does_not_print_is_written_out(given: str, expected: str) -> None:
    assert visible(given) == expected


def test_texts_for_pages() -> None:
    """Texts are escaped and stand for themselves; names are one segment; sizes and times are for people."""
    assert shown("<b>&") == "<bdi>&lt;b&gt;&amp;</bdi>"
    assert segment("a/b?c#d%") == "a%2Fb%3Fc%23d%25"
    assert [size(count) for count in (0, 999, 1000, 32_500_000)] == ["0 bytes", "999 bytes", "1.0 kB", "32.5 MB"]
    assert moment(0) == '<time datetime="1970-01-01T00:00:00+00:00">1970-01-01 00:00:00</time>'
