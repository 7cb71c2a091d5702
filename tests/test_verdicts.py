"""Verdicts: the latest misses and hits, and nothing secret in them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runproxy.errors import CassetteMiss, Refusal
from runproxy.messages import Request, Source, make_headers
from runproxy.verdicts import Verdicts
from tests.cli.processes import fetch, run
from tests.cli.processes import serving as serving_process
from tests.parts import ADDRESS, ScriptedUpstream, ask, echo, modify, proxy, serving

SOURCE = Source("c", 0, 1, 2, datetime(2026, 1, 2, tzinfo=UTC), 74, "method, path, query and body agree")


def miss(message: str = "No recorded answer.") -> CassetteMiss:
    """Make a miss."""
    return CassetteMiss(message, code="cassette_miss", details={"reason": "no_match", "cassette": "c"})


def test_a_miss_gets_an_id_that_its_answer_tells() -> None:
    """The header and the details of the error name it, and it is found under it."""
    verdicts, error = Verdicts(), miss()
    verdicts.miss(error, Request("POST", "/x", make_headers()))
    assert (error.headers["x-runproxy-miss"], error.details["miss"]) == ("miss-1", "miss-1")
    (kept,) = verdicts.misses
    assert (kept["id"], kept["method"], kept["reason"], kept["message"]) == (
        "miss-1",
        "POST",
        "no_match",
        "No recorded answer.",
    )


def test_a_miss_with_a_secret_in_it_is_kept_without_its_words() -> None:
    """What a client sent comes back to the client, and is kept nowhere."""
    verdicts, secret = Verdicts(), "sk-" + "a" * 30
    own = "a-credential-of-its-own"
    headers = make_headers([("Authorization", f"Bearer {own}")])
    for held in (secret, own):
        verdicts.miss(miss(f"you sent {held}"), Request("POST", f"/{held}", headers))
        verdicts.hit(Request("POST", f"/{held}", headers), SOURCE)
        assert held not in json.dumps([verdicts.misses, verdicts.hits])


def test_an_error_is_kept_without_secrets_and_without_the_body() -> None:
    """What a call was refused for is told with its id; a credential in its path or its message is not."""
    verdicts, own = Verdicts(now=lambda: datetime(2026, 1, 2, tzinfo=UTC)), "a-credential-of-its-own"
    headers = make_headers([("Authorization", f"Bearer {own}")])
    verdicts.error(Refusal("Too long.", code="too_long", param="metadata.k"), Request("POST", "/x", headers, b"a body"))
    verdicts.error(Refusal(f"Not {own}.", code="odd"), Request("POST", f"/{own}", headers))
    plain, hidden = verdicts.errors
    assert (plain["at"], plain["path"], plain["message"]) == ("2026-01-02T00:00:00.000+00:00", "/x", "Too long.")
    assert (plain["status"], plain["code"], plain["param"], plain["outcome"]) == (
        400,
        "too_long",
        "metadata.k",
        "refused",
    )
    assert own not in json.dumps(hidden)
    assert "a body" not in json.dumps(plain)


def test_it_is_known_when_a_cassette_was_played_last() -> None:
    """Of several hits, the last one counts."""
    times = iter((0.0, 86_400.0))
    verdicts = Verdicts(seconds=lambda: next(times))
    for _ in range(2):
        verdicts.hit(Request("GET", "/x", make_headers()), SOURCE)
    assert verdicts.last_played == {"c": "1970-01-02T00:00:00+00:00"}


def test_only_the_latest_are_kept() -> None:
    """A hundred of each, so that memory does not grow."""
    verdicts = Verdicts()
    for number in range(150):
        verdicts.miss(miss(), Request("POST", "/x", make_headers()))
        verdicts.hit(Request("GET", f"/x?api-key=secret{number}", make_headers()), SOURCE)
    assert (len(verdicts.misses), len(verdicts.hits)) == (100, 100)
    assert verdicts.misses[-1]["id"] == "miss-150"
    assert verdicts.hits[-1]["call"] == "GET /x?api-key=REDACTED"


@pytest.fixture
async def cassettes(tmp_path: Path) -> Path:
    """Give a folder that holds one recorded call."""
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, proxy(tmp_path / "cassettes", "record", base_url) as recording:
        await ask(recording.url, modify({"a": "b"}))
    return tmp_path


def test_why_tells_of_the_latest_miss_and_of_hits(cassettes: Path) -> None:
    """The reason, the nearest recording, what differs, and the command that would record it, from a running proxy."""
    with serving_process(cassettes, "replay") as server:
        nothing = run(cassettes, "why", "--admin-url", server.admin_url)
        json_type = {"Content-Type": "application/json"}
        hit = fetch(server.url + ADDRESS, method="POST", headers=json_type, body=b'{"metadata":{"a":"b"}}')
        missed = fetch(server.url + ADDRESS, method="POST", headers=json_type, body=b'{"metadata":{"a":"c"}}')
        name = missed.headers["x-runproxy-miss"]
        latest = run(cassettes, "why", "--admin-url", server.admin_url)
        named = run(cassettes, "why", name, "--admin-url", server.admin_url)
        unknown = run(cassettes, "why", "miss-99", "--admin-url", server.admin_url)
        hits = run(cassettes, "why", "--hits", "--admin-url", server.admin_url)
    assert (nothing.returncode, nothing.stdout) == (0, "No call has been missed.\n")
    assert latest.stdout == named.stdout
    assert latest.stdout.startswith(f"{name}: POST {ADDRESS}\nNo recorded answer for POST {ADDRESS}: ")
    assert 'body.metadata.a: you sent "c", recorded "b"' in latest.stdout
    assert "To record it: runproxy record" in latest.stdout
    assert hit.headers["x-runproxy-interaction"] == "default[0]"
    which, because = hits.stdout.splitlines()[1:]
    assert hits.stdout.startswith(f"POST {ADDRESS}\n")
    assert which.startswith("  default[0]: recording 1 of 1 of this call, made 20")
    assert because.startswith("  method, path, query and body agree; after the last recording, on_exhausted = 'last'")
    assert (unknown.returncode, unknown.stderr) == (2, "Error: There is no such miss; only the latest are kept.\n")


def test_why_without_a_proxy_says_where_it_looked(tmp_path: Path) -> None:
    """The message names the address and how to give another."""
    ended = run(tmp_path, "why", "--admin-url", "http://127.0.0.1:1")
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: No runproxy answers at http://127.0.0.1:1 (")
    assert "--admin-url URL" in ended.stderr
