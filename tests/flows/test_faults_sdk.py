"""How the official openai SDK for Python takes faults: what it retries, and what it raises."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from runproxy.sandbox import Sandbox, running_sandbox
from tests.parts import CREDENTIAL, ScriptedUpstream, answer, ask, modify, proxy, serving

# The SDK marks the whole API as deprecated, which is what this project is about.
pytestmark = pytest.mark.filterwarnings("ignore:The Assistants API is deprecated:DeprecationWarning")

RUN = {"id": "run_abc123", "object": "thread.run", "metadata": {"a": "b"}}
SOON = 0.01


@pytest.fixture
async def cassettes(tmp_path: Path) -> Path:
    """Give a folder with a recording of the call."""
    async with serving(ScriptedUpstream(answer(RUN))) as base_url, proxy(tmp_path, "record", base_url) as on:
        await ask(on.url, modify({"a": "b"}))
    return tmp_path


def modify_run(client: openai.OpenAI, **more: Any) -> Any:
    """Make the call."""
    return client.beta.threads.runs.update("run_abc123", thread_id="thread_abc123", metadata={"a": "b"}, **more)


def with_client(call: Callable[[openai.OpenAI], Any], base_url: str, **choices: Any) -> Any:
    """Call with a client of its own; give what it returns or raises."""
    with openai.OpenAI(base_url=base_url, api_key=CREDENTIAL, **choices) as client:
        try:
            return call(client)
        except Exception as error:  # noqa: BLE001 - what is raised is what is looked at
            return error


async def asked(
    cassettes: Path, *faults: dict[str, Any], call: Callable[[openai.OpenAI], Any] = modify_run, **choices: Any
) -> tuple[Any, dict[str, int]]:
    """Ask a replaying proxy with faults; give what the SDK returns or raises, and what became of its attempts."""

    async with proxy(cassettes, "replay", rules={"faults": list(faults)}) as on:
        got = await asyncio.to_thread(with_client, call, on.base_url, **choices)
        return got, dict(on.service.outcomes)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "status", "status": 429, "retry_after_s": SOON}, id="429"),
        pytest.param({"kind": "status", "status": 503, "retry_after_s": SOON}, id="503"),
        pytest.param({"kind": "status", "retry_after_s": SOON}, id="500"),
        pytest.param({"kind": "reset"}, id="reset"),
        pytest.param({"kind": "reset", "at": "answer"}, id="reset-at-answer"),
        pytest.param({"kind": "hang", "hang_s": 0.01}, id="closed-unanswered"),
    ],
)
async def test_what_fails_twice_is_tried_a_third_time(cassettes: Path, fault: dict[str, Any]) -> None:
    """The SDK retries two times by itself, and then has the run."""
    run, outcomes = await asked(cassettes, {**fault, "times": 2})
    assert (run.id, run.metadata) == ("run_abc123", {"a": "b"})
    assert outcomes == {"fault": 2, "replayed": 1}


@pytest.mark.parametrize(
    ("fault", "raised", "code"),
    [
        pytest.param(
            {"kind": "status", "status": 429, "retry_after_s": SOON},
            openai.RateLimitError,
            "rate_limit_exceeded",
            id="429",
        ),
        pytest.param({"kind": "status", "retry_after_s": SOON}, openai.InternalServerError, None, id="500"),
        pytest.param({"kind": "reset"}, openai.APIConnectionError, None, id="reset"),
    ],
)
async def test_what_fails_for_good_is_raised(
    cassettes: Path, fault: dict[str, Any], raised: type[openai.APIError], code: str | None
) -> None:
    """After three attempts, as the SDK raises what the service sends."""
    error, outcomes = await asked(cassettes, fault)
    assert isinstance(error, raised)
    assert error.code == code
    assert outcomes == {"fault": 3}


async def test_a_hang_ends_in_the_timeout_of_the_client(cassettes: Path) -> None:
    """Which is raised as such."""
    error, outcomes = await asked(cassettes, {"kind": "hang"}, timeout=0.3, max_retries=0)
    assert isinstance(error, openai.APITimeoutError)
    assert outcomes == {"fault": 1}


async def test_a_latency_beyond_the_timeout_is_one(cassettes: Path) -> None:
    """The call is made all the same, when the client has gone."""
    error, outcomes = await asked(cassettes, {"kind": "latency", "latency_ms": 600}, timeout=0.2, max_retries=0)
    assert isinstance(error, openai.APITimeoutError)
    assert outcomes in ({}, {"replayed": 1})


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "truncate"}, id="truncate"),
        pytest.param({"kind": "reset", "at": "body"}, id="reset-in-body"),
        pytest.param({"kind": "malformed", "how": "framing"}, id="framing"),
    ],
)
@pytest.mark.parametrize("max_retries", [0, 2])
async def test_a_body_that_breaks_off_is_retried_and_raised(
    cassettes: Path, fault: dict[str, Any], max_retries: int
) -> None:
    """It is never taken for a run, though its status is 200."""
    error, outcomes = await asked(cassettes, fault, max_retries=max_retries)
    assert isinstance(error, openai.APIConnectionError)
    assert outcomes == {"fault": 1 + max_retries}


def stream_run(client: openai.OpenAI) -> tuple[list[str], Exception | None]:
    """Stream a run; give the events that came, and what was raised then."""
    events: list[str] = []
    try:
        for event in client.beta.threads.runs.create("thread_abc123", assistant_id="asst_abc123", stream=True):
            events.append(event.event)  # noqa: PERF401 - what came before it was raised is looked at, too
    except Exception as error:  # noqa: BLE001 - what is raised is what is looked at
        return events, error
    return events, None


@pytest.mark.parametrize(
    ("fault", "most"),
    [
        pytest.param({"kind": "truncate"}, 2, id="truncate"),
        pytest.param({"kind": "reset", "at": "body"}, 2, id="reset"),
        pytest.param({"kind": "malformed"}, 0, id="malformed"),
        pytest.param({"kind": "hang", "at": "body"}, 2, id="hang"),
    ],
)
async def test_a_stream_that_is_broken_raises_in_its_middle(tmp_path: Path, fault: dict[str, Any], most: int) -> None:
    """After the events that came whole, and without another attempt."""
    sandbox = Sandbox()
    sandbox.add_documented_run()
    async with running_sandbox(sandbox) as origin, proxy(tmp_path, "record", f"{origin}/v1") as on:
        whole, _ = await asyncio.to_thread(with_client, stream_run, on.base_url)
    (events, error), outcomes = await asked(tmp_path, fault, call=stream_run, timeout=1)
    assert len(events) <= most < len(whole)
    assert events == whole[: len(events)]
    assert isinstance(error, Exception)
    assert outcomes == {"fault": 1}


async def test_json_that_cannot_be_read_is_raised(cassettes: Path) -> None:
    """It is never taken for a run."""
    error, outcomes = await asked(cassettes, {"kind": "malformed"}, max_retries=0)
    assert isinstance(error, openai.APIError | json.JSONDecodeError)
    assert outcomes == {"fault": 1}


async def test_a_client_can_ask_for_a_fault_in_one_call(cassettes: Path) -> None:
    """With a header of the call; its retries carry it, too, and `times` lets the last of them through."""
    fault = {"kind": "status", "name": "busy", "status": 429, "retry_after_s": SOON, "times": 1, "by_header": True}
    run, outcomes = await asked(
        cassettes, fault, call=lambda client: modify_run(client, extra_headers={"X-Runproxy-Fault": "busy"})
    )
    assert run.id == "run_abc123"
    assert outcomes == {"fault": 1, "replayed": 1}


async def test_the_async_client_retries_too(cassettes: Path) -> None:
    """Two times 429, and then the run."""
    fault = {"kind": "status", "status": 429, "retry_after_s": SOON, "times": 2}
    async with proxy(cassettes, "replay", rules={"faults": [fault]}) as on:
        async with openai.AsyncOpenAI(base_url=on.base_url, api_key=CREDENTIAL) as client:
            run = await client.beta.threads.runs.update("run_abc123", thread_id="thread_abc123", metadata={"a": "b"})
        assert on.service.outcomes == {"fault": 2, "replayed": 1}
    assert run.id == "run_abc123"
