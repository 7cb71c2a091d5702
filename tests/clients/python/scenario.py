"""The scenario by the official SDK for Python, `sync` or `async`: one line of JSON for each step."""

import asyncio
import json
import sys
import warnings
from typing import Any

import openai

ASSISTANT = "asst_abc123"
PROJECT = {"project": "Grüße 😀"}
USER = {"user_id": "user_abc123"}
MODIFIED = {**USER, "modified": "true"}
TOO_MANY = {f"key_{number}": "value" for number in range(17)}
POLL_MS = 5


def show(step: str, **found: Any) -> None:
    """Print what a step has come to."""
    print(json.dumps({"step": step, **found}, sort_keys=True))


def show_answer(step: str, raw: Any) -> Any:
    """Print an answer, and give the object that the SDK makes of it."""
    parsed = raw.parse()
    show(step, status=raw.status_code, request_id=raw.request_id, body=parsed.to_dict())
    return parsed


def show_error(step: str, error: openai.APIStatusError) -> None:
    """Print what the SDK raised."""
    message = error.body["message"] if isinstance(error.body, dict) else None
    name, status = type(error).__name__, error.status_code
    show(step, error=name, status=status, code=error.code, param=error.param, type=error.type, message=message)


def told(event: Any) -> dict[str, Any]:
    """Give an event as it was sent."""
    return {"event": event.event, "data": event.data.to_dict()}


def run_sync() -> None:
    """Play the scenario with the blocking client."""
    with openai.OpenAI() as client:
        runs = client.beta.threads.runs
        raw_runs = runs.with_raw_response
        thread = show_answer("create_thread", client.beta.threads.with_raw_response.create(metadata=PROJECT)).id
        created = raw_runs.create(thread, assistant_id=ASSISTANT, metadata=USER)
        run = show_answer("create_run", created).id
        show("poll_run", body=runs.poll(run, thread_id=thread, poll_interval_ms=POLL_MS).to_dict())
        show_answer("modify_run", raw_runs.update(run, thread_id=thread, metadata=MODIFIED))
        show_answer("get_run", raw_runs.retrieve(run, thread_id=thread))
        try:
            runs.update(run, thread_id=thread, metadata=TOO_MANY)
        except openai.APIStatusError as error:
            show_error("refused_modify", error)
        stream = runs.create(thread, assistant_id=ASSISTANT, stream=True)
        show("stream_run", events=[told(event) for event in stream])
        show("list_runs", body=[listed.to_dict() for listed in runs.list(thread, limit=1)])


async def run_async() -> None:
    """Play the scenario with the client for asyncio."""
    async with openai.AsyncOpenAI() as client:
        runs = client.beta.threads.runs
        raw_runs = runs.with_raw_response
        thread = show_answer("create_thread", await client.beta.threads.with_raw_response.create(metadata=PROJECT)).id
        created = await raw_runs.create(thread, assistant_id=ASSISTANT, metadata=USER)
        run = show_answer("create_run", created).id
        show("poll_run", body=(await runs.poll(run, thread_id=thread, poll_interval_ms=POLL_MS)).to_dict())
        show_answer("modify_run", await raw_runs.update(run, thread_id=thread, metadata=MODIFIED))
        show_answer("get_run", await raw_runs.retrieve(run, thread_id=thread))
        try:
            await runs.update(run, thread_id=thread, metadata=TOO_MANY)
        except openai.APIStatusError as error:
            show_error("refused_modify", error)
        stream = await runs.create(thread, assistant_id=ASSISTANT, stream=True)
        show("stream_run", events=[told(event) async for event in stream])
        show("list_runs", body=[listed.to_dict() async for listed in runs.list(thread, limit=1)])


if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)  # the SDK marks the whole API as deprecated
    if sys.argv[1] == "sync":
        run_sync()
    else:
        asyncio.run(run_async())
