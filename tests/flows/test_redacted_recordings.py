"""Recordings that were redacted as the settings ask: what is on file, and that they are found again."""

import json
from pathlib import Path
from typing import Any

import pytest

from runproxy.errors import ConfigError
from runproxy.messages import Request, Response, make_headers
from runproxy.redaction import KEY_VARIABLE
from tests.cli.processes import run
from tests.parts import ADDRESS, ScriptedUpstream, answer, ask, echo, modify, proxy, serving

EMAIL = "someone@example.org"
RULES: dict[str, Any] = {
    "redact": {
        "body": [{"pointer": "/metadata/email", "action": "hash"}, {"pointer": "/metadata/note", "action": "drop"}],
        "query": ["user"],
        "ids": True,
        "response_headers": ["X-Served-By"],
    }
}
CALL = modify({"email": EMAIL, "note": "a secret", "team": "search"}, f"{ADDRESS}?user={EMAIL}")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "a-secret-of-the-tests")


def on_file(folder: Path) -> str:
    """Give all that was written."""
    return "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file())


async def record(folder: Path, *calls: Request, mode: str = "record", rules: Any = None) -> list[Response]:
    """Record calls to an upstream that echoes their metadata."""
    async with (
        serving(ScriptedUpstream(make=echo)) as base_url,
        proxy(folder, mode, base_url, rules=RULES if rules is None else rules) as recording,
    ):
        return await ask(recording.url, *calls)


async def replay(folder: Path, *calls: Request, rules: Any = None) -> list[Response]:
    """Replay calls."""
    async with proxy(folder, "replay", rules=RULES if rules is None else rules) as replaying:
        return await ask(replaying.url, *calls)


async def test_the_client_gets_the_answer_and_the_file_the_placeholders(tmp_path: Path) -> None:
    """While it is recorded, nothing is changed for the client; nothing that was to be redacted is on file."""
    (recorded,) = await record(tmp_path, CALL)
    assert json.loads(recorded.body)["metadata"]["email"] == EMAIL
    text = on_file(tmp_path)
    for gone in (EMAIL, "a secret", "thread_abc123", "run_abc123", '"note"'):
        assert gone not in text
    assert "[redacted:" in text
    assert '"search"' in text


async def test_the_original_call_and_the_redacted_one_find_the_recording(tmp_path: Path) -> None:
    """So does one made with the ids of a replayed answer; other ids and other values are misses."""
    await record(tmp_path, CALL)
    stored = json.loads((tmp_path / "default.json").read_text(encoding="utf-8"))["interactions"][0]["request"]
    redacted = Request(
        "POST", f"{stored['path']}?{stored['query']}", CALL.headers, json.dumps(stored["body"]["json"]).encode()
    )
    other_id = modify(
        {"email": EMAIL, "note": "another", "team": "search"}, "/v1/threads/thread_abc124/runs/run_abc123"
    )
    other_email = modify({"email": "other@example.org", "team": "search"}, CALL.target)
    got = await replay(tmp_path, CALL, redacted, other_id, other_email)
    assert [response.status for response in got] == [200, 200, 501, 501]
    assert json.loads(got[0].body)["metadata"]["email"].startswith("[redacted:")
    assert EMAIL not in got[3].body.decode()
    assert "other@example.org" not in got[3].body.decode()


async def test_recording_again_changes_no_byte(tmp_path: Path) -> None:
    """The same call meets its earlier recording, under record as under auto."""
    await record(tmp_path, CALL)
    first = on_file(tmp_path)
    await record(tmp_path, CALL)
    (known,) = await record(tmp_path, CALL, mode="auto")
    assert known.headers["x-runproxy-outcome"] == "replayed"
    assert on_file(tmp_path) == first


async def test_a_recording_made_before_is_found_once_redaction_is_set(tmp_path: Path) -> None:
    """What is on file is scrubbed as it is read, so old cassettes go on working."""
    await record(tmp_path, CALL, rules={})
    assert EMAIL in on_file(tmp_path)
    (replayed,) = await replay(tmp_path, CALL)
    assert replayed.status == 200


