"""Re-recording: what has not changed stays to the byte, what has changed is replaced where it stands."""

from contextlib import AsyncExitStack
from difflib import ndiff
from pathlib import Path
from secrets import token_hex

from runproxy.redaction import WriteGate
from runproxy.stores.file import FileStore
from tests.parts import CREDENTIAL, ScriptedUpstream, answer, ask, modify, proxy, serving

CALLS = [modify({"call": name}) for name in ("a", "b", "a", "c")]


async def record(folder: Path, *answers: str) -> None:
    """Record the calls with these answers; fewer answers make fewer calls."""
    upstream = ScriptedUpstream(
        *(answer({"said": text}).with_header("x-request-id", f"req_{token_hex(8)}") for text in answers)
    )
    async with serving(upstream) as base_url, proxy(folder, "record", base_url) as recording:
        await ask(recording.url, *CALLS[: len(answers)])


def said(folder: Path) -> list[bytes]:
    """Give the recorded answers in order."""
    return [held.response.body for held in FileStore(folder, WriteGate()).load("default")]


async def test_an_unchanged_upstream_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    """Recording the same again changes no byte: not even the dates."""
    await record(tmp_path, "1", "2", "3", "4")
    before = (tmp_path / "default.json").read_bytes()
    await record(tmp_path, "1", "2", "3", "4")
    assert (tmp_path / "default.json").read_bytes() == before


async def test_only_what_changed_shows_in_the_diff(tmp_path: Path) -> None:
    """A changed answer stands where the old one stood, and the rest is untouched, line by line."""
    await record(tmp_path, "1", "2", "3", "4")
    before = (tmp_path / "default.json").read_text().splitlines()
    await record(tmp_path, "1", "2", "changed", "4")
    after = (tmp_path / "default.json").read_text().splitlines()
    changed = [line for line in ndiff(before, after) if line.startswith(("-", "+"))]
    fields = {line.partition('"')[2].partition('"')[0] for line in changed}
    assert fields <= {"recorded_at", "said"}
    assert sum('"said": "changed"' in line for line in changed) == 1


async def test_answers_that_did_not_come_again_are_taken_out(tmp_path: Path) -> None:
    """Of a call made once now and twice before, the second answer goes; calls not made now stay."""
    await record(tmp_path, "1", "2", "3", "4")
    await record(tmp_path, "1", "2")
    assert said(tmp_path) == [answer({"said": text}).body for text in ("1", "2", "4")]


async def test_more_answers_than_before_are_added(tmp_path: Path) -> None:
    """What an earlier session had no answer for is appended."""
    await record(tmp_path, "1", "2")
    await record(tmp_path, "1", "2", "3", "4")
    assert said(tmp_path) == [answer({"said": text}).body for text in ("1", "2", "3", "4")]


async def test_an_unchanged_answer_comes_back_where_the_file_has_gone(tmp_path: Path) -> None:
    """Acknowledged means recorded, also for what was on file when the session began and has been removed since."""
    await record(tmp_path, "1")
    upstream = ScriptedUpstream(answer({"said": "1"}))
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as recording:
        (tmp_path / "default.json").unlink()
        (got,) = await ask(recording.url, CALLS[0])
        assert got.headers["x-runproxy-outcome"] == "recorded"
        assert said(tmp_path) == [answer({"said": "1"}).body]


async def test_a_call_that_fails_keeps_its_earlier_recordings(tmp_path: Path) -> None:
    """An upstream that goes away half-way through a session takes no good recording with it."""
    call = CALLS[0]
    upstream = ScriptedUpstream(*(answer({"said": text}) for text in ("1", "2", "3")))
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as recording:
        await ask(recording.url, call, call, call)
    async with AsyncExitStack() as stack:
        base_url = await stack.enter_async_context(serving(ScriptedUpstream(answer({"said": "1"}))))
        async with proxy(tmp_path, "record", base_url) as recording:
            (first,) = await ask(recording.url, call)
            await stack.aclose()
            (second,) = await ask(recording.url, call)
    assert (first.status, second.status) == (200, 502)
    assert said(tmp_path) == [answer({"said": text}).body for text in ("1", "2", "3")]


async def test_a_call_that_could_not_be_recorded_keeps_its_earlier_recordings(tmp_path: Path) -> None:
    """An answer that the gate holds back does not cost the good recordings of the same call."""
    call = CALLS[0]
    texts = ("1", "2", "3")
    upstream = ScriptedUpstream(*(answer({"said": text}) for text in texts))
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as recording:
        await ask(recording.url, call, call, call)
    leaking = ScriptedUpstream(answer({"said": CREDENTIAL}))
    async with serving(leaking) as base_url, proxy(tmp_path, "record", base_url) as recording:
        (held_back,) = await ask(recording.url, call)
    assert held_back.headers["x-runproxy-outcome"] == "unrecorded"
    assert said(tmp_path) == [answer({"said": text}).body for text in texts]
