"""What tests of sessions are made of: an upstream in a thread, a client without a loop, and a cassette."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

from runproxy.messages import Request, Response
from runproxy.testing.loop import LoopThread
from tests.parts import CREDENTIAL, ScriptedUpstream, echo, serving

RUN = "/threads/thread_abc123/runs/run_abc123"
_MOST_S = 30


@contextmanager
def upstream(make: Callable[[Request], Response] = echo) -> Iterator[tuple[ScriptedUpstream, str]]:
    """Serve a scripted upstream from a thread, and give it with its base URL."""
    scripted, stack = ScriptedUpstream(make=make), AsyncExitStack()
    with LoopThread() as loop:
        base_url = loop.run(stack.enter_async_context(serving(scripted)))
        try:
            yield scripted, base_url
        finally:
            loop.run(stack.aclose())


def update(base_url: str, metadata: object, path: str = RUN) -> tuple[int, Any]:
    """Modify a run, and give the status and what the body says."""
    headers = {
        "Content-Type": "application/json",
        "OpenAI-Beta": "assistants=v2",
        "Authorization": f"Bearer {CREDENTIAL}",
    }
    call = urllib.request.Request(base_url + path, json.dumps({"metadata": metadata}).encode(), headers)  # noqa: S310
    try:
        with urllib.request.urlopen(call, timeout=_MOST_S) as answered:  # noqa: S310 - to this machine
            return answered.status, json.loads(answered.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def written(folder: Path) -> dict[str, bytes]:
    """Give all cassettes below a folder, by name."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.json"))}
