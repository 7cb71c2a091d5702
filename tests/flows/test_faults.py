"""Faults over real sockets: in every mode, behind the guard, on the wire, and never in a recording."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from runproxy.composition import Proxy
from runproxy.messages import Request, Response, make_headers
from tests.flows.test_streaming import CALL, EVENTS, Source, connected, raw, recorded, streaming
from tests.parts import ADDRESS, JSON_HEADERS, ScriptedUpstream, answer, ask, echo, modify, proxy, serving

MODES = ["replay", "record", "auto", "passthrough", "verify"]
FORWARDING = MODES[1:]
TWICE_429 = {"kind": "status", "status": 429, "retry_after_s": 3, "times": 2}


def asking(*names: str, call: Request | None = None) -> Request:
    """Make a call that asks for faults."""
    plain = call or modify({"a": "b"})
    headers = make_headers([*plain.headers.items(), *(("X-Runproxy-Fault", name) for name in names)])
    return Request(plain.method, plain.target, headers, plain.body)


async def record_one(folder: Path) -> None:
    """Record a call."""
    async with serving(ScriptedUpstream(make=echo)) as base_url, proxy(folder, "record", base_url) as on:
        await ask(on.url, modify({"a": "b"}))


def rules(*faults: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Give settings with faults."""
    return {"faults": list(faults), **more}


@pytest.mark.parametrize("mode", MODES)
async def test_the_first_calls_fail_and_then_all_is_good(tmp_path: Path, mode: str) -> None:
    """In every mode: two refusals as the service would send them, and nothing sent for them; then the answer."""
    await record_one(tmp_path)
    before = recorded(tmp_path)
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, proxy(tmp_path, mode, base_url, rules=rules(TWICE_429)) as on:
        *refused, good = await ask(on.url, *[modify({"a": "b"})] * 3)
        outcomes = dict(on.service.outcomes)
    for got in refused:
        assert (got.status, got.headers["Retry-After"], got.headers["x-runproxy-fault"]) == (429, "3", "status")
        assert json.loads(got.body)["error"]["code"] == "rate_limit_exceeded"
    assert (good.status, "x-runproxy-fault" in good.headers) == (200, False)
    assert len(upstream.seen) == (mode not in ("replay", "auto"))
    assert outcomes.pop("fault") == 2
    assert list(outcomes.values()) == [1]
    assert recorded(tmp_path) == before


async def test_the_guard_stands_in_front_of_faults(tmp_path: Path) -> None:
    """A call that is refused is refused, and is none of those that a fault counts."""
    async with proxy(tmp_path, "replay", rules=rules(TWICE_429)) as on:
        got = await ask(on.url, modify({"k": 1}), modify({"k": "1"}), modify({"k": "1"}), modify({"k": "1"}))
    assert [one.status for one in got] == [400, 429, 429, 501]


@pytest.mark.parametrize("mode", FORWARDING)
async def test_a_call_can_ask_for_a_fault(tmp_path: Path, mode: str) -> None:
    """By name, where the settings allow it; the header is neither forwarded nor recorded."""
    upstream = ScriptedUpstream(make=echo)
    late = {"kind": "latency", "name": "late", "latency_ms": 1, "by_header": True}
    async with serving(upstream) as base_url, proxy(tmp_path, mode, base_url, rules=rules(late)) as on:
        struck, plain = await ask(on.url, asking("late"), modify({"a": "b"}))
    assert struck.headers["x-runproxy-fault"] == "late"
    assert struck.body == plain.body
    assert "x-runproxy-fault" not in plain.headers
    assert all("x-runproxy-fault" not in seen.headers for seen in upstream.seen)
    if mode in ("record", "auto"):
        assert "x-runproxy-fault" not in (tmp_path / "default.json").read_text()


@pytest.mark.parametrize("faults", [[], [TWICE_429]], ids=["no faults", "another fault"])
@pytest.mark.parametrize("mode", MODES)
async def test_a_fault_that_may_not_be_asked_for_is_refused(tmp_path: Path, mode: str, faults: list[Any]) -> None:
    """Or its test would take the good answer for a passed one; nothing is sent."""
    await record_one(tmp_path)
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, proxy(tmp_path, mode, base_url, rules=rules(*faults)) as on:
        (got,) = await ask(on.url, asking("status"))
    assert (got.status, json.loads(got.body)["error"]["code"]) == (400, "unknown_fault")
    assert upstream.seen == []


