"""Real clients play one scenario through record and again through replay, with the upstream gone.

A client is told where the service is as any program is, by OPENAI_BASE_URL, and prints a line of JSON for each step:
what it made of the answer, or what it raised. The steps: a thread and a run are created; the run is polled until it has
ended, modified and got; 17 pairs are refused; a second run is streamed; both are listed, one to a page.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import environment, serving
from tests.clients import toolchains
from tests.parts import CREDENTIAL

PLAYING_S = 60.0
"""How long a client may take; only one that hangs does."""

STEPS = [
    "create_thread",
    "create_run",
    "poll_run",
    "modify_run",
    "get_run",
    "refused_modify",
    "stream_run",
    "list_runs",
]
ANSWERED = {"create_thread", "create_run", "modify_run", "get_run"}
UPSTREAM_CALLS = 9
"""One for each step but the refused one, and one more for polling and one for the second page."""

USER = {"user_id": "user_abc123"}
REFUSAL = {
    "step": "refused_modify",
    "status": 400,
    "type": "invalid_request_error",
    "code": "object_above_max_properties",
    "param": "metadata",
    "message": "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an "
    "object with 17 properties instead.",
}
HERE = toolchains.HERE


@dataclass(frozen=True, slots=True)
class Client:
    """A client: how it is made ready in a folder, which gives its command, and what it raises for status 400."""

    command: Callable[[Path], list[str]]
    error: str


CLIENTS = {
    "python-sync": Client(lambda _: python("python", "sync"), "BadRequestError"),
    "python-async": Client(lambda _: python("python", "async"), "BadRequestError"),
    "node": Client(lambda _: toolchains.node("node", "scenario.mjs"), "BadRequestError"),
    "go": Client(lambda folder: toolchains.go("go", folder), "*apierror.Error"),
    "curl": Client(lambda _: [*python("curl"), toolchains.curl()], "none of its own"),
}


@dataclass(frozen=True, slots=True)
class Played:
    """What a client printed in each mode, what each server said at its end, and the cassette."""

    client: Client
    recorded: str
    replayed: str
    sandbox_said: str
    record_said: str
    replay_said: str
    cassette: dict[str, Any]

    def step(self, name: str) -> dict[str, Any]:
        """Give what a step came to in record."""
        return next(step for step in map(json.loads, self.recorded.splitlines()) if step["step"] == name)


def python(folder: str, *args: str) -> list[str]:
    """Give the command for a script of ours in the environment of the tests."""
    return [sys.executable, str(HERE / folder / "scenario.py"), *args]


def play(command: list[str], base_url: str, folder: Path) -> str:
    """Run a client in a folder, and give what it printed."""
    place = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": CREDENTIAL, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(place),
        capture_output=True,
        encoding="utf-8",
        timeout=PLAYING_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def outcomes(said: str) -> dict[str, int]:
    """Read what a proxy counted at its end; `recording` is what it says of a stream."""
    counted = re.search(r"^Stopped: (.*);", said, re.MULTILINE)
    assert counted, said
    return {outcome: int(count) for count, outcome in (part.split() for part in counted[1].split(", "))}


@pytest.fixture(scope="module", params=CLIENTS)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Let a client play the scenario through record, then through replay with the sandbox and its proxy stopped."""
    client, folder = CLIENTS[request.param], tmp_path_factory.mktemp(request.param)
    command = client.command(folder)
    with serving(folder, "sandbox", "--active-polls", "1") as sandbox:
        with serving(folder, "record", "--upstream", sandbox.ready["base_url"], "--cassette", "played") as proxy:
            recorded = play(command, proxy.ready["base_url"], folder)
            proxy.stop()
        sandbox.stop()
    with serving(folder, "replay", "--cassette", "played", "--timing", "scaled:0.1") as replaying:
        replayed = play(command, replaying.ready["base_url"], folder)
        replaying.stop()
    cassette = json.loads((folder / "cassettes" / "played.json").read_bytes())
    return Played(client, recorded, replayed, sandbox.stderr(), proxy.stderr(), replaying.stderr(), cassette)


def test_replay_gives_a_client_what_record_gave(played: Played) -> None:
    """Answers, their ids and request ids, events and errors are the same, and each came from the cassette."""
    assert played.replayed.splitlines() == played.recorded.splitlines()
    assert outcomes(played.replay_said) == {"replayed": UPSTREAM_CALLS, "refused": 1}


def test_a_client_hears_the_service_through_record(played: Played) -> None:
    """Each step comes to what the service does: pairs are kept, a run ends, modified pairs are there when got."""
    steps = {step["step"]: step for step in map(json.loads, played.recorded.splitlines())}
    assert list(steps) == STEPS
    assert {name: steps[name]["status"] for name in ANSWERED} == dict.fromkeys(ANSWERED, 200)
    assert len({steps[name]["request_id"] for name in ANSWERED}) == len(ANSWERED)
    thread, run = steps["create_thread"]["body"], steps["create_run"]["body"]
    assert (thread["object"], thread["metadata"]) == ("thread", {"project": "Grüße 😀"})
    assert (run["thread_id"], run["status"], run["metadata"]) == (thread["id"], "queued", USER)
    ended = steps["poll_run"]["body"]
    assert (ended["id"], ended["status"], ended["metadata"]) == (run["id"], "completed", USER)
    modified = {**ended, "metadata": {**USER, "modified": "true"}}
    assert steps["modify_run"]["body"] == steps["get_run"]["body"] == modified


def test_a_client_reads_a_stream_and_pages_to_their_ends(played: Played) -> None:
    """The streamed run lives on event by event, and is listed before the older one."""
    events = played.step("stream_run")["events"]
    told = [(event["event"], event["data"]["status"]) for event in events]
    names = ["created", "queued", "in_progress", "completed"]
    assert told == [(f"thread.run.{name}", name.replace("created", "queued")) for name in names]
    assert len({event["data"]["id"] for event in events}) == 1
    assert played.step("list_runs")["body"] == [events[-1]["data"], played.step("get_run")["body"]]


def test_a_refused_modify_is_an_error_of_the_client_and_reaches_nobody(played: Played) -> None:
    """It is raised as the service's own, is never sent to the sandbox, and stands in no cassette."""
    assert played.step("refused_modify") == {**REFUSAL, "error": played.client.error}
    assert outcomes(played.record_said) == {"recorded": UPSTREAM_CALLS - 1, "recording": 1, "refused": 1}
    assert f"Stopped: {UPSTREAM_CALLS} calls answered." in played.sandbox_said
    assert len(played.cassette["interactions"]) == UPSTREAM_CALLS
    assert "key_16" not in json.dumps(played.cassette)
