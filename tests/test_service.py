"""One call: where it may go, which cassette it names, and what is said of it."""

import json
import shlex
from pathlib import Path

import pytest

from runproxy.cassettes import FORMAT
from runproxy.messages import make_headers
from tests.parts import ADDRESS, HEADERS, ScriptedUpstream, answer, ask, echo, modify, proxy, serving


async def test_a_path_outside_the_base_path_is_404(tmp_path: Path) -> None:
    """Only what is below the upstream's base path is forwarded."""
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as passing:
        got = await ask(passing.url, modify(target="/v2/threads/t/runs/r"), modify(target="/v1x/threads/t/runs/r"))
    assert [(one.status, json.loads(one.body)["error"]["code"]) for one in got] == [(404, "outside_base_path")] * 2
    assert upstream.seen == []


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        pytest.param(f"/@teams%2Fsearch{ADDRESS}", (), id="prefix"),
        pytest.param(ADDRESS, (("X-Runproxy-Cassette", "teams/search"),), id="header"),
    ],
)
async def test_a_call_can_name_its_cassette(tmp_path: Path, target: str, headers: tuple[tuple[str, str], ...]) -> None:
    """By header or by prefix; neither reaches the upstream or the recording, and both replay what was recorded."""
    upstream = ScriptedUpstream(make=echo)
    call = modify({"a": "b"}, target, headers=(*HEADERS, *headers))
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as recording:
        (recorded,) = await ask(recording.url, call)
    assert upstream.seen[0].target == ADDRESS
    assert "X-Runproxy-Cassette" not in upstream.seen[0].headers
    text = (tmp_path / "teams" / "search.json").read_text()
    assert "teams" not in text
    async with proxy(tmp_path, "replay") as replaying:
        (replayed,) = await ask(replaying.url, call)
    assert replayed.body == recorded.body


@pytest.mark.parametrize(
    "name",
    ["..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd", ".hidden", "a%00b", "a%2F%2Fb", "a%5Cb", "%ff", ""],
)
async def test_a_cassette_name_that_escapes_is_400(tmp_path: Path, name: str) -> None:
    """No name leaves the cassette folder, in no spelling."""
    async with proxy(tmp_path, "replay") as replaying:
        (got,) = await ask(replaying.url, modify(target=f"/@{name}{ADDRESS}"))
    assert (got.status, json.loads(got.body)["error"]["code"]) == (400, "invalid_cassette_name")


async def test_a_miss_says_why_and_what_to_do(tmp_path: Path) -> None:
    """The verdict has the reason, the nearest recording, what differs, and the command that would record it."""
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as recording:
        await ask(recording.url, modify({"user": "a", "team": "search"}))
    async with proxy(tmp_path, "replay") as replaying:
        (got,) = await ask(replaying.url, modify({"user": "b", "team": "search"}))
    error = json.loads(got.body)["error"]
    assert (got.status, got.headers["x-should-retry"], error["code"]) == (501, "false", "cassette_miss")
    assert error["reason"] == "no_match"
    assert error["nearest"] == {
        "interaction": 0,
        "differences": [{"where": "body.metadata.user", "you_sent": '"b"', "recorded": '"a"'}],
    }
    assert error["record_command"] == f"runproxy record --upstream URL --cassette=default --dir={tmp_path}"
    assert 'body.metadata.user: you sent "b", recorded "a"' in error["message"]


async def test_a_miss_without_a_cassette_says_so(tmp_path: Path) -> None:
    """The reason tells a missing cassette from a missing recording; once the cassette is there, it is found."""
    async with proxy(tmp_path, "replay") as replaying:
        (missed,) = await ask(replaying.url, modify({"a": "b"}))
        async with serving(ScriptedUpstream(make=echo)) as base_url, proxy(tmp_path, "record", base_url) as recording:
            await ask(recording.url, modify({"a": "b"}))
        (found,) = await ask(replaying.url, modify({"a": "b"}))
    assert json.loads(missed.body)["error"]["reason"] == "no_cassette"
    assert found.status == 200


async def test_an_unreadable_cassette_is_500_with_its_place(tmp_path: Path) -> None:
    """A cassette that a call names and that is corrupt is told of, not taken for an empty one."""
    (tmp_path / "bad.json").write_text(json.dumps({"format": FORMAT, "interactions": [{"request": 1}]}))
    async with proxy(tmp_path, "replay") as replaying:
        (got,) = await ask(replaying.url, modify(target=f"/@bad{ADDRESS}"))
    assert got.status == 500
    assert "interactions[0]" in json.loads(got.body)["error"]["message"]