async def test_another_secret_finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Placeholders are those of one secret; whoever changes it records anew."""
    await record(tmp_path, CALL)
    monkeypatch.setenv(KEY_VARIABLE, "another-secret-of-the-tests")
    (missed,) = await replay(tmp_path, CALL)
    assert missed.status == 501


@pytest.mark.parametrize("mode", ["replay", "record", "auto"])
async def test_without_a_secret_it_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """Rather than recording something else than was asked for."""
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(ConfigError, match="makes placeholders with a secret"):
        async with proxy(tmp_path, mode, "http://127.0.0.1:9/v1", rules=RULES):
            pass  # pragma: no cover


async def test_an_echo_at_another_place_is_held_back(tmp_path: Path) -> None:
    """The client has its answer, marked; the value is not on file."""
    upstream = ScriptedUpstream(answer({"error": {"message": f"no account for {EMAIL}"}}, 400))
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url, rules=RULES) as recording:
        (got,) = await ask(recording.url, CALL)
    assert got.headers["x-runproxy-reason"] == "secret_found"
    assert EMAIL in got.body.decode()
    assert on_file(tmp_path) == ""


async def test_json_that_cannot_be_redacted_is_held_back(tmp_path: Path) -> None:
    """An answer that is cut off is passed on, marked, and not stored."""
    upstream = ScriptedUpstream(Response(200, make_headers(), b'{"metadata": {"email": "x"'))
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url, rules=RULES) as recording:
        (got,) = await ask(recording.url, modify())
    assert got.headers["x-runproxy-reason"] == "unredactable_body"


@pytest.mark.parametrize("mode", ["record", "auto"])
async def test_a_call_with_too_many_credentials_is_answered_and_not_recorded(tmp_path: Path, mode: str) -> None:
    """It is marked, the next call is recorded as ever, and what is known is replayed."""
    cookies = "; ".join(f"c{number}=a-cookie-of-some-length-{number}" for number in range(65))
    call = modify({"n": "1"})
    loaded = Request(call.method, call.target, make_headers([*call.headers.items(), ("Cookie", cookies)]), call.body)
    got = await record(tmp_path, loaded, call, loaded, mode=mode, rules={})
    assert [response.status for response in got] == [200, 200, 200]
    assert got[0].headers["x-runproxy-reason"] == "too_many_credentials"
    outcomes = [response.headers["x-runproxy-outcome"] for response in got]
    assert outcomes == ["unrecorded", "recorded", "replayed" if mode == "auto" else "unrecorded"]


VCR = """
http_interactions:
- request:
    method: post
    uri: https://host/v1/threads/thread_abc123/runs/run_abc123
    headers: {Content-Type: [application/json]}
    body: {string: '{"metadata":{"email":"someone@example.org"}}'}
  response:
    status: {code: 200}
    headers: {Content-Type: [application/json]}
    body: {string: '{"id":"run_abc123","note":"NOTE"}'}
"""


@pytest.mark.parametrize(("note", "left_out"), [("fine", False), (EMAIL, True)])
def test_an_import_is_redacted_by_the_settings_file(tmp_path: Path, note: str, left_out: bool) -> None:
    """What stands at another place too is left out, and told."""
    (tmp_path / "recorded.yml").write_text(VCR.replace("NOTE", note), encoding="utf-8")
    (tmp_path / "runproxy.toml").write_text(
        '[redact]\nids = true\nbody = [{pointer = "/metadata/email", action = "hash"}]\n', encoding="utf-8"
    )
    done = run(
        tmp_path, "cassette", "import", "vcr", "recorded.yml", env={KEY_VARIABLE: "a-secret-of-the-tests-of-imports"}
    )
    if left_out:
        assert (done.returncode, "Left out: interaction 0: what the settings redact" in done.stderr) == (2, True)
        assert not (tmp_path / "cassettes").exists()
    else:
        assert done.returncode == 0, done.stderr
        text = on_file(tmp_path / "cassettes")
        assert "[redacted:" in text
        assert "abc123" not in text
