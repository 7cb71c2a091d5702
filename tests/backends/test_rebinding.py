"""Rebinding: a recording answers calls with other ids, one to one and to the end of the session."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from runproxy.backends import OnExhausted, Rebinding, Replay
from runproxy.cassettes import Cassette, Interaction
from runproxy.errors import CassetteMiss
from runproxy.messages import Request, Response, make_headers

T1, T2, R1, R2 = "thread_recorded1", "thread_recorded2", "run_recorded1", "run_recorded2"
TX, TY, RX, RY = "thread_fresh1x", "thread_fresh2y", "run_fresh1x", "run_fresh2y"


def call(thread: str, run: str = "", body: object = None) -> Request:
    """Make a call about a run, or about the runs of a thread."""
    path = f"/v1/threads/{thread}/runs" + (f"/{run}" if run else "")
    return Request("POST", path, make_headers(), orjson.dumps(body if body is not None else {}))


def recorded(request: Request, value: object) -> Interaction:
    """Make a recording."""
    headers = make_headers([("location", f"{request.path}?x=1")])
    return Interaction(request, Response(200, headers, orjson.dumps(value)), datetime(2026, 1, 2, tzinfo=UTC), 1)


def rebinding(*interactions: Interaction, on_exhausted: OnExhausted = "error") -> Rebinding:
    """Replay recordings with their ids rebound."""
    cassette = Cassette(interactions)
    return Rebinding(Replay("tape", cassette, on_exhausted, "record it"), cassette)


async def said(backend: Rebinding, request: Request) -> Any:
    """Give the value of an answer."""
    return orjson.loads((await backend.send(request)).body)


async def test_the_answer_speaks_of_the_ids_of_the_call() -> None:
    """In body and headers, with ids that were not asked about left as they are."""
    tape = rebinding(recorded(call(T1, R1), {"id": R1, "thread_id": T1, "assistant_id": "asst_recorded9"}))
    answer = await tape.send(call(TX, RX))
    assert orjson.loads(answer.body) == {"id": RX, "thread_id": TX, "assistant_id": "asst_recorded9"}
    assert answer.headers["location"] == f"/v1/threads/{TX}/runs/{RX}?x=1"


async def test_ids_stay_paired_to_the_end() -> None:
    """A thread that stands for a recorded one does so in the next call, too, and no other thread does."""
    tape = rebinding(recorded(call(T1, R1), {"n": 1}), recorded(call(T2, R2), {"n": 2}), recorded(call(T1), {"n": 3}))
    assert await said(tape, call(TX, RX)) == {"n": 1}
    assert await said(tape, call(TY, RY)) == {"n": 2}
    with pytest.raises(CassetteMiss):
        await tape.send(call(TY))
    assert await said(tape, call(TX)) == {"n": 3}


async def test_one_id_does_not_stand_for_two() -> None:
    """A call whose ids are paired with others has no recording."""
    tape = rebinding(recorded(call(T1, R1), {}), recorded(call(T2, R1), {}))
    await tape.send(call(TX, RX))
    with pytest.raises(CassetteMiss):
        await tape.send(call(TX, RY))


async def test_the_recorded_ids_answer_themselves() -> None:
    """Whoever uses the ids of the recording, because an answer has told them, gets the recording of these."""
    tape = rebinding(recorded(call(T1, R1), {"n": 1}), recorded(call(T1, R2), {"n": 2}))
    assert await said(tape, call(T1, R2)) == {"n": 2}
    assert await said(tape, call(T1, R1)) == {"n": 1}


async def test_what_an_answer_has_told_is_left_to_calls_of_it() -> None:
    """A fresh run takes a recording that no answer has spoken of, as long as there is one."""
    tape = rebinding(recorded(call(T1), {"id": R1}), recorded(call(T1, R1), {"n": 1}), recorded(call(T1, R2), {"n": 2}))
    assert await said(tape, call(TX)) == {"id": R1}
    assert await said(tape, call(TX, RX)) == {"n": 2}
    assert await said(tape, call(TX, R1)) == {"n": 1}


async def test_ids_in_bodies_are_paired_too() -> None:
    """As in a call that names its thread in the body; the order of recordings of one call holds."""
    body = {"thread": T1, "again": T1}
    tape = rebinding(recorded(call(T1, body=body), {"n": 1}), recorded(call(T1, body=body), {"n": 2, "of": T1}))
    sent = call(TX, body={"thread": TX, "again": TX})
    assert await said(tape, sent) == {"n": 1}
    assert await said(tape, sent) == {"n": 2, "of": TX}
    with pytest.raises(CassetteMiss):
        await tape.send(sent)


async def test_a_body_that_says_otherwise_is_another_call() -> None:
    """Which ids are equal to which is part of a call."""
    tape = rebinding(recorded(call(T1, body={"thread": T1}), {}))
    with pytest.raises(CassetteMiss) as missed:
        await tape.send(call(TX, body={"thread": TY}))
    assert TX in missed.value.message


async def test_it_tells_what_was_not_played() -> None:
    """Positions are those of the cassette."""
    tape = rebinding(recorded(call(T1, R1), {}), recorded(call(T1), {}))
    await tape.send(call(TX))
    usage = tape.usage()
    assert usage is not None
    assert (usage.interactions, usage.unused) == (2, (0,))