async def test_several_faults_go_together(tmp_path: Path) -> None:
    """Each that a call asks for strikes it, the first one outermost; one that is kept from it is not counted."""
    faults = [
        {"kind": "latency", "latency_ms": 1, "by_header": True},
        {"kind": "status", "status": 500, "by_header": True},
        {"kind": "truncate", "by_header": True},
    ]
    async with proxy(tmp_path, "replay", rules=rules(*faults)) as on:
        both, all_three = await ask(on.url, asking("status, latency"), asking("truncate", "latency", "status"))
        status = await status_of(on)
    assert (both.status, both.headers["x-runproxy-fault"]) == (500, "latency, status")
    assert (all_three.status, all_three.headers["x-runproxy-fault"]) == (500, "latency, status")
    assert status["faults"] == {"latency": 2, "status": 2}


async def status_of(on: Proxy) -> dict[str, Any]:
    """Ask the admin API."""
    async with aiohttp.ClientSession() as client, client.get(f"{on.admin_url}/api/status") as answered:
        return dict(await answered.json())


async def received(url: str, request: bytes) -> tuple[bytes, bool]:
    """Read all that is answered, and tell whether the connection was reset in the end."""
    got = b""
    async with connected(url, request) as (reader, _):
        try:
            while piece := await reader.read(65536):
                got += piece
        except ConnectionResetError:
            return got, True
    return got, False


@pytest.mark.parametrize("mode", FORWARDING)
@pytest.mark.parametrize(("at", "calls"), [("request", 0), ("answer", 1)])
async def test_a_reset_before_the_head(tmp_path: Path, mode: str, at: str, calls: int) -> None:
    """The connection is reset, and not a byte sent; at the answer, the call was made and is on file."""
    upstream = ScriptedUpstream(make=echo)
    settings = rules({"kind": "reset", "at": at})
    async with serving(upstream) as base_url, proxy(tmp_path, mode, base_url, rules=settings) as on:
        assert await received(on.url, raw()) == (b"", True)
        assert on.service.outcomes == {"fault": 1}
    assert len(upstream.seen) == calls
    assert (tmp_path / "default.json").exists() is (bool(calls) and mode in ("record", "auto"))


