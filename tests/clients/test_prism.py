"""An upstream that nobody here wrote: Prism serves the API's own OpenAPI document, and judges what reaches it.

Every operation of the document is called through record, with Prism as the upstream, and through replay with it gone.
"""

import copy
import json
import os
import re
import signal
import subprocess
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import Answer, environment, fetch, serving, wait_until
from tests.clients import toolchains
from tests.clients.openapi_calls import Call, calls, operations
from tests.parts import HEADERS, Report

SHARED = toolchains.ROOT.parent / "shared" / "data" / "assistants-openapi.json"
PRISM = "node_modules/@stoplight/prism-cli/dist/index.js"
GUARDED = ("modify_run", "all")
"""What `--guard-routes` is set to, each with a cassette of its own."""

WRONG = (
    Call("listRuns", "GET", "/threads/thread_abc123/runs?limit=few"),
    Call("modifyThread", "POST", "/threads/thread_abc123", {"unknown": 1}),
)
"""Calls that are not as the document wants them; Prism answers with what is wrong, which replays like all else."""

TOO_MANY = {f"key_{number}": "value" for number in range(17)}
OK, UNPROCESSABLE = 200, 422
Kept = tuple[int, str | None, bytes]
"""Status, media type and body of an answer."""


@dataclass(frozen=True, slots=True)
class Played:
    """The calls, their answers in record and in replay by what is guarded, and the answers to 17 pairs."""

    document: dict[str, Any]
    calls: list[Call]
    recorded: dict[str, list[Kept]]
    replayed: dict[str, list[Kept]]
    refused: list[tuple[Call, Answer]]
    prism_said: str


def openapi_document() -> Path:
    """Find the document, or skip."""
    path = Path(os.environ.get("RUNPROXY_OPENAPI", SHARED))
    if not path.exists():
        pytest.skip(f"there is no OpenAPI document of the Assistants API at {path}; RUNPROXY_OPENAPI can name another")
    return path


@contextmanager
def prism(document: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Run Prism on a free port for as long as the context lasts; give its address and what it says."""
    command = [*toolchains.node("prism", PRISM), "mock", "--port", "0", "--errors", str(document)]
    said = folder / "prism.out"
    with said.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment(), stdout=output, stderr=output)

    def address() -> re.Match[str] | None:
        assert process.poll() is None, said.read_text(encoding="utf-8")
        return re.search(r"Prism is listening on (http://\S+)", said.read_text(encoding="utf-8"))

    try:
        wait_until(lambda: address() is not None, "Prism being ready")
        found = address()
        assert found
        yield found[1], said
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def send(base_url: str, call: Call) -> Answer:
    """Make a call."""
    headers = dict(HEADERS)
    if call.body is None:
        del headers["Content-Type"]
    body = None if call.body is None else json.dumps(call.body).encode()
    return fetch(base_url + call.target, method=call.method, headers=headers, body=body)


def kept(answer: Answer) -> Kept:
    """Reduce an answer to what a replay must give back."""
    return answer.status, answer.headers["Content-Type"], answer.body


def with_too_many(call: Call) -> Iterator[Call]:
    """Give a call once for each place of metadata in its body, with 17 pairs there."""
    for steps in metadata_places(call.body):
        body = copy.deepcopy(call.body)
        holder = body
        for step in steps:
            holder = holder[step]
        holder["metadata"] = TOO_MANY
        yield Call(call.operation, call.method, call.target, body)


def metadata_places(value: Any) -> Iterator[tuple[Any, ...]]:
    """Say where members named metadata stand, by the steps to what holds them."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        if name == "metadata":
            yield ()
        yield from ((name, *steps) for steps in metadata_places(member))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Make all calls through record, and through replay with Prism stopped."""
    path, folder = openapi_document(), tmp_path_factory.mktemp("prism")
    document = json.loads(path.read_bytes())
    made = calls(document)
    recorded, replayed, refused = {}, {}, []
    with prism(path, folder) as (address, said):
        for guarded in GUARDED:
            flags = ("--upstream", address, "--cassette", guarded, "--guard-routes", guarded)
            with serving(folder, "record", *flags) as proxy:
                recorded[guarded] = [kept(send(proxy.url, call)) for call in (*made, *WRONG)]
                if guarded == "all":
                    refused = [(bad, send(proxy.url, bad)) for call in made for bad in with_too_many(call)]
                proxy.stop()
    with pytest.raises(urllib.error.URLError, match="refused"):
        fetch(address)
    for guarded in GUARDED:
        with serving(folder, "replay", "--cassette", guarded, "--guard-routes", guarded) as proxy:
            replayed[guarded] = [kept(send(proxy.url, call)) for call in (*made, *WRONG)]
            proxy.stop()
    return Played(document, made, recorded, replayed, refused, said.read_text(encoding="utf-8"))


@pytest.mark.parametrize("guarded", GUARDED)
def test_prism_answers_every_operation_of_the_document(played: Played, guarded: str, report: Report) -> None:
    """Each is called, with what it demands and with all it takes, and arrives as the document wants it."""
    assert {call.operation for call in played.calls} == set(operations(played.document))
    statuses = [status for status, _, _ in played.recorded[guarded]]
    assert statuses == [OK] * len(played.calls) + [UNPROCESSABLE] * len(WRONG)
    counted = {"operations": len({call.operation for call in played.calls}), "calls": len(played.calls)}
    report(f"Prism, with {guarded} guarded", counted)


@pytest.mark.parametrize("guarded", GUARDED)
def test_replay_gives_what_prism_gave(played: Played, guarded: str) -> None:
    """Byte for byte, with Prism gone."""
    assert played.replayed[guarded] == played.recorded[guarded]


def test_the_guard_knows_every_place_of_metadata_in_the_document(played: Played, report: Report) -> None:
    """With all routes guarded, 17 pairs are refused wherever a body holds metadata, and Prism never hears of them."""
    assert played.refused
    passed = [call for call, answer in played.refused if b"object_above_max_properties" not in answer.body]
    assert passed == []
    assert played.prism_said.count("Request received") == len(GUARDED) * len((*played.calls, *WRONG))
    report("Prism, places of metadata with 17 pairs", {"refused": len(played.refused)})
