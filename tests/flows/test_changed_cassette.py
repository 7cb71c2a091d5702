"""Cassettes that change under a running proxy: edited, recorded anew, broken, removed, and put in place."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from runproxy.cassettes.usage import read_report
from runproxy.composition import Proxy
from runproxy.messages import Request, Response
from runproxy.stores.file import FileStore
from tests.flows.test_sessions import start
from tests.parts import ScriptedUpstream, answer, ask, modify, proxy, serving

CALL = modify({"a": "b"})


@pytest.fixture(autouse=True)
def _looked_at_with_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait no second for what has changed."""
    monkeypatch.setattr("runproxy.backends.deck._LOOK_EVERY_S", 0.0)
    monkeypatch.setattr("runproxy.backends.deck._PAUSE_FOR_LOOK", 0.0)


async def record(folder: Path, *answers: str, call: Request = CALL) -> Path:
    """Record a call with these answers, as another process would."""
    upstream = ScriptedUpstream(*(answer({"status": text}) for text in answers))
    async with serving(upstream) as base_url, proxy(folder, "record", base_url) as recording:
        await ask(recording.url, *[call] * len(answers))
    return folder / "default.json"


def edit(path: Path, old: str, new: str) -> None:
    """Edit a cassette as an editor does, in place."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def said(response: Response) -> str:
    """Give what an answer says, or why there is none."""
    body = json.loads(response.body)
    return str(body["status"] if "status" in body else body["error"].get("reason", body["error"]["code"]))


async def asked(running: Proxy, *calls: Request) -> list[str]:
    """Make calls, one after the other, and give what is said."""
    return [said(response) for response in await ask(running.url, *(calls or (CALL,)))]


async def test_an_edit_is_used(tmp_path: Path) -> None:
    """The next call gets what stands there now; nothing has to be restarted."""
    path = await record(tmp_path, "queued")
    async with proxy(tmp_path, "replay") as running:
        assert await asked(running) == ["queued"]
        edit(path, '"queued"', '"failed"')
        assert await asked(running) == ["failed"]


async def test_it_is_looked_for_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other calls do not touch the file."""
    monkeypatch.setattr("runproxy.backends.deck._LOOK_EVERY_S", 3600.0)
    path = await record(tmp_path, "queued")
    looks = counted(monkeypatch, "version")
    async with proxy(tmp_path, "replay") as running:
        before = len(looks)
        edit(path, '"queued"', '"failed"')
        assert await asked(running, *[CALL] * 5) == ["queued"] * 5
        assert len(looks) == before


def counted(monkeypatch: pytest.MonkeyPatch, method: str) -> list[str]:
    """Note each time that a store is asked."""
    seen: list[str] = []
    real = getattr(FileStore, method)

    def noted(self: FileStore, name: str, *more: object) -> object:
        seen.append(name)
        return real(self, name, *more)

    monkeypatch.setattr(FileStore, method, noted)
    return seen


async def test_the_place_that_was_reached_is_kept(tmp_path: Path) -> None:
    """The cursor belongs to who plays, not to the cassette: the third call gets the third recording of those now."""
    path = await record(tmp_path, "one", "two", "three", "four")
    async with proxy(tmp_path, "replay") as running:
        assert await asked(running, CALL, CALL) == ["one", "two"]
        edit(path, '"three"', '"changed"')
        assert await asked(running, CALL, CALL, CALL) == ["changed", "four", "four"]


async def test_what_another_process_has_recorded_is_used(tmp_path: Path) -> None:
    """Changed answers and new ones."""
    await record(tmp_path, "queued")
    other = modify({"other": "call"})
    async with proxy(tmp_path, "replay") as running:
        assert await asked(running, CALL, other) == ["queued", "no_match"]
        await record(tmp_path, "failed")
        await record(tmp_path, "new", call=other)
        assert await asked(running, CALL, other) == ["failed", "new"]


@pytest.mark.parametrize(
    ("change", "event"),
    [
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes() + b"<<<<<<< HEAD\n"),
            "changed cassette not used, the one before it stays",
            id="broken",
        ),
        pytest.param(lambda path: path.unlink(), "cassette gone, its recordings stay in use", id="gone"),
    ],
)
async def test_what_cannot_be_read_leaves_the_earlier_in_use(
    tmp_path: Path, change: Callable[[Path], None], event: str
) -> None:
    """As in the middle of an edit, or of a checkout; the log says so once, and what is whole again is used."""
    path = await record(tmp_path, "queued")
    before = path.read_text(encoding="utf-8")
    async with proxy(tmp_path, "replay") as running:
        await asked(running)
        structlog.reset_defaults()
        change(path)
        with capture_logs() as logs:
            assert await asked(running, CALL, CALL) == ["queued", "queued"]
        assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == [event]
        path.write_text(before.replace('"queued"', '"failed"'), encoding="utf-8")
        assert await asked(running) == ["failed"]


