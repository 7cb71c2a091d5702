"""The backend that faults strike: what the mode behind it sees, and what it hears of what it does not see."""

import pytest

from runproxy.backends.faults import Chooser, Entry, Fault, Faultless, Faulty, Latency, Schedule, Status, make_answer
from runproxy.errors import Refusal
from runproxy.messages import Request, Response, make_headers
from tests.parts import ScriptedUpstream

BUSY = Status(make_answer("busy", 503, 1, None, "application/json"))
GOOD = Response(200, make_headers([("x-runproxy-outcome", "replayed")]), b"good")
CALL = Request("POST", "/v1/x", make_headers([("Accept", "a")]))
ASKING = Request("POST", "/v1/x", make_headers([("Accept", "a"), ("X-Runproxy-Fault", "late")]))


def entries(**faults: Fault) -> tuple[Entry, ...]:
    """Make faults that strike all calls."""
    return tuple(Entry(name, fault) for name, fault in faults.items())


@pytest.mark.parametrize("times", [0, 1])
async def test_the_mode_does_not_see_what_a_call_asks_for(times: int) -> None:
    """Whether the fault strikes or not."""
    upstream = ScriptedUpstream(GOOD)
    late = Entry("late", Latency(0), schedule=Schedule(after=1 - times), is_asked_for=True)
    answer = await Faulty(upstream, Chooser((late,), 0)).send(ASKING)
    assert upstream.seen == [CALL]
    assert answer.headers.get("x-runproxy-fault") == ("late" if times else None)


async def test_what_is_not_struck_is_the_answer_of_the_mode() -> None:
    """The very same object, whose head is rendered once."""
    assert await Faulty(ScriptedUpstream(GOOD), Chooser((), 0)).send(CALL) is GOOD
    assert await Faultless(ScriptedUpstream(GOOD)).send(CALL) is GOOD


async def test_the_first_fault_stands_outermost() -> None:
    """What it keeps from being made meets no other, and is told to whoever would have recorded it."""
    prevented: list[Request] = []
    for faults, told in (
        (entries(late=Latency(0), busy=BUSY), "late, busy"),
        (entries(busy=BUSY, late=Latency(0)), "busy"),
    ):
        chooser = Chooser(faults, 0)
        answer = await Faulty(ScriptedUpstream(), chooser, prevented.append).send(CALL)
        assert (answer.status, answer.headers["x-runproxy-fault"]) == (503, told)
        assert list(chooser.struck) == told.split(", ")
    assert prevented == [CALL, CALL]


async def test_what_was_made_is_not_told_as_prevented() -> None:
    """Also where its answer is lost, or late."""
    prevented: list[Request] = []
    lost = entries(late=Latency(0), busy=Status(BUSY.answer, "answer"))
    answer = await Faulty(ScriptedUpstream(GOOD), Chooser(lost, 0), prevented.append).send(CALL)
    assert (answer.status, prevented) == (503, [])


async def test_a_fault_that_may_not_be_asked_for_is_refused() -> None:
    """The call is not made."""
    upstream = ScriptedUpstream(GOOD)
    for backend in (Faultless(upstream), Faulty(upstream, Chooser(entries(late=BUSY), 0))):
        with pytest.raises(Refusal, match="asks for the fault 'late'"):
            await backend.send(ASKING)
    assert upstream.seen == []
