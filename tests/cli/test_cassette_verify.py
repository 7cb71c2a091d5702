"""`runproxy cassette verify`: recordings against a server that answers now."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runproxy.coding import encoded
from runproxy.messages import Request, Response, make_headers
from tests.cassettes.recordings import recording
from tests.cli.cassettes import cassette, put
from tests.parts import ScriptedUpstream, answer, serving

KEY = "a-key-that-nobody-else-has"


@contextmanager
def upstream(make: Callable[[Request], Response]) -> Iterator[tuple[str, list[Request]]]:
    """Serve answers in a thread of its own, for the command has a loop of its own."""
    loop, scripted, ready = asyncio.new_event_loop(), ScriptedUpstream(make=make), threading.Event()
    told: list[str] = []

    async def serve() -> None:
        stop = asyncio.Event()
        loop.call_soon(lambda: None)
        async with serving(scripted) as base_url:
            told.append(base_url)
            stops.append(stop)
            ready.set()
            await stop.wait()

    stops: list[asyncio.Event] = []
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(20)
    try:
        yield told[0], scripted.seen
    finally:
        loop.call_soon_threadsafe(stops[0].set)
        thread.join(20)
        loop.close()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put("tape", recording("/v1/a", {"n": 1, "at": 5}, sent={"m": 1}), recording("/v1/b", {"n": 2}))


def as_recorded(request: Request) -> Response:
    """Answer as it was recorded, but for a time."""
    return answer({"n": 1, "at": 6} if request.path.endswith("/a") else {"n": 2})


def test_what_still_holds_is_verified() -> None:
    """Requests are sent as recorded, behind the prefix of the server that is asked; the file stays as it is."""
    before = Path("cassettes/tape.json").read_bytes()
    with upstream(as_recorded) as (url, seen):
        result = cassette("verify", "tape", "--upstream", url, "--include-unsafe", "--ignore", "/at")
    assert (result.exit_code, result.stdout) == (0, "2 verified, 0 drifted, 0 not sent\n")
    assert [(one.method, one.target, one.body) for one in seen] == [
        ("POST", "/v1/a", b'{"m": 1}'),
        ("POST", "/v1/b", b""),
    ]
    assert Path("cassettes/tape.json").read_bytes() == before


@pytest.mark.parametrize("coding", ["", "br"])
def test_a_stream_is_compared_whole(coding: str) -> None:
    """However it is cut, and in whatever coding it comes."""
    events = b"data: 1\n\ndata: 2\n\n"
    put("stream", recording("/v1/a", events, headers=[("content-type", "text/event-stream")]))
    headers = [("Content-Type", "text/event-stream"), *([("Content-Encoding", coding)] if coding else [])]
    body = encoded(events, coding) if coding else events
    with upstream(lambda _: Response(200, make_headers(headers), body)) as (url, _):
        same = cassette("verify", "stream", "--upstream", url, "--include-unsafe")
    with upstream(lambda _: Response(200, make_headers(headers), body[:-3])) as (url, _):
        cut = cassette("verify", "stream", "--upstream", url, "--include-unsafe")
    assert (same.exit_code, cut.exit_code) == (0, 2 if coding else 1)
    assert ("cannot be compared" in cut.stderr) is bool(coding)


def test_drift_is_told_by_kind() -> None:
    """Field by field, with what was recorded and what came; exit code 1."""
    with upstream(lambda _: answer({"n": "x", "at": 5})) as (url, _):
        result = cassette("verify", "tape", "--upstream", url, "--include-unsafe")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "~ [0] POST /v1/a",
        '    shape   response.body.n: 1 -> "x"',
        "~ [1] POST /v1/b",
        '    shape   response.body.n: 2 -> "x"',
        "    shape   response.body.at: (absent) -> 5",
        "0 verified, 2 drifted, 0 not sent",
    ]


def test_kinds_can_be_chosen() -> None:
    """A value that differs is no drift where only shape counts."""
    with upstream(as_recorded) as (url, _):
        result = cassette("verify", "tape", "--upstream", url, "--include-unsafe", "--kinds", "status,shape")
    assert (result.exit_code, result.stdout) == (0, "2 verified, 0 drifted, 0 not sent\n")


def test_what_changes_things_is_not_sent_unasked() -> None:
    """And it is told how many calls that were."""
    with upstream(as_recorded) as (url, seen):
        result = cassette("verify", "tape", "--upstream", url)
    assert (result.exit_code, seen) == (0, [])
    assert "Not sent: 2 calls that may change things on the server; --include-unsafe sends them too." in result.stderr


def test_what_was_redacted_is_not_sent() -> None:
    """A placeholder is not what the client had sent."""
    put("tape", recording("/v1/a?key=REDACTED", {}), recording("/v1/b", {}, sent={"m": "[redacted:0123456789ab]"}))
    with upstream(as_recorded) as (url, seen):
        result = cassette("verify", "tape", "--upstream", url, "--include-unsafe")
    assert (seen, "2 calls that were redacted" in result.stderr) == ([], True)


def test_credentials_come_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are sent, and an answer that repeats one is not shown."""
    monkeypatch.setenv("KEY", KEY)
    with upstream(lambda _: answer({"n": KEY})) as (url, seen):
        args = ("--include-unsafe", "--api-key-env", "KEY", "--header-env", "api-key=KEY")
        result = cassette("verify", "tape", "--upstream", url, *args)
    assert [(one.headers["Authorization"], one.headers["api-key"]) for one in seen] == [(f"Bearer {KEY}", KEY)] * 2
    assert KEY not in result.output
    assert "(holds a credential)" in result.stdout


