"""SIGHUP to a real process: it reads the rules anew, keeps the old ones over a mistake, or stops with its terminal."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import pytest

from tests.cli.processes import COMMAND, DEADLINE_S, Answer, Server, environment, fetch, serving, wait_until

CALL = "/threads/thread_abc123/runs/run_abc123"
PLAIN = '[log]\nformat = "json"\n'
REQUIRED = f'{PLAIN}[policy]\nrequired = ["user_id"]\n'
MISTAKE = f'{PLAIN}[policy]\nrequierd = ["user_id"]\n'
REASON = "runproxy.toml: policy.requierd: no such setting. Did you mean 'policy.required'?"
IN_A_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Makes the terminal on stdin the one that controls the process, which leads its session, and goes on as a command."""


def put(folder: Path, text: str) -> None:
    """Write the settings file as an editor does, in one step."""
    fresh = folder / "fresh.toml"
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(folder / "runproxy.toml")


def call(server: Server) -> tuple[int, str]:
    """Make a call without the key that the policy requires; give status and code."""
    headers = {"Content-Type": "application/json", "Authorization": "Bearer made-up"}
    got: Answer = fetch(f"{server.ready['base_url']}{CALL}", method="POST", headers=headers, body=b'{"metadata": {}}')
    return got.status, got.json()["error"]["code"]


def logged(server: Server, event: str) -> list[dict[str, object]]:
    """Give the log lines of an event."""
    lines = [json.loads(line) for line in server.stderr().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


MISS, REFUSED = (501, "cassette_miss"), (400, "policy_missing_key")


def test_a_hangup_reloads_the_policy_and_keeps_the_old_one_over_a_mistake(tmp_path: Path) -> None:
    """The process answers on: under new rules, under the same ones after a mistake, and under what mends it."""
    put(tmp_path, PLAIN)
    with serving(tmp_path, "serve") as server:
        assert call(server) == MISS
        put(tmp_path, REQUIRED)
        assert call(server) == MISS
        server.tell(signal.SIGHUP)
        wait_until(lambda: call(server) == REFUSED, "the policy")
        (told,) = logged(server, "rules reloaded")
        assert (told["policy"], told["level"]) == ("enforce", "info")
        put(tmp_path, MISTAKE)
        server.tell(signal.SIGHUP)
        server.wait_for_text("rules not reloaded")
        (told,) = logged(server, "rules not reloaded, the old ones stay")
        assert (told["reason"], told["level"]) == (REASON, "error")
        assert call(server) == REFUSED
        put(tmp_path, PLAIN)
        server.tell(signal.SIGHUP)
        wait_until(lambda: call(server) == MISS, "no policy")
        assert server.stop() == 0
        assert "Traceback" not in server.stderr()


def test_a_flag_keeps_its_word_over_a_reload(tmp_path: Path) -> None:
    """What was said on the command line beats the file that is read again, and a port needs a restart."""
    put(tmp_path, PLAIN)
    (tmp_path / "policy.toml").write_text('required = ["user_id"]\n', encoding="utf-8")
    with serving(tmp_path, "serve", "--policy", "policy.toml") as server:
        assert call(server) == REFUSED
        put(tmp_path, f'{PLAIN}[guard]\npolicy_file = ""\n[limits]\ndrain_s = 3\n')
        (tmp_path / "policy.toml").write_text('required = ["team", "user_id"]\n', encoding="utf-8")
        answer = fetch(f"{server.admin_url}/api/reload", method="POST")
        assert (answer.status, answer.json()["needs_restart"]) == (200, ["limits.drain_s"])
        assert call(server) == REFUSED
        assert server.stop() == 0


@contextmanager
def serving_in_a_terminal(folder: Path) -> Iterator[tuple[Server, FileIO]]:
    """Run a server whose session has a terminal of its own; give the other end of the terminal too."""
    ready_file, stderr_file = folder / "serve.ready.json", folder / "serve.stderr"
    flags = ["serve", "--port", "0", "--admin-port", "0", "--ready-file", str(ready_file)]
    master, slave = pty.openpty()
    terminal = FileIO(master, "r+")
    with stderr_file.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", IN_A_TERMINAL, COMMAND, *flags],
            cwd=folder,
            env=environment(),
            stdin=slave,
            stdout=stderr,
            stderr=stderr,
            start_new_session=True,
        )
    os.close(slave)
    try:
        wait_until(lambda: ready_file.exists() or process.poll() is not None, "serve being ready")
        assert ready_file.exists(), stderr_file.read_text(encoding="utf-8")
        yield Server(process, ready_file, stderr_file), terminal
    finally:
        terminal.close()
        if process.poll() is None:
            process.kill()
        process.wait(DEADLINE_S)


def test_in_a_terminal_a_hangup_reloads_until_the_terminal_is_closed(tmp_path: Path) -> None:
    """Who asks by SIGHUP gets a reload; who closes the window ends the process in good order."""
    put(tmp_path, PLAIN)
    with serving_in_a_terminal(tmp_path) as (server, terminal):
        put(tmp_path, REQUIRED)
        server.tell(signal.SIGHUP)
        wait_until(lambda: call(server) == REFUSED, "the policy")
        terminal.close()
        assert server.wait() == 0
        assert "Stopping: no new calls" in server.stderr()
        assert "Stopped: " in server.stderr()
        assert "Traceback" not in server.stderr()
    assert len(logged(server, "rules reloaded")) == 1
    assert not server.ready_file.exists()


def test_a_server_without_rules_stops_at_a_hangup(tmp_path: Path) -> None:
    """The sandbox has nothing to reload, and ends as it does at any other signal."""
    with serving(tmp_path, "sandbox") as server:
        assert server.stop(signal.SIGHUP) == 0
        assert "Stopped: 0 calls answered." in server.stderr()


@pytest.mark.parametrize("text", ["", "[policy\n", '[guard]\npolicy_file = "missing.toml"\n'])
def test_whatever_is_written_the_process_runs_on(tmp_path: Path, text: str) -> None:
    """An empty file, a torn one and one that names a file that is not there are told or taken, and calls answered."""
    put(tmp_path, REQUIRED)
    with serving(tmp_path, "serve") as server:
        put(tmp_path, text)
        server.tell(signal.SIGHUP)
        server.wait_for_text("reloaded")
        assert call(server) == (REFUSED if text else MISS)
        assert server.stop() == 0
        assert "Traceback" not in server.stderr()
