"""`runproxy doctor`: what it prints for people, in pipes and for machines, and how it ends."""

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.cli.processes import COMMAND, DEADLINE_S, environment, run, serving

FREE = ("--port", "0", "--admin-port", "0")


def test_where_nothing_has_failed_it_ends_with_0(tmp_path: Path) -> None:
    """A warning is none; each line bears the state, the check and what was found, and nothing is written."""
    ended = run(tmp_path, "doctor", *FREE)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert lines[0] == "ok    config      the settings are valid; mode replay"
    assert "warn  folder      " + str(tmp_path / "cassettes") + " is not there" in lines
    assert lines[-1] == "ok    upstream    there is none, and replay needs none"
    assert list(tmp_path.iterdir()) == []


def test_where_something_has_failed_it_ends_with_1(tmp_path: Path) -> None:
    """What it means and what to do stand below."""
    ended = run(tmp_path, "doctor", *FREE, "--mode", "record", "--upstream", "http://127.0.0.1:9/v1")
    assert (ended.returncode, ended.stderr) == (1, "")
    tail = [line.strip() for line in ended.stdout.splitlines()[-3:]]
    assert tail[0] == "fail  upstream TCP  127.0.0.1:9 does not take connections: Connection refused"
    assert tail[1] == "means: No call can be forwarded."
    assert tail[2].startswith("do: Is it running, and is the port right?")


def test_a_file_with_a_mistake_is_told_and_is_no_usage_error(tmp_path: Path) -> None:
    """The doctor is who is asked when nothing starts."""
    (tmp_path / "runproxy.toml").write_text("[listen\n")
    ended = run(tmp_path, "doctor")
    assert ended.returncode == 1
    assert ended.stdout.startswith("fail  config  runproxy.toml: is not valid TOML: ")


def test_machines_get_one_object(tmp_path: Path) -> None:
    """With the same findings, and the verdict."""
    ended = run(tmp_path, "doctor", *FREE, "--format", "json", env={"RUNPROXY_UPSTREAM": "http://127.0.0.1:9/v1"})
    told = json.loads(ended.stdout)
    assert (ended.returncode, told["ok"]) == (1, False)
    assert [set(finding) for finding in told["findings"]] == [
        {"check", "state", "found", "means", "do"} for _ in told["findings"]
    ]
    assert told["findings"][-1]["state"] == "fail"


def test_it_takes_what_serve_takes(tmp_path: Path) -> None:
    """A sandbox is found to be well, by a profile in the file that is chosen by a flag."""
    with serving(tmp_path, "sandbox") as sandbox:
        (tmp_path / "runproxy.toml").write_text(f'[upstreams.here]\nkind = "openai"\nurl = "{sandbox.url}/v1"\n')
        ended = run(tmp_path, "doctor", *FREE, "--mode", "record", "--upstream", "here")
    assert ended.returncode == 0, ended.stdout
    assert f"ok    upstream       here (openai): {sandbox.url}/v1" in ended.stdout.splitlines()
    assert "It asks for a credential, and none was sent here\n" in ended.stdout


@pytest.mark.parametrize("columns", [60, 200])
def test_at_a_terminal_it_is_drawn_in_colours_and_wrapped(tmp_path: Path, columns: int) -> None:
    """No line is wider than the terminal."""
    parent, child = pty.openpty()
    command = [COMMAND, "doctor", *FREE, "--mode", "record"]
    env = {**environment({"COLUMNS": str(columns), "TERM": "xterm"}), "NO_COLOR": ""}
    with os.fdopen(parent, "rb", buffering=0) as screen:
        process = subprocess.Popen(command, cwd=tmp_path, env=env, stdin=child, stdout=child, stderr=child)
        os.close(child)
        shown = b""
        try:
            while piece := screen.read(65536):
                shown += piece
        except OSError:  # Linux says that a terminal has gone by EIO
            pass
        assert process.wait(DEADLINE_S) == 1
    assert b"\x1b[1;31mfail" in shown
    plain = [part.partition("m")[2] for part in shown.decode().replace("\r", "").split("\x1b[")]
    assert max(map(len, "".join(plain).split("\n"))) <= columns
