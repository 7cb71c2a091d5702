"""Sessions: parallel tests on one server, each with its own cursor; what they tell in the end; how they end."""

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from runproxy.cassettes.usage import read_report
from runproxy.composition import Proxy
from runproxy.messages import Response
from tests.cli.processes import environment, fetch
from tests.cli.processes import serving as serving_process
from tests.parts import ADDRESS, Report, ScriptedUpstream, answer, ask, echo, modify, proxy, serving

STATES = ["queued", "in_progress", "completed"]


async def record_states(folder: Path) -> None:
    """Record three different answers to one call, and one answer to another."""
    upstream = ScriptedUpstream(*(answer({"status": state}) for state in STATES), answer({"status": "other"}))
    async with serving(upstream) as base_url, proxy(folder, "record", base_url) as recording:
        await ask(recording.url, *[modify({"a": "b"})] * 3, modify({"other": "call"}))


async def api(running: Proxy, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Call the admin API."""
    async with (
        aiohttp.ClientSession() as client,
        client.request(method, running.admin_url + path, json=body) as answered,
    ):
        return answered.status, await answered.json()


async def start(running: Proxy, **wanted: object) -> dict[str, Any]:
    """Start a session."""
    status, session = await api(running, "POST", "/api/sessions", {"cassette": "default", **wanted})
    assert status == 201
    return dict(session)


async def played(session: dict[str, Any], count: int = 1) -> list[Response]:
    """Make the same call again and again in a session."""
    origin = session["base_url"].removesuffix("/v1")
    return await ask(origin, *[modify({"a": "b"})] * count)


def states(responses: list[Response]) -> list[str]:
    """Give what the answers say."""
    return [json.loads(response.body).get("status", "miss") for response in responses]


async def test_each_session_has_its_own_cursor(tmp_path: Path) -> None:
    """What one has played is still to come in the other, and for whoever names no session."""
    await record_states(tmp_path)
    async with proxy(tmp_path, "replay") as running:
        one, two = await start(running), await start(running)
        assert states(await played(one, 2)) == STATES[:2]
        assert states(await played(two, 3)) == STATES
        assert states(await played(one, 1)) == STATES[2:]
        assert states(await ask(running.url, modify({"a": "b"}))) == STATES[:1]


async def test_a_session_tells_what_was_played_missed_and_left_unused(tmp_path: Path) -> None:
    """DELETE ends it and gives the report; its address answers no more."""
    await record_states(tmp_path)
    async with proxy(tmp_path, "replay") as running:
        session = await start(running)
        assert states(await played(session, 4)) == [*STATES, "miss"]
        status, report = await api(running, "DELETE", f"/api/sessions/{session['id']}")
        (gone,) = await played(session)
    assert (status, report["calls"]) == (200, {"replayed": 3, "miss": 1})
    assert report["missed"] == [{"method": "POST", "path": ADDRESS, "reason": "exhausted"}]
    assert (report["interactions"], report["unused"]) == (4, [3])
    usage = read_report(json.dumps(report["usage"]).encode(), "the report")
    assert usage.cassettes["default"].unused == (3,)
    assert (gone.status, json.loads(gone.body)["error"]["code"]) == (404, "unknown_session")


async def test_misses_are_counted_and_the_first_ones_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a session polls for what is not there."""
    monkeypatch.setattr("runproxy.backends.sessions._MOST_MISSED", 2)
    await record_states(tmp_path)
    async with proxy(tmp_path, "replay") as running:
        session = await start(running)
        await played(session, 9)
        _, report = await api(running, "DELETE", f"/api/sessions/{session['id']}")
    assert (report["calls"], len(report["missed"])) == ({"replayed": 3, "miss": 6}, 2)


@pytest.mark.parametrize("on_exhausted", ["last", "cycle"])
async def test_a_session_says_what_answers_in_the_end(tmp_path: Path, on_exhausted: str) -> None:
    """Its own on_exhausted counts, not that of the server."""
    await record_states(tmp_path)
    async with proxy(tmp_path, "replay", on_exhausted="error") as running:
        session = await start(running, on_exhausted=on_exhausted)
        expected = {"last": "completed", "cycle": "queued"}[on_exhausted]
        assert states(await played(session, 4)) == [*STATES, expected]


@pytest.mark.parametrize("mode", ["record", "auto"])
async def test_a_session_records_into_its_own_cassette(tmp_path: Path, mode: str) -> None:
    """A server in auto takes sessions that record, each into the cassette it names."""
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, proxy(tmp_path, "auto", base_url) as running:
        session = await start(running, cassette="own/tape", mode=mode)
        (got,) = await played(session)
        _, report = await api(running, "DELETE", f"/api/sessions/{session['id']}")
    assert (got.headers["x-runproxy-outcome"], report["calls"]) == ("recorded", {"recorded": 1})
    assert (tmp_path / "own" / "tape.json").exists()
    assert not (tmp_path / "default.json").exists()


async def test_an_abandoned_session_ends_by_itself(tmp_path: Path) -> None:
    """Nobody has to clean up after a test that was killed."""
    await record_states(tmp_path)
    async with proxy(tmp_path, "replay", session_idle_s=0.05) as running:
        session = await start(running)
        async with asyncio.timeout(10):
            while (await api(running, "GET", "/api/sessions"))[1]["sessions"]:  # noqa: ASYNC110 - what ends is over HTTP
                await asyncio.sleep(0.02)
        (gone,) = await played(session)
    assert gone.status == 404
    assert "ended by itself" in json.loads(gone.body)["error"]["message"]


@pytest.mark.parametrize(
    ("wanted", "status", "text"),
    [
        pytest.param({"cassette": "absent"}, 422, "There is no cassette 'absent'", id="no-cassette"),
        pytest.param({"cassette": "../x"}, 422, "is no cassette name", id="bad-name"),
        pytest.param({"cassette": "default", "mode": "record"}, 422, "has no upstream: start it", id="no-upstream"),
        pytest.param({"cassette": "default", "mode": "x"}, 422, "mode: Input should be 'replay'", id="bad-mode"),
        pytest.param({"mode": "replay"}, 422, "cassette: Field required", id="nothing-named"),
        pytest.param([], 422, "the body: ", id="no-object"),
    ],
)
async def test_a_session_that_cannot_be_had_is_told(tmp_path: Path, wanted: object, status: int, text: str) -> None:
    """The answer says what was wrong."""
    await record_states(tmp_path)
    async with proxy(tmp_path, "replay") as running:
        got, said = await api(running, "POST", "/api/sessions", wanted)
        assert await api(running, "DELETE", "/api/sessions/absent") == (
            404,
            {"error": said_of_unknown_session()},
        )
    assert (got, text in said["error"]) == (status, True)


def said_of_unknown_session() -> str:
    """Give the words for a session that does not exist."""
    return (
        "There is no session of this name: it was never started here, was ended, or ended by itself because nobody "
        "called it for 600 seconds."
    )


async def test_the_guard_stands_in_front_of_sessions(tmp_path: Path) -> None:
    """A session is no way around it."""
    await record_states(tmp_path)
    async with proxy(tmp_path, "replay") as running:
        session = await start(running)
        (got,) = await ask(session["base_url"].removesuffix("/v1"), modify({"k": 1}))
    assert (got.status, json.loads(got.body)["error"]["code"]) == (400, "invalid_type")


RUNS_PER_THREAD = 125
JSON_TYPE = {"Content-Type": "application/json"}
PLAYER = """
import pytest
from tests.flows.test_sessions import play_in_threads

@pytest.mark.parametrize("worker", [0, 1])
def test_plays(worker):
    assert play_in_threads({admin!r}, 4, {runs}) == 4 * {runs}
"""


def play_once(admin_url: str) -> int:
    """Start a session, play all its recordings in order, end it, and hold it against what it must be."""
    wanted = b'{"cassette": "default"}'
    session = fetch(f"{admin_url}/api/sessions", method="POST", headers=JSON_TYPE, body=wanted).json()
    call = json.dumps({"metadata": {"a": "b"}}).encode()
    target = session["base_url"] + ADDRESS.removeprefix("/v1")
    got = [fetch(target, method="POST", headers=JSON_TYPE, body=call).json()["status"] for _ in STATES]
    report = fetch(f"{admin_url}/api/sessions/{session['id']}", method="DELETE").json()
    assert got == STATES
    assert (report["calls"], report["missed"], report["unused"]) == ({"replayed": 3}, [], [3])
    return 1


def play_in_threads(admin_url: str, threads: int, runs: int) -> int:
    """Play sessions in threads, and tell how many were as they must be."""
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(lambda _: play_once(admin_url), range(threads * runs)))


async def test_parallel_workers_with_threads_do_not_disturb_each_other(tmp_path: Path, report: Report) -> None:
    """Two workers of pytest-xdist with four threads each, on one server: a thousand sessions, no cross-talk."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    await record_states(tmp_path / "cassettes")
    with serving_process(tmp_path, "replay") as server:
        player = tmp_path / "test_player.py"
        player.write_text(PLAYER.format(admin=server.admin_url, runs=RUNS_PER_THREAD), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", str(player)]
        root = str(Path(__file__).parents[2])
        played = await asyncio.to_thread(
            subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, env=environment({"PYTHONPATH": root})
        )
        outcomes = fetch(f"{server.admin_url}/api/status").json()
    assert played.returncode == 0, played.stdout
    assert "2 passed" in played.stdout
    assert outcomes["calls"] == {"replayed": 3 * 8 * RUNS_PER_THREAD}
    report("sessions in two workers of four threads", {"sessions": 8 * RUNS_PER_THREAD, "cross-talk": 0})
