"""The audit of a running proxy: every call to a guarded route is written down before it goes on."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from runproxy.audit.filters import Filter
from runproxy.audit.reading import LoggedCall, find_calls
from runproxy.audit.store import AuditStore
from runproxy.audit.verifying import verify
from runproxy.composition import Proxy
from runproxy.messages import Request, Response
from tests.parts import ADDRESS, CREDENTIAL, HEADERS, ScriptedUpstream, answer, ask, echo, modify, proxy, serving

SDK_HEADERS = (
    *HEADERS,
    ("User-Agent", "OpenAI/Python 2.8.1"),
    ("X-Stainless-Lang", "python"),
    ("X-Stainless-Package-Version", "2.8.1"),
)


@asynccontextmanager
async def audited(
    folder: Path, mode: str, upstream: str = "", *, audit: Mapping[str, Any] | None = None, **sections: Any
) -> AsyncIterator[Proxy]:
    """Run a proxy that writes calls down in a folder."""
    held = {"store": str(folder / "audit.db"), "modes": [mode], **(audit or {})}
    async with proxy(folder, mode, upstream, rules={"audit": held, **sections}) as running:
        yield running


def logged(folder: Path) -> list[LoggedCall]:
    """Give what is written down, the oldest first; the store proves itself."""
    store = AuditStore.open(folder / "audit.db")
    try:
        assert verify(store).problems == ()
        with store.reading() as connection:
            return find_calls(connection, Filter(), 1_000)[::-1]
    finally:
        store.close()


async def test_a_call_is_written_down_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    """Who called, by what program, which run, which pairs, what was decided, what became of it and how long it took."""
    async with serving(ScriptedUpstream(make=echo)) as base_url, audited(tmp_path, "passthrough", base_url) as running:
        (got,) = await ask(running.url, modify({"user": "a", "note": "überprüft"}, headers=SDK_HEADERS))
    (one,) = logged(tmp_path)
    event, outcome = one.event, one.outcome
    assert (event.mode, event.route, event.method, event.path) == ("passthrough", "modify_run", "POST", ADDRESS)
    assert (event.thread_id, event.run_id) == ("thread_abc123", "run_abc123")
    assert event.request_id == got.headers["x-request-id"]
    assert (event.client, event.user_agent) == ("127.0.0.1", "OpenAI/Python 2.8.1")
    assert (event.sdk, event.sdk_version) == ("openai-python", "2.8.1")
    assert [(pair.key, pair.value, pair.chars, pair.form) for pair in event.pairs] == [
        ("user", "a", 1, "full"),
        ("note", "überprüft", 9, "full"),
    ]
    assert (event.decision, event.findings) == ("accepted", ())
    assert outcome
    assert (outcome.status, outcome.outcome, outcome.upstream) == (200, "forwarded", "answered")
    assert outcome.total_ms is not None
    assert outcome.upstream_ms is not None
    assert 0 <= outcome.upstream_ms <= outcome.total_ms
    assert one.delivery == ""


async def test_what_is_refused_is_written_down_with_every_reason(tmp_path: Path) -> None:
    """All that was wrong, in the guard's order, and the pairs that were sent, whatever their type."""
    upstream = ScriptedUpstream(make=echo)
    policy = {"required": ["team"], "keys": {"user": {"pattern": "u_.*"}}}
    async with serving(upstream) as base_url, audited(tmp_path, "passthrough", base_url, policy=policy) as running:
        await ask(running.url, modify({"user": "x", "n": 1, "long": "l" * 600, "deep": {"a": [1.5, None]}}))
    (one,) = logged(tmp_path)
    assert upstream.seen == []
    assert one.event.decision == "refused"
    assert [(found.code, found.param, found.limit, found.actual) for found in one.event.findings] == [
        ("invalid_type", "metadata.n", None, None),
        ("string_above_max_length", "metadata.long", 512, 600),
        ("invalid_type", "metadata.deep", None, None),
        ("policy_missing_key", "metadata.team", None, None),
        ("policy_value_pattern", "metadata.user", None, None),
    ]
    assert [(pair.key, pair.type, pair.chars, pair.form) for pair in one.event.pairs] == [
        ("user", "string", 1, "full"),
        ("n", "number", 1, "full"),
        ("long", "string", 600, "cut"),
        ("deep", "object", 16, "full"),
    ]
    assert one.event.pairs[3].value == '{"a":[1.5,null]}'
    assert one.outcome
    assert (one.outcome.status, one.outcome.outcome, one.outcome.upstream) == (400, "refused", "")


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(Request("POST", ADDRESS, modify().headers, b"{"), "invalid_json", id="no-json"),
        pytest.param(Request("POST", ADDRESS, modify().headers, b'{"a":1,"a":2}'), "duplicate_name", id="twice"),
        pytest.param(Request("PUT", ADDRESS, modify().headers, b"{}"), "method_not_allowed", id="method"),
        pytest.param(modify({}, "/v1/threads/t/runs/r%2Fcancel"), "invalid_path", id="disguise"),
        pytest.param(modify({}, f"{ADDRESS}?metadata=1"), "ambiguous_query", id="query"),
    ],
)
async def test_what_is_refused_before_its_metadata_is_read_is_written_down_too(
    tmp_path: Path, call: Request, code: str
) -> None:
    """With the code of the refusal, and without pairs."""
    async with audited(tmp_path, "replay") as running:
        await ask(running.url, call)
    (one,) = logged(tmp_path)
    assert (one.event.decision, [found.code for found in one.event.findings]) == ("refused", [code])
    assert one.event.pairs == ()


