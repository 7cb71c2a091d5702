"""The log of calls: a line for each, with what a person looks for, and with nothing secret."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Literal

import pytest

from runproxy.attribution import Caller
from runproxy.calllog import CallLog
from runproxy.calls import Call
from runproxy.errors import CassetteMiss, Refusal, UpstreamError
from runproxy.messages import OUTCOME_HEADER, Request, Response, make_headers

CREDENTIAL = "a-credential-of-this-call"


def replayed(path: str = "/v1/threads/t/runs/r") -> Call:
    """Make a call that went well."""
    headers = make_headers([("Authorization", f"Bearer {CREDENTIAL}")])
    request = Request("POST", path, headers, b'{"metadata":{"k":"v"}}', "127.0.0.1", "req_1")
    answer = Response(200, make_headers([(OUTCOME_HEADER, "replayed")]))
    return Call(request, "replay", "modify_run", Caller("search"), response=answer, seconds=0.0012)


async def lines(form: Literal["console", "json"], *calls: Call, are_told: bool = True) -> list[str]:
    """Log calls, and give what is written at once."""
    written: list[str] = []
    log = CallLog(form, are_told=are_told, write=written.append, now=lambda: datetime(2026, 11, 26, tzinfo=UTC))
    for call in calls:
        log(call)
    await asyncio.sleep(0)
    assert len(written) <= 1
    return "".join(written).splitlines()


async def test_a_call_is_one_line_that_a_person_can_read() -> None:
    """It has the id that the answer tells, the address, and what became of the call."""
    (line,) = await lines("console", replayed())
    assert line == (
        "2026-11-26T00:00:00.000Z [info     ] replayed                       id=req_1 method=POST "
        "path=/v1/threads/t/runs/r status=200 ms=1.2 route=modify_run team=search"
    )


async def test_a_call_is_one_line_that_a_program_can_read() -> None:
    """Each line is one JSON object, and many of them are one write."""
    first, second = map(json.loads, await lines("json", replayed(), replayed("/v1/other")))
    assert (first["event"], first["id"], first["status"], first["ms"]) == ("replayed", "req_1", 200, 1.2)
    assert second["path"] == "/v1/other"


async def test_calls_that_went_well_can_be_left_out() -> None:
    """Where they are not wanted, nothing is written of them."""
    assert await lines("json", replayed(), are_told=False) == []


async def test_a_credential_in_a_path_is_not_logged() -> None:
    """A path that repeats what the call authorises itself with is held back."""
    (line,) = await lines("json", replayed(f"/v1/threads/{CREDENTIAL}"))
    assert CREDENTIAL not in line


@pytest.mark.parametrize(
    ("error", "event"),
    [
        pytest.param(Refusal("m", code="c"), "refused", id="refusal"),
        pytest.param(CassetteMiss("m", code="c", details={"reason": "no_match"}), "miss", id="miss"),
        pytest.param(UpstreamError("m", code="c"), "upstream failed", id="upstream"),
    ],
)
async def test_a_call_that_did_not_go_well_is_always_told_of(
    error: Refusal, event: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its line says what happened, with the id of the call, and no credential of it."""
    call = replayed(f"/v1/{CREDENTIAL}")
    call.error = error
    assert await lines("json", call, are_told=False) == []
    told = "".join(capsys.readouterr())
    assert event in told
    assert "req_1" in told
    assert CREDENTIAL not in told
