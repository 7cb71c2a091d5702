"""A service closes the API under a recording: clients get what it answers, and no good recording is lost for it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from runproxy.messages import Request, Response, make_headers
from runproxy.redaction import WriteGate
from runproxy.stores.file import FileStore
from tests.parts import ADDRESS, HEADERS, ScriptedUpstream, answer, ask, modify, proxy, serving
from tests.upstream.servers import listening

CALL = modify({"call": "a"})
CLOSED = Response(404, make_headers([("Date", "Wed, 26 Aug 2026 12:00:00 GMT")]))
DELETED = answer({"error": {"message": "No run found with id 'run_abc123'."}}, 404)


async def record(folder: Path, *answers: Response, mode: str = "record", **more: Any) -> list[Response]:
    """Make the call as often as there are answers, and give what the client got."""
    upstream = ScriptedUpstream(*answers)
    async with serving(upstream) as base_url, proxy(folder, mode, base_url, **more) as recording:
        return await ask(recording.url, *[CALL] * len(answers))


def said(folder: Path) -> list[bytes]:
    """Give the recorded answers in order."""
    return [held.response.body for held in FileStore(folder, WriteGate()).load("default")]


def text(number: int) -> Response:
    """Make an answer that is told apart from others."""
    return answer({"said": number})


async def test_recording_again_after_the_end_leaves_the_recording_as_it_was(tmp_path: Path) -> None:
    """The client gets the 404, marked; the file is the same to the byte; and the log tells of the endpoint once."""
    await record(tmp_path, text(1), text(2))
    before = (tmp_path / "default.json").read_bytes()
    got = await record(tmp_path, CLOSED, CLOSED, CLOSED)
    assert [(one.status, one.body) for one in got] == [(404, b"")] * 3
    assert {one.headers["x-runproxy-outcome"] for one in got} == {"unrecorded"}
    assert {one.headers["x-runproxy-reason"] for one in got} == {"sunset"}
    assert (tmp_path / "default.json").read_bytes() == before


@pytest.mark.parametrize("ends_after", [0, 1, 2])
async def test_an_end_in_the_midst_of_a_session_takes_out_nothing(tmp_path: Path, ends_after: int) -> None:
    """What was recorded anew before the end counts; of what comes after it, the earlier recordings stay."""
    await record(tmp_path, text(1), text(2), text(3))
    fresh = [text(10 + number) for number in range(ends_after)]
    await record(tmp_path, *fresh, CLOSED)
    expected = [one.body for one in fresh] + [text(number).body for number in range(ends_after + 1, 4)]
    assert said(tmp_path) == expected


async def test_auto_answers_from_the_recording_and_records_no_end(tmp_path: Path) -> None:
    """What is known is replayed; a call that is not known gets the 404, and is asked again the next time."""
    (recorded,) = await record(tmp_path, text(1), mode="auto")
    upstream = ScriptedUpstream(CLOSED, CLOSED)
    async with serving(upstream) as base_url, proxy(tmp_path, "auto", base_url) as auto:
        known, first, second = await ask(auto.url, CALL, modify({"call": "new"}), modify({"call": "new"}))
    assert (known.status, known.body) == (recorded.status, recorded.body)
    assert [one.headers.get("x-runproxy-reason") for one in (first, second)] == ["sunset", "sunset"]
    assert len(upstream.seen) == 2
    assert said(tmp_path) == [text(1).body]


async def test_auto_that_asks_on_keeps_what_it_has(tmp_path: Path) -> None:
    """With on_exhausted = "error" a call beyond its recordings goes to the upstream, whose end is not added to them."""
    await record(tmp_path, text(1))
    got = await record(tmp_path, CLOSED, CLOSED, mode="auto", on_exhausted="error")
    assert [one.headers["x-runproxy-outcome"] for one in got] == ["replayed", "unrecorded"]
    assert said(tmp_path) == [text(1).body]


async def test_an_end_is_not_recorded_where_nothing_was_before(tmp_path: Path) -> None:
    """A cassette of nothing but ends would answer for a service that speaks again at another place."""
    (got,) = await record(tmp_path, CLOSED)
    assert got.headers["x-runproxy-reason"] == "sunset"
    assert not (tmp_path / "default.json").exists()


async def test_a_deleted_run_is_recorded_in_place_of_the_run(tmp_path: Path) -> None:
    """A 404 that says what is not there is an answer like any other."""
    await record(tmp_path, text(1))
    (got,) = await record(tmp_path, DELETED)
    assert got.headers["x-runproxy-outcome"] == "recorded"
    assert said(tmp_path) == [DELETED.body]


async def test_an_end_that_comes_as_a_stream_is_one_all_the_same(tmp_path: Path) -> None:
    """Chunked, and with its last chunk so late that the answer was taken for a stream."""
    await record(tmp_path, text(1))
    before = (tmp_path / "default.json").read_bytes()

    async def closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.3)
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async with listening(closed) as port, proxy(tmp_path, "record", f"http://127.0.0.1:{port}/v1") as recording:
        (got,) = await ask(recording.url, CALL)
    assert (got.status, got.body, got.headers["x-runproxy-outcome"]) == (404, b"", "recording")
    assert (tmp_path / "default.json").read_bytes() == before


async def test_each_endpoint_is_told_of_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However many calls and sessions come to it; and no call is logged as one that could not be recorded."""
    others = [Request("GET", f"/v1/threads/thread_{number}", make_headers(HEADERS)) for number in range(3)]
    upstream = ScriptedUpstream(make=lambda _: CLOSED)
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as recording:
        named = Request("GET", f"/@other{ADDRESS}", make_headers(HEADERS))
        await ask(recording.url, CALL, CALL, *others, named)
    told = [line for line in capsys.readouterr().out.splitlines() if "endpoint closed" in line]
    assert len(told) == 2
    assert "route=/threads/{thread_id}/runs/{run_id}" in told[0]
    assert "route=/threads/{thread_id}" in told[1]
    assert "docs/upstreams.md" in told[0]