async def test_what_cannot_be_recorded_is_answered_and_marked(tmp_path: Path) -> None:
    """An answer that holds the caller's credential reaches the caller, says that it is not on file, and why."""
    secret = HEADERS[1][1].removeprefix("Bearer ")
    upstream = ScriptedUpstream(answer({"echo": secret}), answer({"fine": True}))
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as recording:
        leaking, fine = await ask(recording.url, modify({"n": "1"}), modify({"n": "2"}))
    assert leaking.headers["x-runproxy-outcome"] == "unrecorded"
    assert leaking.headers["x-runproxy-reason"] == "secret_found"
    assert secret in leaking.body.decode()
    assert fine.headers["x-runproxy-outcome"] == "recorded"
    assert secret not in (tmp_path / "default.json").read_text()


async def test_the_guard_stands_in_front_of_replay(tmp_path: Path) -> None:
    """A recording of what the service would refuse is not played, even when somebody wrote it into a cassette."""
    async with (
        serving(ScriptedUpstream(make=echo)) as base_url,
        proxy(tmp_path, "record", base_url) as recording,
    ):
        await ask(recording.url, modify({"a": "b"}))
    path = tmp_path / "default.json"
    path.write_text(path.read_text().replace('"a": "b"', '"a": 1'))
    async with proxy(tmp_path, "replay") as replaying:
        (got,) = await ask(replaying.url, modify({"a": 1}))
    assert json.loads(got.body)["error"]["code"] == "invalid_type"


async def test_azure_and_foundry_prefixes_are_guarded_too(tmp_path: Path) -> None:
    """The guard finds its route below any prefix, and the query passes."""
    prefix = "/api/projects/p/threads/thread_1/runs/run_1?api-version=2025-05-01"
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url:
        origin = base_url.removesuffix("/v1")
        async with proxy(tmp_path, "passthrough", f"{origin}/api/projects/p") as passing:
            good, bad = await ask(passing.url, modify({"a": "b"}, prefix), modify({"a": 1}, prefix))
    assert (good.status, bad.status) == (200, 400)
    assert [request.target for request in upstream.seen] == [prefix]


async def test_the_recorded_reply_of_the_service_is_the_guards_reply(tmp_path: Path) -> None:
    """A boolean value gets the 220 bytes that the service sent for it on 2024-04-29."""
    expected = (
        b'{\n  "error": {\n    "message": "Invalid type for \'metadata.modified\': expected a string, '
        b'but got a boolean instead.",\n    "type": "invalid_request_error",\n    "param": "metadata.modified",\n'
        b'    "code": "invalid_type"\n  }\n}'
    )
    async with proxy(tmp_path, "replay") as replaying:
        (got,) = await ask(replaying.url, modify({"modified": True}))
    assert (got.status, got.body, got.headers["Content-Length"]) == (400, expected, "220")
    assert got.headers["x-runproxy-violations"] == 'invalid_type;param="metadata.modified"'
    assert make_headers(got.headers.items())["Content-Type"] == "application/json"


async def test_the_command_that_would_record_is_safe_to_paste(tmp_path: Path) -> None:
    """A cassette name from a stranger cannot run anything in the shell of who reads the miss."""
    name = "x;touch pwned;$(id)"
    async with proxy(tmp_path, "replay") as replaying:
        (got,) = await ask(replaying.url, modify({"a": "b"}, headers=(*HEADERS, ("X-Runproxy-Cassette", name))))
    command = json.loads(got.body)["error"]["record_command"]
    assert shlex.split(command)[4] == f"--cassette={name}"


@pytest.mark.parametrize("mode", ["record", "replay"])
async def test_a_credential_in_a_path_is_not_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    """Whatever becomes of the call, the log says that the path holds a credential, and not which."""
    secret = "my-secret-credential-77"
    call = modify(target=f"/v1/keys/{secret}", headers=(("Authorization", f"Bearer {secret}"),))
    async with serving(ScriptedUpstream(make=echo)) as base_url, proxy(tmp_path, mode, base_url) as running:
        await ask(running.url, call)
    logged = capsys.readouterr()
    assert "(holds a credential)" in logged.out + logged.err
    assert secret not in logged.out + logged.err


async def test_every_answer_names_its_call(tmp_path: Path) -> None:
    """With the id that the upstream gave, else with one of runproxy's own; also where no upstream was asked."""
    given = answer({}).with_header("X-Request-Id", "req_upstream")
    answers = iter([given, answer({})])
    upstream = ScriptedUpstream(make=lambda _: next(answers))
    async with serving(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as on:
        first, second, refused = await ask(on.url, modify({"a": "b"}), modify({"a": "b"}), modify({"a": 1}))
    assert first.headers.getall("x-request-id") == ["req_upstream"]
    own = [one.headers["x-request-id"] for one in (second, refused)]
    assert len(set(own)) == 2
    assert all(name.startswith("req_") for name in own)
