"""Real processes of the command. They see no setting of the surrounding environment, and end with the test."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

COMMAND = str(Path(sys.executable).with_name("runproxy"))
DEADLINE_S = 60.0
"""How long anything is waited for; only a failing test takes as long."""

_POLL_S = 0.01
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP call was answered with."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        """Give the body as a value."""
        return json.loads(self.body)


class Server:
    """A server process that has said that it is ready."""

    def __init__(self, process: subprocess.Popen[bytes], ready_file: Path, stderr_file: Path) -> None:
        self._process = process
        self._stderr_file = stderr_file
        self.ready_file = ready_file
        self.ready: dict[str, Any] = json.loads(ready_file.read_text(encoding="utf-8"))

    @property
    def pid(self) -> int:
        """The process id, as its parent knows it."""
        return self._process.pid

    @property
    def url(self) -> str:
        """Where calls are answered."""
        return str(self.ready["url"])

    @property
    def admin_url(self) -> str:
        """Where health and status are told."""
        return str(self.ready["admin_url"])

    def stderr(self) -> str:
        """Give what it has told so far."""
        return self._stderr_file.read_text(encoding="utf-8")

    def tell(self, number: signal.Signals) -> None:
        """Send a signal and do not wait."""
        self._process.send_signal(number)

    def wait_for_text(self, text: str) -> None:
        """Wait until it has told this."""
        wait_until(lambda: text in self.stderr(), f"{text!r} on stderr")

    def wait(self) -> int:
        """Wait for the end and give the exit code."""
        return self._process.wait(DEADLINE_S)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end and give the exit code."""
        self.tell(number)
        return self.wait()


@contextmanager
def serving(folder: Path, *args: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run a server command inside a folder, on free ports unless the arguments say otherwise."""
    stderr_file, ready_file = folder / f"{args[0]}.stderr", folder / f"{args[0]}.ready.json"
    ports = [] if "--port" in args else ["--port", "0"]
    ports += [] if "--admin-port" in args or args[0] == "sandbox" else ["--admin-port", "0"]
    ready_file.unlink(missing_ok=True)
    command = [COMMAND, *args, *ports, "--ready-file", str(ready_file)]
    with stderr_file.open("wb") as stderr:
        process = subprocess.Popen(command, cwd=folder, env=environment(env), stderr=stderr, stdout=stderr)
    try:
        wait_until(lambda: ready_file.exists() or process.poll() is not None, f"{args[0]} being ready")
        assert ready_file.exists(), stderr_file.read_text(encoding="utf-8")
        yield Server(process, ready_file, stderr_file)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(DEADLINE_S)


def run(folder: Path, *args: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a command that ends by itself."""
    return subprocess.run(
        [COMMAND, *args],
        cwd=folder,
        env=environment(env),
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_S,
        check=False,
    )


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the environment of a child: no setting of runproxy and no CI but those of the test."""
    kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("RUNPROXY_")}
    return {**kept, **(more or {})}


def fetch(
    url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Answer:
    """Make one HTTP call, through no other proxy, and take any status for an answer."""
    request = urllib.request.Request(url, body, dict(headers or {}), method=method)  # noqa: S310 - http on loopback
    try:
        with _direct.open(request, timeout=DEADLINE_S) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fail when it does not come about within the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < end, f"waited {DEADLINE_S} s in vain for {what}"
        time.sleep(_POLL_S)