@pytest.mark.parametrize(
    ("fault", "is_reset"),
    [
        pytest.param({"kind": "truncate"}, False, id="truncate"),
        pytest.param({"kind": "reset", "at": "body"}, True, id="reset"),
        pytest.param({"kind": "hang", "at": "body", "hang_s": 0.1}, False, id="hang"),
    ],
)
@pytest.mark.parametrize("mode", MODES)
async def test_a_body_breaks_off_and_is_recorded_whole(
    tmp_path: Path, mode: str, fault: dict[str, Any], is_reset: bool
) -> None:
    """The client gets the declared length and half of it; the cassette holds what the upstream said."""
    body = json.dumps({"id": "x" * 1000}).encode()
    upstream = ScriptedUpstream(make=lambda _: Response(200, JSON_HEADERS, body))
    async with serving(upstream) as base_url:
        async with proxy(tmp_path / "played", "record", base_url) as on:
            await ask(on.url, CALL)
        folder = tmp_path / ("played" if mode == "replay" else "own")
        async with proxy(folder, mode, base_url, rules=rules(fault)) as on:
            got, was_reset = await received(on.url, raw())
    head, _, rest = got.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert f"x-runproxy-fault: {fault['kind']}".encode() in head
    assert b"x-runproxy-outcome: fault" in head
    assert (rest, was_reset) == (body[: len(body) // 2], is_reset)
    if mode in ("record", "auto"):
        assert [one.body for one in recorded(folder)] == [body]


@pytest.mark.parametrize(
    ("fault", "ends", "is_reset"),
    [
        pytest.param({"kind": "truncate", "after_bytes": 28}, b"event: b\n", False, id="truncate"),
        pytest.param({"kind": "reset", "at": "body", "after_bytes": 28}, b"event: b\n", True, id="reset"),
        pytest.param({"kind": "malformed", "how": "framing"}, b"no length of a chunk\r\n", False, id="framing"),
    ],
)
@pytest.mark.parametrize("mode", FORWARDING)
async def test_a_stream_breaks_off_at_once_and_is_recorded_whole(
    tmp_path: Path, mode: str, fault: dict[str, Any], ends: bytes, is_reset: bool
) -> None:
    """The client is told while the upstream still speaks; what it says then is recorded all the same."""
    source = Source(*EVENTS, gated=True)
    async with serving(streaming(source)) as base_url, proxy(tmp_path, mode, base_url, rules=rules(fault)) as on:
        source.may_go.release()
        source.may_go.release()
        got, was_reset = await received(on.url, raw())
        assert source.given <= 2
        for _ in range(len(EVENTS)):
            source.may_go.release()
        await asyncio.wait_for(source.is_closed.wait(), 20)
    assert (ends in got, got.endswith(b"0\r\n\r\n"), was_reset) == (True, False, is_reset)
    if mode in ("record", "auto"):
        assert [one.body for one in recorded(tmp_path)] == [b"".join(EVENTS)]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_stream_to_an_old_client_breaks_off_by_a_reset(tmp_path: Path, version: str) -> None:
    """HTTP/1.0 knows no chunks, and would take an orderly end for the whole."""
    settings = rules({"kind": "truncate", "after_bytes": 5})
    async with (
        serving(streaming(Source(*EVENTS))) as base_url,
        proxy(tmp_path, "passthrough", base_url, rules=settings) as on,
    ):
        got, was_reset = await received(on.url, raw(version=version))
    assert EVENTS[0][:5] in got
    assert was_reset is (version == "1.0")


async def test_malformed_json_of_a_recording(tmp_path: Path) -> None:
    """It has the length of the good one, cannot be read, and the connection takes the next call."""
    await record_one(tmp_path)
    async with proxy(tmp_path, "replay", rules=rules({"kind": "malformed", "times": 1})) as on:
        bad, good = await ask(on.url, *[modify({"a": "b"})] * 2)
    assert (bad.status, bad.headers["x-runproxy-outcome"]) == (200, "fault")
    assert len(bad.body) == len(good.body)
    with pytest.raises(json.JSONDecodeError):
        json.loads(bad.body)
    assert json.loads(good.body)["metadata"] == {"a": "b"}


@pytest.mark.parametrize("at", ["request", "answer", "body"])
async def test_a_hang_ends_when_the_client_goes(tmp_path: Path, at: str) -> None:
    """Nothing is left of it, though it may last for hours and stopping would wait for it."""
    settings = rules({"kind": "hang", "hang_s": 80_000, "at": at})
    upstream = ScriptedUpstream(make=echo)
    async with (
        asyncio.timeout(30),
        serving(upstream) as base_url,
        proxy(tmp_path, "record", base_url, rules=settings, limits={"drain_s": 3600}) as on,
        connected(on.url, raw()) as (reader, writer),
    ):
        if at == "body":
            await reader.readuntil(b"\r\n\r\n")
            await reader.read(1)
        while not on.service.outcomes:  # noqa: ASYNC110 - the server counts it, behind a socket
            await asyncio.sleep(0.01)
        writer.close()
    assert len(upstream.seen) == (at != "request")
    assert (tmp_path / "default.json").exists() is (at != "request")


@pytest.mark.parametrize("kind", ["hang", "slow_body"])
async def test_stopping_ends_what_a_fault_holds_up(tmp_path: Path, kind: str) -> None:
    """After the time that calls in flight have, with the client still there."""
    await record_one(tmp_path)
    fault = {"hang": {"hang_s": 80_000}, "slow_body": {"bytes_per_s": 1}}[kind]
    call = modify({"a": "b"})
    request = raw(target=ADDRESS).partition(b"Content-Length")[0] + b"Content-Length: %d\r\n\r\n" % len(call.body)
    async with asyncio.timeout(30):
        async with proxy(tmp_path, "replay", rules=rules({"kind": kind, **fault}), limits={"drain_s": 0.1}) as on:
            reader, writer = await asyncio.open_connection(*on.url.removeprefix("http://").split(":"))
            writer.write(request + call.body)
            while not on.service.outcomes:  # noqa: ASYNC110 - the server counts it, behind a socket
                await asyncio.sleep(0.01)
        assert len(await reader.read()) < 1000
        writer.close()


async def test_a_hang_ends_by_itself(tmp_path: Path) -> None:
    """The connection is closed without an answer."""
    async with proxy(tmp_path, "replay", rules=rules({"kind": "hang", "hang_s": 0.05})) as on:
        assert await received(on.url, raw()) == (b"", False)


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_slow_body_is_recorded_as_fast_as_it_came(tmp_path: Path, method: str) -> None:
    """The client has hardly begun to read when all is on file, and what it does then changes nothing."""
    settings = rules({"kind": "slow_body", "bytes_per_s": 1})
    async with (
        asyncio.timeout(30),
        serving(streaming(Source(*EVENTS))) as base_url,
        proxy(tmp_path, "record", base_url, rules=settings, limits={"drain_s": 3600}) as on,
        connected(on.url, raw(method)) as (reader, writer),
    ):
        head = await reader.readuntil(b"\r\n\r\n")
        while not (tmp_path / "default.json").exists():  # noqa: ASYNC110 - the server writes it, behind a socket
            await asyncio.sleep(0.01)
        (held,) = recorded(tmp_path)
        writer.transport.abort()
    assert b"x-runproxy-outcome: recording" in head
    assert b"x-runproxy-fault: slow_body" in head
    assert held.body == b"".join(EVENTS)


async def test_a_slow_body_comes_whole(tmp_path: Path) -> None:
    """Byte by byte, it is what was recorded, and the outcome is that of the mode."""
    await record_one(tmp_path)
    async with proxy(tmp_path, "replay", rules=rules({"kind": "slow_body", "bytes_per_s": 2000, "times": 1})) as on:
        slow, plain = await ask(on.url, *[modify({"a": "b"})] * 2)
    assert (slow.status, slow.body, slow.headers["Content-Length"]) == (200, plain.body, str(len(plain.body)))
    assert (slow.headers["x-runproxy-outcome"], slow.headers["x-runproxy-fault"]) == ("replayed", "slow_body")


async def test_a_fault_while_recording_anew_takes_nothing_away(tmp_path: Path) -> None:
    """A recording is kept whose call was kept from being made; the same calls without faults would renew it."""
    states = [answer({"n": number}) for number in (1, 2)]
    async with serving(ScriptedUpstream(*states)) as base_url, proxy(tmp_path, "record", base_url) as on:
        await ask(on.url, *[modify({"a": "b"})] * 2)
    before = recorded(tmp_path)
    settings = rules({"kind": "status", "after": 1})
    upstream = ScriptedUpstream(answer({"n": 1}))
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url, rules=settings) as on:
        got = await ask(on.url, *[modify({"a": "b"})] * 2)
    assert [one.status for one in got] == [200, 500]
    assert recorded(tmp_path) == before


async def test_calls_in_a_log_carry_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The log names the fault and the call, and no credential that is in its path."""
    secret = "my-secret-credential-77"
    call = modify(target=f"/v1/keys/{secret}", headers=(("Authorization", f"Bearer {secret}"),))
    async with proxy(tmp_path, "replay", rules=rules({"kind": "status", "name": "down"})) as on:
        await ask(on.url, call, modify({"a": "b"}))
    logged = "".join(capsys.readouterr())
    assert "fault=down" in logged
    assert ADDRESS in logged
    assert secret not in logged


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_a_reset_strikes_any_method(tmp_path: Path, method: str) -> None:
    """Also one whose answer has no body."""
    async with proxy(tmp_path, "replay", rules=rules({"kind": "reset"})) as on:
        assert await received(on.url, raw(method)) == (b"", True)


async def api(on: Proxy, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Call the admin API."""
    async with aiohttp.ClientSession() as client, client.request(method, on.admin_url + path, json=body) as answered:
        return answered.status, await answered.json()


async def statuses(session: dict[str, Any], count: int) -> list[int]:
    """Make a call in a session again and again."""
    got = await ask(session["base_url"].removesuffix("/v1"), *[modify({"a": "b"})] * count)
    return [one.status for one in got]


HALF = {"kind": "status", "status": 503, "share": 0.5}


async def test_each_session_has_its_own_faults(tmp_path: Path) -> None:
    """Those it brings, or those of the server counted anew, or none; it tells in the end what struck."""
    await record_one(tmp_path)
    async with proxy(tmp_path, "replay", rules=rules(TWICE_429)) as on:

        async def start(**wanted: Any) -> dict[str, Any]:
            status, session = await api(on, "POST", "/api/sessions", {"cassette": "default", **wanted})
            assert status == 201
            return dict(session)

        inherits, none, own = await start(), await start(faults=[]), await start(faults=[{"kind": "status"}])
        assert await statuses(inherits, 3) == [429, 429, 200]
        assert await statuses(none, 1) == [200]
        assert await statuses(own, 2) == [500, 500]
        assert [one.status for one in await ask(on.url, *[modify({"a": "b"})] * 3)] == [429, 429, 200]
        reports = [(await api(on, "DELETE", f"/api/sessions/{one['id']}"))[1] for one in (inherits, none, own)]
    assert [report.get("faults") for report in reports] == [{"status": 2}, None, {"status": 2}]
    assert [report["calls"] for report in reports] == [{"fault": 2, "replayed": 1}, {"replayed": 1}, {"fault": 2}]


async def test_sessions_with_one_seed_have_the_same_faults(tmp_path: Path) -> None:
    """However their calls mix; another seed gives others, and so does that of the server."""
    await record_one(tmp_path)
    async with proxy(tmp_path, "replay", rules=rules(HALF, fault_seed=7)) as on:

        async def start(seed: int | None) -> dict[str, Any]:
            wanted = {"cassette": "default", "on_exhausted": "last", "seed": seed}
            return dict((await api(on, "POST", "/api/sessions", wanted))[1])

        one, two, other, servers = await start(3), await start(3), await start(4), await start(None)
        mixed: list[list[int]] = [[], []]
        for _ in range(16):
            mixed[0] += await statuses(one, 1)
            mixed[1] += await statuses(two, 1)
        assert mixed[0] == mixed[1]
        assert await statuses(other, 16) != mixed[0]
        assert await statuses(servers, 16) == [got.status for got in await ask(on.url, *[modify({"a": "b"})] * 16)]
    assert {*mixed[0]} == {200, 503}


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        pytest.param({"faults": [{"kind": "x"}]}, "faults.0.kind: Input should be 'latency', 'reset'", id="kind"),
        pytest.param({"faults": [{}]}, "faults.0.kind: Field required", id="no-kind"),
        pytest.param({"faults": [{"kind": "reset", "status": 1}]}, "faults.0.status: ", id="status"),
        pytest.param({"faults": [{"kind": "reset", "how": "json"}]}, "how goes with kind = 'malformed'", id="together"),
        pytest.param({"faults": [{"kind": "reset", "route": "x"}]}, "faults: reset: there is no route 'x'", id="route"),
        pytest.param({"faults": [{"kind": "reset"}] * 2}, "two faults are called 'reset'", id="twice"),
        pytest.param({"seed": -1}, "seed: Input should be greater than or equal to 0", id="seed"),
    ],
)
async def test_a_session_with_faults_that_cannot_be_is_told(tmp_path: Path, wanted: dict[str, Any], text: str) -> None:
    """The answer says where and why."""
    await record_one(tmp_path)
    async with proxy(tmp_path, "replay") as on:
        status, said = await api(on, "POST", "/api/sessions", {"cassette": "default", **wanted})
    assert (status, text in said["error"]) == (422, True)


async def test_a_share_repeats_from_run_to_run(tmp_path: Path) -> None:
    """Two servers with one seed strike the same calls."""
    await record_one(tmp_path)
    runs = []
    for _ in range(2):
        async with proxy(tmp_path, "replay", rules=rules(HALF, fault_seed=11)) as on:
            runs.append([got.status for got in await ask(on.url, *[modify({"a": "b"})] * 30)])
    assert runs[0] == runs[1]
    assert {*runs[0]} == {200, 503}