async def test_what_writes_no_metadata_is_not_written_down(tmp_path: Path) -> None:
    """Calls that only read, and those to routes that are not guarded."""
    async with serving(ScriptedUpstream(make=echo)) as base_url, audited(tmp_path, "passthrough", base_url) as running:
        await ask(
            running.url,
            Request("GET", ADDRESS, modify().headers),
            Request("GET", "/v2/elsewhere", modify().headers),
            modify({}, "/v1/assistants"),
        )
    assert logged(tmp_path) == []


async def test_warnings_and_teams_are_written_down(tmp_path: Path) -> None:
    """Which team, by what it is known, under which fingerprint, and that another source contradicts."""
    key_file = tmp_path / "key"
    key_file.write_text("a secret of some length")
    key_file.chmod(0o600)
    sections: dict[str, Any] = {
        "policy": {"action": "warn", "required": ["ticket"]},
        "attribution": {
            "key_file": str(key_file),
            "teams": {"search": {"projects": ["proj_1"]}, "ads": {"organizations": ["org_1"]}},
        },
    }
    headers = (*HEADERS, ("OpenAI-Project", "proj_1"), ("OpenAI-Organization", "org_1"))
    async with (
        serving(ScriptedUpstream(make=echo)) as base_url,
        audited(tmp_path, "passthrough", base_url, **sections) as running,
    ):
        await ask(running.url, modify({"user": "a"}, headers=headers))
    (one,) = logged(tmp_path)
    assert (one.event.team, one.event.team_source, one.event.decision) == ("search", "project", "warned")
    assert one.event.fingerprint.startswith("fp_")
    assert [(found.code, found.param, found.refuses) for found in one.event.findings] == [
        ("policy_missing_key", "metadata.ticket", False),
        ("team_mismatch", "organization", False),
    ]
    assert CREDENTIAL not in (tmp_path / "audit.db").read_bytes().decode("latin-1")


async def test_what_an_upstream_did_is_told_as_far_as_it_is_known(tmp_path: Path) -> None:
    """An upstream that is not there was not reached."""
    async with audited(tmp_path, "passthrough", "http://127.0.0.1:9/v1") as running:
        await ask(running.url, modify({"user": "a"}))
    (one,) = logged(tmp_path)
    assert one.outcome
    assert (one.outcome.status, one.outcome.outcome, one.outcome.upstream) == (502, "failed", "not_reached")


@pytest.mark.parametrize("mode", ["record", "auto", "verify", "replay"])
async def test_every_mode_can_be_audited(tmp_path: Path, mode: str) -> None:
    """Recorded, replayed, missed and verified calls are told apart by their outcome."""
    expected = {"record": "recorded", "auto": "recorded", "verify": "new", "replay": "miss"}
    async with serving(ScriptedUpstream(make=echo)) as base_url, audited(tmp_path, mode, base_url) as running:
        await ask(running.url, modify({"user": "a"}))
    (one,) = logged(tmp_path)
    assert one.outcome
    assert one.outcome.outcome == expected[mode]
    assert one.outcome.upstream == ("" if mode == "replay" else "answered")


