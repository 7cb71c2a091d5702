"""A reader's shell: commands share a folder and exported variables, servers run beside them until they are stopped."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.docs.page import ROOT

COMMAND_S = 60.0
"""How long a block may take; only one that hangs does."""
READY_S = 30.0
OWN_PROGRAMS = Path(sys.executable).parent
STOP_S = 20.0
_POLL_S = 0.02
_KEPT = 'trap \'{ export -p; printf "cd %q\\n" "$PWD"; } > "$READERS_STATE"\' EXIT'
_TAKEN_UP = '[ ! -e "$READERS_STATE" ] || . "$READERS_STATE"'


class Trouble(Exception):
    """A block does not do what the page says; the text tells which and what it printed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How commands ended, and all they printed, on both streams."""

    code: int
    printed: str


class Server:
    """A server in the background and what it has printed."""

    def __init__(self, command: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._command = command
        self._process = process
        self._log = log

    def printed(self) -> str:
        """Give what it has printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def check(self) -> None:
        """Raise Trouble if it has ended by itself."""
        if self._process.poll() is not None:
            raise Trouble(f"{self._command}\nended by itself with code {self._process.returncode}:\n{self.printed()}")

    def stop(self) -> None:
        """Stop it as Ctrl-C does, and raise Trouble if it had ended before, or does not end."""
        is_alive = self._process.poll() is None
        try:
            os.killpg(self._process.pid, signal.SIGINT)
            self._process.wait(STOP_S)
        except ProcessLookupError:  # it has ended, and nothing is left of its group
            pass
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            raise Trouble(f"{self._command}\ndid not stop in {STOP_S} s:\n{self.printed()}") from None
        if not is_alive:
            self.check()


class Shell:
    """Runs commands in the folder `page` below a root, and stops the servers at the end.

    `programs` is the folder where runproxy is found.
    """

    def __init__(self, root: Path, programs: Path = OWN_PROGRAMS, *, command_s: float = COMMAND_S) -> None:
        self.folder = root / "page"
        self._command_s = command_s
        self._logs = root / "logs"
        self._servers: dict[frozenset[str], Server] = {}
        self._started = 0
        for folder in (self.folder / "cassettes", self._logs, root / "home"):
            folder.mkdir(parents=True, exist_ok=True)
        (root / "home" / ".curlrc").write_text("fail-with-body\n", encoding="utf-8")  # an error is no example
        shutil.copy(ROOT / "cassettes" / "quickstart.json", self.folder / "cassettes")
        self._environment = _environment(root, programs)

    def run(self, text: str) -> Ended:
        """Run commands to their end, one shell for all; what they export, and where they go, lasts."""
        printed = self._logs / "printed"
        script = f"{_TAKEN_UP}\n{_KEPT}\n{text}"
        with printed.open("wb") as file:
            process = self._start(script, self._environment, file.fileno())
            try:
                process.wait(self._command_s)
            except subprocess.TimeoutExpired:
                raise Trouble(f"did not end in {self._command_s} s:\n{printed.read_text(encoding='utf-8')}") from None
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        return Ended(process.returncode, printed.read_text(encoding="utf-8", errors="replace"))

    def serve(self, command: str, port: str = "") -> Server:
        """Start a server and wait until it is ready; one that holds its place is stopped before.

        `port` is where a server that is none of runproxy's is waited for; runproxy's own tell by their ready file.
        """
        places = frozenset({port}) if port else _places(command)
        for held in [held for held in self._servers if held & places]:
            self._servers.pop(held).stop()
        self._started += 1
        log = self._logs / f"server-{self._started}"
        ready = self._ready_file(command)
        with log.open("wb") as file:
            told = {"RUNPROXY_READY_FILE": str(ready), "RUNPROXY_SANDBOX_READY_FILE": str(ready)}
            process = self._start(f"{_TAKEN_UP}\n{command}", {**self._environment, **told}, file.fileno())
        server = self._servers[places] = Server(command, process, log)
        is_ready = (lambda: _answers(int(port))) if port else ready.exists
        _wait(is_ready, server)
        return server

    def stop(self) -> list[Trouble]:
        """Stop all servers, and give what was wrong with them."""
        troubles = []
        for server in self._servers.values():
            try:
                server.stop()
            except Trouble as trouble:
                troubles.append(trouble)
        self._servers.clear()
        return troubles

    def _ready_file(self, command: str) -> Path:
        named = re.search(r"--ready-file[ =](\S+)", command)
        path = self.folder / named[1] if named else self._logs / f"ready-{self._started}.json"
        path.unlink(missing_ok=True)
        return path

    def _start(self, script: str, environment: dict[str, str], into: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=into,
            stderr=into,
            start_new_session=True,
        )


def _places(command: str) -> frozenset[str]:
    """Tell what a server of runproxy's holds: its port or its socket, and unless it is a sandbox that of its pages."""
    is_sandbox = re.search(r"\brunproxy sandbox\b", command)
    port = re.search(r"--(?:port|unix-socket)[ =](\S+)", command)
    admin_port = re.search(r"--admin-port[ =](\S+)", command)
    if is_sandbox:
        return frozenset({port[1] if port else "8789"})
    return frozenset({port[1] if port else "8787", admin_port[1] if admin_port else "8788"})


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _wait(is_ready: Callable[[], bool], server: Server) -> None:
    end = time.monotonic() + READY_S
    while not is_ready():
        server.check()
        if time.monotonic() > end:
            raise Trouble(f"was not ready in {READY_S} s:\n{server.printed()}")
        time.sleep(_POLL_S)


def _environment(root: Path, programs: Path) -> dict[str, str]:
    """Give a reader's environment: this runproxy, Node and Go where tests/clients has brought them, no settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "RUNPROXY_"))}
    for name in ("CI", "PYTHONDONTWRITEBYTECODE"):  # without compiled modules every command takes a second more
        kept.pop(name, None)
    places = (programs, ROOT / ".venv-clients" / "bin")
    caches = Path.home() / ".cache"
    return {
        **kept,
        "PATH": os.pathsep.join([*map(str, places), os.environ["PATH"]]),
        "HOME": str(root / "home"),
        "GOCACHE": os.environ.get("GOCACHE", str(caches / "go-build")),
        "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(caches / "pip")),
        "OPENAI_API_KEY": "any-key-or-none",
        "NO_COLOR": "1",
        "COLUMNS": "120",
        "GIT_AUTHOR_NAME": "Reader",
        "GIT_AUTHOR_EMAIL": "reader@example.org",
        "GIT_COMMITTER_NAME": "Reader",
        "GIT_COMMITTER_EMAIL": "reader@example.org",
        "READERS_STATE": str(root / "state"),
    }
