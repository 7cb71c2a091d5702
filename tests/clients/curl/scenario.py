"""The scenario by curl, whose path is given: one line of JSON for each step."""

import json
import os
import subprocess
import sys
from typing import Any

ASSISTANT = {"assistant_id": "asst_abc123"}
USER = {"user_id": "user_abc123"}
TOO_MANY = {f"key_{number}": "value" for number in range(17)}
HEADERS = (f"Authorization: Bearer {os.environ['OPENAI_API_KEY']}", "OpenAI-Beta: assistants=v2")
CURL = (sys.argv[1], "--silent", "--show-error", "--no-buffer", "--max-time", "20")
TOLD = "%{stderr}%{http_code} %header{x-request-id}"


def curl(url: str, body: object = None) -> tuple[int, str, str]:
    """Make a call, and give status, request id and body of the answer."""
    headers = [part for header in HEADERS for part in ("--header", header)]
    sent = [] if body is None else ["--header", "Content-Type: application/json", "--data", json.dumps(body)]
    command = [*CURL, "--write-out", TOLD, *headers, *sent, url]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    status, _, request_id = done.stderr.partition(" ")
    return int(status), request_id, done.stdout


def show(step: str, **found: Any) -> None:
    """Print what a step has come to."""
    print(json.dumps({"step": step, **found}))


def show_answer(step: str, url: str, body: object = None) -> Any:
    """Make a call and print its answer."""
    status, request_id, text = curl(url, body)
    value = json.loads(text)
    show(step, status=status, request_id=request_id, body=value)
    return value


def show_refusal(step: str, url: str, body: object) -> None:
    """Make a call that is refused, and print with what."""
    status, _, text = curl(url, body)
    show(step, error="none of its own", status=status, **json.loads(text)["error"])


def poll(url: str) -> Any:
    """Look at a run until it is no longer active."""
    while (value := json.loads(curl(url)[2]))["status"] in ("queued", "in_progress"):
        pass
    return value


def events(text: str) -> list[dict[str, Any]]:
    """Take a stream of events apart; the one that ends it carries no object."""
    pairs = (block.split("\n") for block in text.removesuffix("\n\n").split("\n\n"))
    named = [(name.removeprefix("event: "), data.removeprefix("data: ")) for name, data in pairs]
    return [{"event": name, "data": json.loads(data)} for name, data in named if data != "[DONE]"]


def listed(url: str) -> list[Any]:
    """Read a list page by page."""
    page = json.loads(curl(f"{url}?limit=1")[2])
    found: list[Any] = page["data"]
    while page["has_more"]:
        page = json.loads(curl(f"{url}?limit=1&after={page['last_id']}")[2])
        found += page["data"]
    return found


def play(base_url: str) -> None:
    """Play the scenario."""
    thread = show_answer("create_thread", f"{base_url}/threads", {"metadata": {"project": "Grüße 😀"}})["id"]
    runs = f"{base_url}/threads/{thread}/runs"
    run = f"{runs}/{show_answer('create_run', runs, {**ASSISTANT, 'metadata': USER})['id']}"
    show("poll_run", body=poll(run))
    show_answer("modify_run", run, {"metadata": {**USER, "modified": "true"}})
    show_answer("get_run", run)
    show_refusal("refused_modify", run, {"metadata": TOO_MANY})
    show("stream_run", events=events(curl(runs, {**ASSISTANT, "stream": True})[2]))
    show("list_runs", body=listed(runs))


if __name__ == "__main__":
    play(os.environ["OPENAI_BASE_URL"])
