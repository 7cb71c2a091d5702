"""Writing calls down as they are made, where something goes wrong."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from runproxy.audit import auditor as auditors
from runproxy.audit.auditor import Auditor
from runproxy.audit.describing import Describer
from runproxy.audit.errors import AuditError, AuditUnavailable
from runproxy.audit.filters import Filter
from runproxy.audit.reading import LoggedCall, find_calls
from runproxy.audit.store import AuditStore
from runproxy.audit.values import Keeping
from runproxy.audit.verifying import verify
from runproxy.calls import Call
from runproxy.errors import Refusal, Unrecorded, UpstreamTimeout
from runproxy.messages import UPSTREAM_OUTCOME_HEADER, Delivery, Response
from runproxy.redaction import WriteGate
from runproxy.replies import error_reply
from runproxy.routes import MODIFY_RUN
from tests.parts import answer, modify


@pytest.fixture
async def auditor(tmp_path: Path) -> AsyncIterator[Auditor]:
    """Give an auditor on a store of its own."""
    store = AuditStore.open(tmp_path / "audit.db", creates=True)
    auditor = Auditor(store, Describer(Keeping("full", {}, None), WriteGate()), ["passthrough"])
    yield auditor
    await auditor.close()
    store.close()


def made(name: str, **fields: object) -> Call:
    """Make a call that has been answered, or has failed."""
    call = Call(replace(modify({"call": name}), id=name), "passthrough", guarded=MODIFY_RUN)
    call.body = {"metadata": {"call": name}}
    call.response = answer({}).with_header("x-runproxy-outcome", "forwarded")
    for field, value in fields.items():
        setattr(call, field, value)
    if call.error is not None:
        call.response = error_reply(call.error)
    return call


async def logged(auditor: Auditor) -> list[LoggedCall]:
    """Give what is written down, once all of it is."""
    await auditor.close()
    assert verify(auditor.store).problems == ()
    with auditor.store.reading() as connection:
        return find_calls(connection, Filter(), 100)


async def test_an_outcome_that_cannot_be_written_leaves_an_unknown_one(
    auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure is counted, and the next call is written down as ever."""
    call = made("a")
    await auditor.before(call)
    with monkeypatch.context() as broken:
        broken.setattr(auditor.store, "writing", _full)
        auditor.hear(call)
        await auditor.close()
    assert auditor.failures == 1
    await auditor.before(made("b"))
    assert {one.event.request_id: one.outcome for one in await logged(auditor)} == {"a": None, "b": None}


def _full() -> object:
    raise AuditError("audit.db: database or disk is full.")


async def test_a_disk_that_is_full_refuses_all_who_wait_at_once(
    auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for the others' tries."""
    tries = 0

    def full() -> object:
        nonlocal tries
        tries += 1
        return _full()

    monkeypatch.setattr(auditor.store, "writing", full)
    ends = await asyncio.gather(*(auditor.before(made(str(number))) for number in range(20)), return_exceptions=True)
    assert [type(end) for end in ends] == [AuditUnavailable] * 20
    assert tries == 1


async def test_a_call_that_is_let_through_unwritten_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its outcome is not tried to be written, for there is nothing it could belong to."""
    store = AuditStore.open(tmp_path / "audit.db", creates=True)
    auditor = Auditor(store, Describer(Keeping("full", {}, None), WriteGate()), ["passthrough"], goes_on=True)
    with monkeypatch.context() as broken:
        broken.setattr(store, "writing", _full)
        for name in "abc":
            await auditor.before(made(name))
            auditor.hear(made(name))
        await auditor.close()
    assert auditor.failures == 3
    auditor.hear(made("d", error=Refusal("x", code="x")))
    assert [one.event.request_id for one in await logged(auditor)] == ["d"]
    store.close()


@pytest.mark.parametrize("statement", ["DELETE FROM chain", "INSERT INTO chain VALUES (2, 0, x'00', 0, x'00')"])
async def test_a_store_without_an_end_is_not_ready(auditor: Auditor, statement: str) -> None:
    """The check writes, as calls do, and so fails where they would."""
    auditor.check()
    with auditor.store.writing() as connection:
        connection.exec_driver_sql(statement)
    with pytest.raises(AuditError, match="does not tell where its chain ends"):
        auditor.check()


async def test_a_call_that_failed_before_it_was_sent_is_written_down_in_the_end(auditor: Auditor) -> None:
    """Such as for a cassette that cannot be read: both entries together, and neither alone."""
    auditor.hear(made("a", error=Unrecorded("x", code="x")))
    (one,) = await logged(auditor)
    assert one.outcome
    assert (one.event.decision, one.outcome.status) == ("accepted", 507)


async def test_what_is_known_of_an_upstream_that_failed(auditor: Auditor) -> None:
    """It may have acted on a call that was sent, and says so itself where it has answered."""
    unknown = UpstreamTimeout("x", code="upstream_timeout", headers={UPSTREAM_OUTCOME_HEADER: "unknown"})
    errors = {"sent": unknown, "not-sent": UpstreamTimeout("x", code="x"), "withheld": Unrecorded("x", code="x")}
    for name, error in errors.items():
        await auditor.before(made(name))
        auditor.hear(made(name, error=error))
    found = {one.event.request_id: one.outcome.upstream for one in await logged(auditor) if one.outcome}
    assert found == {"sent": "unknown", "not-sent": "not_reached", "withheld": "answered"}


async def test_only_answers_that_do_not_arrive_are_told_of(auditor: Auditor) -> None:
    """Each call is told of once, whatever comes after."""
    for name, delivery in (("a", Delivery.COMPLETE), ("b", Delivery.CLIENT_STALLED)):
        call = made(name)
        await auditor.before(call)
        auditor.hear(call)
        auditor.delivered(call.request, delivery)
        auditor.delivered(call.request, Delivery.BROKEN_OFF)
    auditor.delivered(made("c").request, Delivery.CLIENT_GONE)
    assert {one.event.request_id: one.delivery for one in await logged(auditor)} == {"a": "", "b": "client_stalled"}


async def test_refusals_that_come_faster_than_they_can_be_written_are_dropped_and_counted(
    auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory does not grow with them."""
    monkeypatch.setattr(auditors, "_MOST_WAITING", 5)
    for number in range(20):
        auditor.hear(made(str(number), error=Refusal("x", code="x")))
    assert len(await logged(auditor)) == 5
    assert auditor.failures == 15


async def test_calls_of_which_nobody_tells_the_end_are_forgotten(
    auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory does not grow with them either; their outcome is unknown."""
    monkeypatch.setattr(auditors, "_MOST_OPEN", 3)
    for number in range(8):
        await auditor.before(made(str(number)))
    auditor.delivered(made("0").request, Delivery.CLIENT_GONE)
    auditor.delivered(made("7").request, Delivery.CLIENT_GONE)
    assert {one.event.request_id for one in await logged(auditor) if one.delivery} == {"7"}


async def test_calls_of_other_modes_pass_unseen(auditor: Auditor) -> None:
    """Neither before nor after."""
    call = made("a", mode="replay")
    await auditor.before(call)
    auditor.hear(call)
    assert await logged(auditor) == []


async def test_an_answer_of_the_past_has_no_time_of_an_upstream(auditor: Auditor) -> None:
    """What was replayed asked nobody."""
    call = made("a", response=Response(200, answer({}).headers).with_header("x-runproxy-outcome", "replayed"))
    await auditor.before(call)
    auditor.hear(call)
    (one,) = await logged(auditor)
    assert one.outcome
    assert (one.outcome.upstream, one.outcome.upstream_ms) == ("", None)
