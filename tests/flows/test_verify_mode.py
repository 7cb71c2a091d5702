"""Mode verify over real sockets: the upstream answers, and what has drifted from the cassette is told."""

import json
from pathlib import Path

import aiohttp
import pytest

from runproxy.composition import Proxy
from runproxy.messages import Response
from tests.cli.processes import fetch
from tests.cli.processes import serving as serving_process
from tests.flows.test_sessions import api, start
from tests.parts import CREDENTIAL, ScriptedUpstream, answer, ask, modify, proxy, serving

CALL = modify({"a": "b"})
RUN = {"id": "run_abc123", "status": "completed", "usage": {"total": 1}}


async def record(folder: Path, *values: object) -> bytes:
    """Record answers to one call, and give the cassette."""
    upstream = ScriptedUpstream(*map(answer, values))
    async with serving(upstream) as base_url, proxy(folder, "record", base_url) as on:
        await ask(on.url, *[CALL] * len(values))
    return (folder / "default.json").read_bytes()


async def drifts(on: Proxy) -> list[dict[str, object]]:
    """Ask the admin API for the latest drifts."""
    async with aiohttp.ClientSession() as client, client.get(f"{on.admin_url}/api/drift") as got:
        found: list[dict[str, object]] = (await got.json())["drift"]
        return found


@pytest.mark.parametrize(
    ("fresh", "outcome", "kinds"),
    [
        pytest.param(answer(RUN), "verified", None, id="as recorded"),
        pytest.param(answer({**RUN, "status": "failed"}), "drifted", "values", id="value"),
        pytest.param(answer({**RUN, "usage": 1}), "drifted", "shape", id="shape"),
        pytest.param(answer({**RUN, "usage": 1, "id": "x"}), "drifted", "shape, values", id="both"),
        pytest.param(answer({"error": {}}, 404), "drifted", "status, shape", id="status"),
    ],
)
async def test_the_answer_of_the_upstream_is_compared(
    tmp_path: Path, fresh: Response, outcome: str, kinds: str | None
) -> None:
    """The client gets it as it came; two headers say what was found; the cassette stays as it is."""
    before = await record(tmp_path, RUN)
    async with serving(ScriptedUpstream(fresh)) as base_url, proxy(tmp_path, "verify", base_url) as on:
        (got,) = await ask(on.url, CALL)
        told = await drifts(on)
    assert (got.status, got.body) == (fresh.status, fresh.body)
    assert (got.headers["x-runproxy-outcome"], got.headers.get("x-runproxy-drift")) == (outcome, kinds)
    assert [one["kinds"] for one in told] == ([kinds.split(", ")] if kinds else [])
    assert (tmp_path / "default.json").read_bytes() == before


async def test_the_nth_call_is_compared_with_the_nth_recording(tmp_path: Path) -> None:
    """And after the last one with that one again."""
    await record(tmp_path, {"n": 1}, {"n": 2})
    fresh = ScriptedUpstream(*(answer({"n": number}) for number in (1, 2, 2, 1)))
    async with serving(fresh) as base_url, proxy(tmp_path, "verify", base_url) as on:
        got = await ask(on.url, *[CALL] * 4)
    assert [one.headers["x-runproxy-outcome"] for one in got] == ["verified", "verified", "verified", "drifted"]


async def test_a_call_without_a_recording_is_new(tmp_path: Path) -> None:
    """Also where there is no cassette at all, and none comes to be."""
    async with serving(ScriptedUpstream(answer(RUN))) as base_url, proxy(tmp_path, "verify", base_url) as on:
        (got,) = await ask(on.url, CALL)
    assert (got.headers["x-runproxy-outcome"], (tmp_path / "default.json").exists()) == ("new", False)


async def test_settings_say_what_counts_as_drift(tmp_path: Path) -> None:
    """Places that may differ, and kinds that do not matter."""
    await record(tmp_path, RUN)
    fresh = answer({**RUN, "id": "other", "usage": {"total": 2}})
    rules = {"verify": {"ignore": ["/usage/*"], "kinds": ["status", "shape"]}}
    async with serving(ScriptedUpstream(fresh)) as base_url, proxy(tmp_path, "verify", base_url, rules=rules) as on:
        (got,) = await ask(on.url, CALL)
    assert got.headers["x-runproxy-outcome"] == "verified"


async def test_placeholders_are_no_drift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh answer is redacted as the recorded one was before the two are compared."""
    monkeypatch.setenv("RUNPROXY_REDACT_KEY", "k" * 40)
    rules = {"redact": {"body": [{"pointer": "/email", "action": "hash"}]}}
    for mode, outcome in (("record", "recorded"), ("verify", "verified")):
        upstream = ScriptedUpstream(answer({"email": "a@example.org"}))
        async with serving(upstream) as base_url, proxy(tmp_path, mode, base_url, rules=rules) as on:
            (got,) = await ask(on.url, CALL)
        assert got.headers["x-runproxy-outcome"] == outcome
    assert b"a@example.org" not in (tmp_path / "default.json").read_bytes()


async def test_the_guard_stands_in_front(tmp_path: Path) -> None:
    """What the service would refuse does not reach it."""
    upstream = ScriptedUpstream()
    async with serving(upstream) as base_url, proxy(tmp_path, "verify", base_url) as on:
        (got,) = await ask(on.url, modify({"k" * 65: "v"}))
    assert (got.status, upstream.seen) == (400, [])


async def test_a_session_verifies_and_tells_in_the_end(tmp_path: Path) -> None:
    """What has drifted in it, and which recordings nobody has asked for."""
    await record(tmp_path, {"n": 1}, {"n": 2})
    async with serving(ScriptedUpstream(answer({"n": 9}))) as base_url, proxy(tmp_path, "auto", base_url) as on:
        session = await start(on, mode="verify")
        await ask(session["base_url"].removesuffix("/v1"), CALL)
        _, told = await api(on, "DELETE", f"/api/sessions/{session['id']}")
    assert (told["calls"], told["unused"]) == ({"drifted": 1}, [1])
    (drifted,) = told["drifted"]
    assert (drifted["interaction"], drifted["places"]) == ("default[0]", "response.body.n (values)")


@pytest.mark.parametrize(("number", "code"), [(1, 0), (2, 1)])
async def test_the_process_ends_with_what_it_found(tmp_path: Path, number: int, code: int) -> None:
    """Exit code 1 tells a pipeline of drift; nothing secret and no value is in the log. CI may verify."""
    await record(tmp_path, {"n": 1, "said": "a long word"})
    fresh = answer({"n": number, "said": "a long word" if number == 1 else CREDENTIAL})
    async with serving(ScriptedUpstream(fresh)) as base_url:
        args = ("serve", "--mode", "verify", "--upstream", base_url, "--dir", str(tmp_path))
        with serving_process(tmp_path, *args, env={"CI": "true"}) as server:
            await ask(server.url, CALL)
            assert fetch(f"{server.admin_url}/api/status").json()["mode"] == "verify"
            assert server.stop() == code
            told = server.stderr()
    assert ("drifted" in told) is bool(code)
    assert CREDENTIAL not in told
    assert "a long word" not in told


async def test_a_drift_in_a_place_with_a_secret_name_is_kept_without_it(tmp_path: Path) -> None:
    """A place is named by members of the answer, and these can be anything."""
    await record(tmp_path, {"n": 1})
    upstream = ScriptedUpstream(answer({"n": 1, CREDENTIAL: 2}))
    async with serving(upstream) as base_url, proxy(tmp_path, "verify", base_url) as on:
        await ask(on.url, CALL)
        assert CREDENTIAL not in json.dumps(await drifts(on))
