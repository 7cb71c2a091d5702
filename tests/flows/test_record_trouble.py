"""Recording in trouble: a full disk, a file that is deleted or replaced, a loss of power, and recordings too old."""

import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runproxy.backends import Expiry, Replay
from runproxy.cassettes import Cassette, Interaction
from runproxy.errors import CassetteMiss
from runproxy.messages import Request, Response
from runproxy.redaction import WriteGate
from runproxy.stores.file import FileStore
from tests.parts import ScriptedUpstream, answer, ask, echo, modify, proxy, serving

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Let every write beyond a size fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def calls_on_file(folder: Path, name: str = "default") -> list[str]:
    """Name the calls that a cassette holds."""
    interactions = FileStore(folder, WriteGate()).load(name)
    return [json.loads(held.request.body)["metadata"]["call"] for held in interactions]


def call(name: str) -> Request:
    """Make a call with a name."""
    return modify({"call": name})


async def test_a_full_disk_costs_the_recording_and_nothing_else(tmp_path: Path) -> None:
    """The call is answered and marked, the cassette stays whole, and recording goes on once there is room."""
    upstream = ScriptedUpstream(make=echo)
    path = tmp_path / "default.json"
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as recording:
        (first,) = await ask(recording.url, call("first"))
        with no_file_larger_than(path.stat().st_size + 10):
            (full,) = await ask(recording.url, call("full"))
        assert calls_on_file(tmp_path) == ["first"]
        (last,) = await ask(recording.url, call("last"))
        assert recording.service.outcomes == {"recorded": 2, "unrecorded": 1}
    assert [got.headers["x-runproxy-outcome"] for got in (first, full, last)] == ["recorded", "unrecorded", "recorded"]
    assert (full.status, full.body) == (200, echo(call("full")).body)
    assert calls_on_file(tmp_path) == ["first", "last"]


async def test_an_answer_that_cannot_be_recorded_is_withheld_where_that_is_asked_for(tmp_path: Path) -> None:
    """507 says that the upstream has answered, that its answer is withheld, and why."""
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url, on_record_error="fail") as recording:
        await ask(recording.url, call("first"))
        with no_file_larger_than((tmp_path / "default.json").stat().st_size + 10):
            (full,) = await ask(recording.url, call("full"))
    error = json.loads(full.body)["error"]
    assert (full.status, full.headers["x-runproxy-outcome"], error["code"]) == (507, "unrecorded", "cassette_error")
    assert error["message"].startswith(
        "The upstream answered 200, but the answer could not be recorded and is withheld"
    )
    assert "File too large" in error["message"]
    assert len(upstream.seen) == 2


@pytest.mark.parametrize("durability", ["process", "power"])
async def test_a_file_that_is_taken_away_comes_back(tmp_path: Path, durability: str) -> None:
    """Whoever deletes a cassette under a recording loses what was in it, and nothing that comes after."""
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url, durability=durability) as recording:
        await ask(recording.url, call("first"))
        (tmp_path / "default.json").unlink()
        (got,) = await ask(recording.url, call("second"))
    assert got.headers["x-runproxy-outcome"] == "recorded"
    assert calls_on_file(tmp_path) == ["second"]


async def test_a_file_that_is_replaced_is_added_to(tmp_path: Path) -> None:
    """A cassette that another program has put in place, as version control does, is the one that is recorded into."""
    async with serving(ScriptedUpstream(make=echo)) as base_url:
        async with proxy(tmp_path, "record", base_url, default="other") as recording:
            await ask(recording.url, call("other"))
        async with proxy(tmp_path, "record", base_url) as recording:
            await ask(recording.url, call("first"))
            (tmp_path / "other.json").replace(tmp_path / "default.json")
            (got,) = await ask(recording.url, call("second"))
    assert got.headers["x-runproxy-outcome"] == "recorded"
    assert calls_on_file(tmp_path) == ["other", "second"]


@pytest.mark.parametrize(("durability", "is_synced"), [("process", False), ("power", True)])
async def test_power_durability_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durability: str, is_synced: bool
) -> None:
    """Before the client has its answer, the interaction and the name of its file are on the disk."""
    synced: list[str] = []
    monkeypatch.setattr(os, "fdatasync", lambda _: synced.append("interaction"))
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url, durability=durability) as recording:
        for name in ("first", "second"):
            (got,) = await ask(recording.url, call(name))
            assert got.headers["x-runproxy-outcome"] == "recorded"
    assert synced == ["interaction"] * (2 * is_synced)


def old(days: int) -> Interaction:
    """Make a recording of a certain age."""
    return Interaction(call("old"), answer({"id": "r"}), NOW - timedelta(days=days), 1)


def replay(cassette: Cassette, *, refuses: bool = False) -> Replay:
    """Replay a cassette with recordings of at most 90 days."""
    return Replay("old", cassette, "last", "runproxy record …", expiry=Expiry(timedelta(days=90), refuses, lambda: NOW))


@pytest.mark.parametrize(("days", "is_expired"), [(0, False), (90, False), (91, True)])
async def test_a_recording_that_is_too_old_is_told(days: int, is_expired: bool) -> None:
    """It is given with a warning that names it; its age counts from when it was recorded."""
    got: Response = await replay(Cassette([old(days)])).send(call("old"))
    expected = 'recording_expired;param="interactions%5B0%5D"' if is_expired else None
    assert (got.status, got.headers.get("x-runproxy-warnings")) == (200, expected)


async def test_a_recording_that_is_too_old_is_a_miss_where_that_is_asked_for() -> None:
    """The verdict says how old it is and how old it may be."""
    with pytest.raises(CassetteMiss) as caught:
        await replay(Cassette([old(120)]), refuses=True).send(call("old"))
    assert caught.value.details["reason"] == "expired"
    assert "interactions[0] of cassette 'old' is 120.0 days old, and may be 90." in caught.value.message


async def test_an_old_recording_is_never_renewed_in_silence(tmp_path: Path) -> None:
    """In auto, a known call whose recording is too old is a miss, and the upstream sees nothing."""
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url:
        async with proxy(tmp_path, "record", base_url) as recording:
            await ask(recording.url, call("old"))
        path = tmp_path / "default.json"
        path.write_text(path.read_text().replace('"recorded_at": "20', '"recorded_at": "19'))
        before = path.read_bytes()
        async with proxy(tmp_path, "auto", base_url, max_age="90d", on_expired="error") as auto:
            (got,) = await ask(auto.url, call("old"))
    assert (got.status, json.loads(got.body)["error"]["reason"]) == (501, "expired")
    assert (len(upstream.seen), path.read_bytes()) == (1, before)