async def test_one_that_comes_to_be_is_used_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that cannot be read is told as such, and not as missing."""
    monkeypatch.undo()  # what is not there is looked for with every call, in any case
    async with proxy(tmp_path, "replay") as running:
        assert await asked(running) == ["no_cassette"]
        assert running.is_loaded is False
        path = await record(tmp_path, "queued")
        text = path.read_bytes()
        path.write_bytes(text + b"x")
        assert await asked(running) == ["cassette_error"]
        path.write_bytes(text)
        assert await asked(running) == ["queued"]
        assert running.is_loaded


async def test_one_that_compares_calls_in_another_way_begins_anew(tmp_path: Path) -> None:
    """What was played before is told all the same."""
    path = await record(tmp_path, "one", "two", "three")
    usage = tmp_path / "usage.report"
    async with proxy(tmp_path, "replay", usage_file=str(usage)) as running:
        assert await asked(running, CALL, CALL) == ["one", "two"]
        edit(path, '  "interactions"', '  "match": {"ignore_body": ["/metadata/sent"]},\n  "interactions"')
        assert await asked(running, modify({"a": "b", "sent": "now"})) == ["one"]
    assert read_report(usage.read_bytes(), "usage").cassettes["default"].unused == (2,)


async def test_the_usage_report_tells_of_the_cassette_as_it_is(tmp_path: Path) -> None:
    """Positions are those of the file in the end."""
    path = await record(tmp_path, "one", "two", "three")
    usage = tmp_path / "usage.report"
    async with proxy(tmp_path, "replay", usage_file=str(usage)) as running:
        await asked(running, CALL, CALL)
        document = json.loads(path.read_bytes())
        other = json.loads(json.dumps(document["interactions"][0]).replace('"a": "b"', '"a": "c"'))
        document["interactions"].insert(0, other)
        path.write_text(json.dumps(document), encoding="utf-8")
        await asked(running, CALL)
        document["interactions"].append(other)
        path.write_text(json.dumps(document), encoding="utf-8")
        await asked(running, CALL)
    told = read_report(usage.read_bytes(), "usage").cassettes["default"]
    assert (told.interactions, told.unused) == (5, (0, 4))


async def test_ids_that_are_paired_stay_paired(tmp_path: Path) -> None:
    """Also with recordings that have come since."""
    path = await record(tmp_path, "queued", call=modify({}, "/v1/threads/thread_one1111/runs/run_one1111"))
    edit(path, '  "interactions"', '  "match": {"rebind_ids": true},\n  "interactions"')
    fresh, other = (modify({}, f"/v1/threads/thread_fresh999/runs/{run}") for run in ("run_fresh999", "run_other999"))
    async with proxy(tmp_path, "replay") as running:
        assert await asked(running, fresh) == ["queued"]
        edit(path, '"queued"', '"failed"')
        assert await asked(running, fresh, other) == ["failed", "no_match"]
        await record(tmp_path, "second", call=modify({}, "/v1/threads/thread_one1111/runs/run_two2222"))
        assert await asked(running, other, fresh) == ["second", "failed"]


async def test_verify_compares_with_what_stands_there_now(tmp_path: Path) -> None:
    """An edit that tells the truth again ends the drift."""
    path = await record(tmp_path, "queued")
    upstream = ScriptedUpstream(make=lambda _: answer({"status": "failed"}))
    async with serving(upstream) as base_url, proxy(tmp_path, "verify", base_url) as running:
        (first,) = await ask(running.url, CALL)
        edit(path, '"queued"', '"failed"')
        (second,) = await ask(running.url, CALL)
    assert [got.headers["x-runproxy-outcome"] for got in (first, second)] == ["drifted", "verified"]


async def test_auto_uses_what_others_change_and_does_not_read_what_it_wrote_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edit is replayed, a cassette that was removed is recorded anew, and growing costs no reading."""
    upstream = ScriptedUpstream(make=lambda request: answer({"status": f"fresh {len(request.body)}"}))
    path = await record(tmp_path, "queued")
    async with serving(upstream) as base_url, proxy(tmp_path, "auto", base_url) as running:
        loads = counted(monkeypatch, "load")
        calls = [modify({"n": str(number)}) for number in range(5)]
        assert len(set(await asked(running, *calls, CALL, *calls))) == 2
        assert (len(upstream.seen), loads) == (5, [])
        edit(path, '"queued"', '"failed"')
        assert await asked(running) == ["failed"]
        assert loads == ["default"]
        path.unlink()
        assert (await asked(running))[0].startswith("fresh")
        assert await asked(running, CALL) == await asked(running, CALL)
    assert len(upstream.seen) == 6
    assert len(json.loads(path.read_bytes())["interactions"]) == 1


async def test_a_session_plays_what_was_there_when_it_began(tmp_path: Path) -> None:
    """A test that runs is not disturbed; the next one sees the edit."""
    path = await record(tmp_path, "queued", "queued")
    async with proxy(tmp_path, "replay") as running:
        before = await start(running)
        edit(path, '"queued"', '"failed"')
        after = await start(running)
        for session, status in ((before, "queued"), (after, "failed")):
            (got,) = await ask(session["base_url"].removesuffix("/v1"), CALL)
            assert said(got) == status