async def test_secrets_are_masked_wherever_they_stand(tmp_path: Path) -> None:
    """The caller's credential and the shape of a token, in keys, values, ids and the user agent."""
    token = "ghp_" + "a1B2" * 9
    calls = (
        modify(
            {"leak": f"key {CREDENTIAL}", token: "v", "fine": "f"}, headers=(*HEADERS, ("User-Agent", f"x/{token}"))
        ),
        modify({"fine": "f"}, f"/v1/threads/{CREDENTIAL}/runs/run_1"),
        modify({"n": 1, f"{token}x": 2}),
    )
    async with serving(ScriptedUpstream(make=echo)) as base_url, audited(tmp_path, "passthrough", base_url) as running:
        await ask(running.url, *calls)
    first, second, third = logged(tmp_path)
    assert [(pair.key, pair.value, pair.form) for pair in first.event.pairs] == [
        ("leak", None, "masked"),
        ("(holds a credential)", "v", "full"),
        ("fine", "f", "full"),
    ]
    assert first.event.user_agent == "(holds a credential)"
    assert (second.event.path, second.event.thread_id, second.event.run_id) == (
        "(holds a credential)",
        "(holds a credential)",
        "run_1",
    )
    assert [found.param for found in third.event.findings] == ["metadata.n", "(holds a credential)"]
    written = (tmp_path / "audit.db").read_bytes().decode("latin-1")
    assert CREDENTIAL not in written
    assert token not in written


async def test_values_are_kept_as_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashed values are equal where the values are; of others only the length is kept."""
    monkeypatch.setenv("RUNPROXY_AUDIT_KEY", "a secret of some length")
    audit = {"store_values": "hashed", "store_values_of": {"env": "full", "note": "keys_only"}}
    async with (
        serving(ScriptedUpstream(make=echo)) as base_url,
        audited(tmp_path, "passthrough", base_url, audit=audit) as running,
    ):
        await ask(running.url, modify({"user": "a", "env": "test", "note": "private"}), modify({"user": "a"}))
    first, second = logged(tmp_path)
    assert [(pair.key, pair.form, pair.chars) for pair in first.event.pairs] == [
        ("user", "hashed", 1),
        ("env", "full", 4),
        ("note", "left_out", 7),
    ]
    assert first.event.pairs[0] == second.event.pairs[0]
    assert first.event.pairs[1].value == "test"
    assert b"private" not in (tmp_path / "audit.db").read_bytes()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep everybody else from writing into a store."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runproxy.audit.store._BUSY_MS", 100)


@pytest.mark.usefixtures("_impatient")
async def test_a_call_that_cannot_be_written_down_does_not_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is answered with 503, which SDKs try again; the log and the metrics tell; afterwards all is as before."""
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, audited(tmp_path, "passthrough", base_url) as running:
        with locked(tmp_path / "audit.db"):
            (refused,) = await ask(running.url, modify({"user": "a"}))
            (ready,) = await ask(running.admin_url, Request("GET", "/readyz", modify().headers))
        assert upstream.seen == []
        (passed,) = await ask(running.url, modify({"user": "b"}))
        (status,) = await ask(running.admin_url, Request("GET", "/api/status", modify().headers))
    assert (refused.status, json.loads(refused.body)["error"]["code"]) == (503, "audit_unavailable")
    assert refused.headers["Retry-After"] == "1"
    assert ready.status == 503
    assert passed.status == 200
    assert json.loads(status.body)["audit"] == {"store": str(tmp_path / "audit.db"), "failures": 1}
    told = capsys.readouterr()
    assert "calls cannot be written down" in told.out + told.err
    assert [pair.value for one in logged(tmp_path) for pair in one.event.pairs] == ["b"]


async def test_a_store_that_is_gone_takes_no_call(tmp_path: Path) -> None:
    """Its file would still take what nobody could read afterwards; put back, it takes calls again."""
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, audited(tmp_path, "passthrough", base_url) as running:
        (tmp_path / "audit.db").rename(tmp_path / "elsewhere.db")
        (refused,) = await ask(running.url, modify({"user": "a"}))
        (tmp_path / "elsewhere.db").rename(tmp_path / "audit.db")
        (passed,) = await ask(running.url, modify({"user": "b"}))
    assert (refused.status, passed.status, len(upstream.seen)) == (503, 200, 1)
    assert [pair.value for one in logged(tmp_path) for pair in one.event.pairs] == ["b"]


@pytest.mark.usefixtures("_impatient")
async def test_with_continue_a_call_goes_on_all_the_same(tmp_path: Path) -> None:
    """Who would rather serve than know says so."""
    upstream, audit = ScriptedUpstream(make=echo), {"on_error": "continue"}
    async with serving(upstream) as base_url, audited(tmp_path, "passthrough", base_url, audit=audit) as running:
        with locked(tmp_path / "audit.db"):
            (passed,) = await ask(running.url, modify({"user": "a"}))
            (ready,) = await ask(running.admin_url, Request("GET", "/readyz", modify().headers))
            await asyncio.sleep(0.3)  # until the outcome has been given up, too
    assert (passed.status, ready.status, len(upstream.seen)) == (200, 200, 1)
    assert logged(tmp_path) == []