def test_machines_get_one_object() -> None:
    """A side that has nothing there is left out."""
    with upstream(lambda _: answer({"n": 2})) as (url, _):
        result = cassette("verify", "tape", "--upstream", url, "--include-unsafe", "--json")
    found = json.loads(result.stdout)
    assert (found["verified"], found["drifted"], found["skipped"], found["trouble"]) == (1, 1, 0, None)
    assert found["calls"][0]["drifts"] == [
        {"kind": "values", "where": "response.body.n", "recorded": 1, "fresh": 2, "pointer": "/n"},
        {"kind": "shape", "where": "response.body.at", "recorded": 5, "pointer": "/at"},
    ]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(["--upstream", "http://127.0.0.1:9/v1"], "cannot be reached", id="nobody there"),
        pytest.param(["--upstream", "no url"], "is no base URL", id="no URL"),
        pytest.param(["--upstream", "http://h/v1", "--kinds", "size"], "there is no kind 'size'", id="kind"),
        pytest.param(["--upstream", "http://h/v1", "--ignore", "a"], "'a' is no JSON pointer", id="pointer"),
        pytest.param(["--upstream", "http://h/v1", "--api-key-env", "NONE"], "NONE is not set", id="variable"),
        pytest.param(["--upstream", "http://h/v1", "--header-env", "a b=X"], "HEADER=VARIABLE", id="header"),
    ],
)
def test_trouble_is_told(args: list[str], told: str) -> None:
    """Exit code 2, with what is wrong."""
    result = cassette("verify", "tape", "--include-unsafe", *args)
    assert (result.exit_code, told in result.stderr) == (2, True)


def test_what_was_found_before_trouble_is_told() -> None:
    """A server that goes away half-way costs nothing that was found."""
    Path("cassettes/tape.json").unlink()
    put("tape", *(recording(f"/v1/{name}", {"n": 1}) for name in "abc"))

    def make(request: Request) -> Response:
        return Response(200, answer(0).headers, b"" if request.path == "/v1/c" else b'{"n": 2}')

    with upstream(make) as (url, _):
        result = cassette("verify", "tape", "--upstream", url, "--include-unsafe")
    assert result.stdout.endswith("0 verified, 3 drifted, 0 not sent\n")


def test_a_server_that_asks_for_a_credential_is_told_apart_from_drift() -> None:
    """With what names one, for recordings hold none; a recorded 401 is no such question."""
    put("tape", recording("/v1/a", {"n": 1}), recording("/v1/b", {}, status=401))
    with upstream(lambda _: answer({}, status=401)) as (url, _):
        result = cassette("verify", "tape", "--upstream", url, "--include-unsafe")
        of_401 = cassette("verify", "tape", "--upstream", url, "--include-unsafe", "--kinds", "shape")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, "1 verified, 1 drifted, 0 not sent")
    told = "The server asks for a credential: name the variable that holds it, with --api-key-env or --header-env.\n"
    assert (result.stderr, of_401.stderr) == (told, "")