async def test_a_server_of_ones_own_closes_nothing(tmp_path: Path) -> None:
    """Whoever says that it is one records its empty 404 as an answer like any other."""
    await record(tmp_path, text(1))
    upstream = ScriptedUpstream(CLOSED)
    async with serving(upstream) as base_url:
        rules = {"upstreams": {"own": {"kind": "self_hosted", "url": base_url}}}
        async with proxy(tmp_path, "record", "own", rules=rules) as recording:
            (got,) = await ask(recording.url, CALL)
    assert got.headers["x-runproxy-outcome"] == "recorded"
    assert said(tmp_path) == [b""]


@pytest.mark.parametrize("kind", ["openai", "azure", "foundry"])
async def test_a_service_of_each_other_kind_can_close(tmp_path: Path, kind: str) -> None:
    """OpenAI and Azure OpenAI have; Foundry Agents (classic) will."""
    async with serving(ScriptedUpstream(CLOSED)) as base_url:
        rules = {"upstreams": {"theirs": {"kind": kind, "url": base_url}}}
        async with proxy(tmp_path, "record", "theirs", rules=rules) as recording:
            (got,) = await ask(recording.url, CALL)
    assert got.headers["x-runproxy-reason"] == "sunset"


async def test_who_would_rather_fail_than_miss_a_recording_is_told_why(tmp_path: Path) -> None:
    """With on_record_error = "fail" the answer is withheld, as any that is not recorded."""
    (got,) = await record(tmp_path, CLOSED, on_record_error="fail")
    error = json.loads(got.body)["error"]
    assert (got.status, error["code"]) == (507, "sunset")
    assert "the upstream has closed this endpoint" in error["message"]


async def test_an_answer_that_must_not_be_stored_costs_no_recording_either(tmp_path: Path) -> None:
    """What cannot be redacted is not recorded, and the earlier recordings of its call stay."""
    redact = {"redact": {"body": [{"pointer": "/said", "action": "drop"}]}}
    await record(tmp_path, text(1), text(2))
    broken = Response(200, make_headers([("Content-Type", "application/json")]), b'{"said": ')
    got = await record(tmp_path, text(3), broken, rules=redact)
    assert [one.headers["x-runproxy-outcome"] for one in got] == ["recorded", "unrecorded"]
    assert said(tmp_path) == [b"{}", text(2).body]
