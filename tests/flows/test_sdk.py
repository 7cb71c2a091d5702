"""The official openai SDK for Python: every kind of update through record and replay, and a miss.

The whole life of a run, with streams and refusals, is played in tests/clients.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from runproxy.sandbox import Sandbox, running_sandbox
from tests.parts import CREDENTIAL, proxy

# The SDK marks the whole API as deprecated, which is what this project is about.
pytestmark = pytest.mark.filterwarnings("ignore:The Assistants API is deprecated:DeprecationWarning")

THREAD, RUN = "thread_abc123", "run_abc123"
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "with metadata": (RUN, {"metadata": {"user_id": "user_abc123"}}),
    "without metadata": (RUN, {}),
    "with null": (RUN, {"metadata": None}),
    "unicode": (RUN, {"metadata": {"grüße": "😀 e\u0301 \u2028 \x7f"}}),
    "unknown run": ("run_unknown", {"metadata": {"a": "b"}}),
}

Answers = dict[str, tuple[int, bytes, dict[str, str]]]


def _headers(response: Any) -> dict[str, str]:
    passing = {"date", "x-runproxy-outcome", "x-runproxy-interaction"}
    return {name.lower(): value for name, value in response.headers.items() if name.lower() not in passing}


def _ask_sync(base_url: str) -> Answers:
    answers: Answers = {}
    with openai.OpenAI(base_url=base_url, api_key=CREDENTIAL) as client:
        for name, (run, arguments) in CALLS.items():
            try:
                raw = client.beta.threads.runs.with_raw_response.update(run, thread_id=THREAD, **arguments)
                answers[name] = (raw.status_code, raw.content, _headers(raw))
            except openai.APIStatusError as error:
                answers[name] = (error.status_code, error.response.content, _headers(error.response))
    return answers


async def _ask_async(base_url: str) -> Answers:
    answers: Answers = {}
    async with openai.AsyncOpenAI(base_url=base_url, api_key=CREDENTIAL) as client:
        for name, (run, arguments) in CALLS.items():
            try:
                raw = await client.beta.threads.runs.with_raw_response.update(run, thread_id=THREAD, **arguments)
                answers[name] = (raw.status_code, raw.content, _headers(raw))
            except openai.APIStatusError as error:
                answers[name] = (error.status_code, error.response.content, _headers(error.response))
    return answers


async def _ask_in_thread(base_url: str) -> Answers:
    return await asyncio.to_thread(_ask_sync, base_url)


@pytest.mark.parametrize("ask", [_ask_in_thread, _ask_async], ids=["sync", "async"])
async def test_replay_gives_the_sdk_what_record_gave(tmp_path: Path, ask: Callable[[str], Awaitable[Answers]]) -> None:
    """Status, body bytes and stored headers are the same with the upstream stopped, for every kind of update."""
    sandbox = Sandbox()
    sandbox.add_documented_run()
    async with running_sandbox(sandbox) as origin, proxy(tmp_path, "record", f"{origin}/v1") as recording:
        recorded = await ask(recording.base_url)
    assert [status for status, _, _ in recorded.values()] == [200, 200, 200, 200, 404]
    assert len(sandbox.calls) == len(CALLS)
    async with proxy(tmp_path, "replay") as replaying:
        replayed = await ask(replaying.base_url)
    assert replayed == recorded
    assert len(sandbox.calls) == len(CALLS)


async def test_a_call_without_a_recording_raises_after_one_attempt(tmp_path: Path) -> None:
    """A miss tells the SDK not to retry: one attempt, not three."""

    def ask(base_url: str) -> openai.APIStatusError:
        with (
            openai.OpenAI(base_url=base_url, api_key=CREDENTIAL) as client,
            pytest.raises(openai.APIStatusError) as missed,
        ):
            client.beta.threads.runs.update(RUN, thread_id=THREAD, metadata={"never": "recorded"})
        return missed.value

    async with proxy(tmp_path, "replay") as replaying:
        missed = await asyncio.to_thread(ask, replaying.base_url)
        assert missed.status_code == 501
        assert missed.code == "cassette_miss"
        assert replaying.service.outcomes == {"miss": 1}