async def test_the_intent_is_on_file_while_the_upstream_works(tmp_path: Path) -> None:
    """A call that is under way reads as one of unknown outcome."""
    seen: list[LoggedCall] = []

    def look(request: Request) -> Response:
        seen.extend(logged(tmp_path))
        return echo(request)

    async with (
        serving(ScriptedUpstream(make=look)) as base_url,
        audited(tmp_path, "passthrough", base_url) as running,
    ):
        await ask(running.url, modify({"user": "a"}))
    (under_way,), (done,) = seen, logged(tmp_path)
    assert under_way.outcome is None
    assert under_way.as_dict()["outcome"] == "unknown"
    assert done.event == under_way.event
    assert done.outcome


async def test_a_client_that_goes_away_is_told_of_apart_from_the_call(tmp_path: Path) -> None:
    """The call was made and answered; its answer was not delivered."""
    is_asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        is_asked.set()
        await may_answer.wait()
        return echo(request)

    async with (
        serving(ScriptedUpstream(make=slow)) as base_url,
        audited(tmp_path, "passthrough", base_url) as running,
    ):
        host, _, port = running.url.removeprefix("http://").rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        body = b'{"metadata":{"user":"a"}}'
        head = (
            f"POST {ADDRESS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        )
        writer.write(head.encode() + b"\r\n" + body)
        await is_asked.wait()
        writer.close()
        await asyncio.sleep(0.05)  # until the proxy has seen it go
        may_answer.set()
    (one,) = logged(tmp_path)
    assert one.outcome
    assert (one.outcome.status, one.delivery) == (200, "client_gone")


async def test_many_calls_at_once_are_all_written_down(tmp_path: Path) -> None:
    """One entry each, with its own outcome."""
    async with serving(ScriptedUpstream(make=echo)) as base_url, audited(tmp_path, "passthrough", base_url) as running:
        await asyncio.gather(*(ask(running.url, modify({"n": str(number)})) for number in range(100)))
    found = logged(tmp_path)
    assert sorted(int(one.event.pairs[0].value or "") for one in found) == list(range(100))
    assert all(one.outcome and one.outcome.status == 200 for one in found)


async def test_calls_of_modes_that_are_not_asked_for_are_not_written_down(tmp_path: Path) -> None:
    """A session that replays, on a server that records, is no traffic; without any mode there is no store at all."""
    async with (
        serving(ScriptedUpstream(make=echo)) as base_url,
        audited(tmp_path, "record", base_url) as running,
    ):
        await ask(running.url, modify({"user": "a"}))
        start = Request("POST", "/api/sessions", modify().headers, b'{"cassette": "default", "mode": "replay"}')
        (started,) = await ask(running.admin_url, start)
        session = json.loads(started.body)["base_url"].removeprefix(running.url).removesuffix("/v1")
        (replayed,) = await ask(running.url, modify({"user": "a"}, f"{session}{ADDRESS}"))
    assert replayed.headers["x-runproxy-outcome"] == "replayed"
    assert [one.event.mode for one in logged(tmp_path)] == ["record"]
    other = tmp_path / "other"
    other.mkdir()
    async with audited(other, "replay", audit={"modes": ["record"]}) as running:
        await ask(running.url, modify({"user": "a"}))
    assert not (other / "audit.db").exists()


async def test_objects_inside_others_are_written_down_with_their_places(tmp_path: Path) -> None:
    """Where metadata stands in the body, and that a call that creates something brought none of its own."""
    body = {"messages": [{"role": "user", "content": "x", "metadata": {"source": "app"}}]}
    call = Request("POST", "/v1/threads", modify().headers, json.dumps(body).encode())
    async with (
        serving(ScriptedUpstream(answer({"id": "thread_1"}))) as base_url,
        audited(tmp_path, "passthrough", base_url, guard={"routes": "all"}) as running,
    ):
        await ask(running.url, call)
    (one,) = logged(tmp_path)
    assert [(held.param, held.pairs, held.is_main) for held in one.event.objects] == [
        ("messages[0].metadata", 1, False),
        ("metadata", None, True),
    ]
    assert [(pair.param, pair.key) for pair in one.event.pairs] == [("messages[0].metadata", "source")]
