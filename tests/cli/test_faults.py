"""Faults in a real process: it says so loudly, takes the seed from a flag, and what they do is no crash."""

import json
from pathlib import Path

import pytest

from runproxy.backends.faults.schedule import chance_of
from tests.cli.processes import fetch, run, serving

FAULTS = """
[[faults]]
kind = "status"
name = "busy"
status = 429
times = 1

[[faults]]
kind = "reset"
by_header = true

[[faults]]
kind = "status"
name = "half"
share = 0.5
route = "GET *"
"""
ASKING = {"X-Runproxy-Fault": "reset"}


def test_the_banner_says_that_faults_are_on(tmp_path: Path) -> None:
    """Which ones, and the seed; the status counts them, and so does the end."""
    (tmp_path / "runproxy.toml").write_text(FAULTS, encoding="utf-8")
    with serving(tmp_path, "replay", "--fault-seed", "7") as server:
        told = server.stderr()
        assert "FAULTS ON" in told
        assert "seed 7:" in told
        assert "busy: status 429 on *, once" in told
        assert "reset on *, where a call asks for it" in told
        assert fetch(server.ready["base_url"], method="POST", body=b"{}").status == 429
        with pytest.raises(ConnectionResetError):
            fetch(server.ready["base_url"], method="POST", headers=ASKING, body=b"{}")
        assert fetch(f"{server.admin_url}/api/status").json()["faults"] == {"busy": 1, "reset": 1}
        assert server.stop() == 0
        assert "Stopped: 2 fault;" in server.stderr()


def test_without_faults_nothing_is_said_of_them(tmp_path: Path) -> None:
    """And a call that asks for one is refused."""
    with serving(tmp_path, "replay") as server:
        assert "FAULTS" not in server.stderr()
        got = fetch(server.ready["base_url"], method="POST", headers=ASKING, body=b"{}")
        assert (got.status, got.json()["error"]["code"]) == (400, "unknown_fault")
        assert "faults" not in fetch(f"{server.admin_url}/api/status").json()


def test_the_seed_decides(tmp_path: Path) -> None:
    """Which calls are struck by chance follows from the number alone, in any process."""
    (tmp_path / "runproxy.toml").write_text(FAULTS, encoding="utf-8")
    with serving(tmp_path, "replay", env={"RUNPROXY_FAULT_SEED": "3"}) as server:
        first, *others = [fetch(server.ready["base_url"]).status for _ in range(25)]
    assert first == 429
    expected = [500 if chance_of(3, "half", nth, "whether") < 0.5 else 501 for nth in range(1, 25)]
    assert others == expected
    assert {*others} == {500, 501}


def test_a_fault_that_cannot_be_is_told_before_anything_starts(tmp_path: Path) -> None:
    """With the file and the place in it."""
    (tmp_path / "runproxy.toml").write_text('[[faults]]\nkind = "latency"\n', encoding="utf-8")
    ended = run(tmp_path, "replay", "--port", "0", "--admin-port", "0")
    assert ended.returncode == 2
    assert ended.stderr == "Error: runproxy.toml: faults.0: a latency needs latency_ms, how long a call waits.\n"


def test_a_broken_answer_that_has_drifted_still_counts_as_drift(tmp_path: Path) -> None:
    """Mode verify ends with exit code 1, though its client was given something else."""
    call = b'{"metadata": {"a": "b"}}'
    headers = {"Content-Type": "application/json", "Authorization": "Bearer k", "OpenAI-Beta": "assistants=v2"}
    with serving(tmp_path, "sandbox") as sandbox:
        upstream = f"{sandbox.url}/v1"
        with serving(tmp_path, "record", "--upstream", upstream) as server:
            target = f"{server.ready['base_url']}/threads/thread_abc123/runs/run_abc123"
            assert fetch(target, method="POST", headers=headers, body=call).status == 200
            assert server.stop() == 0
        held = tmp_path / "cassettes" / "default.json"
        document = json.loads(held.read_text(encoding="utf-8"))
        document["interactions"][0]["response"]["body"]["json"]["status"] = "other"
        held.write_text(json.dumps(document), encoding="utf-8")
        (tmp_path / "runproxy.toml").write_text('[[faults]]\nkind = "malformed"\n', encoding="utf-8")
        with serving(tmp_path, "serve", "--mode", "verify", "--upstream", upstream) as server:
            target = f"{server.ready['base_url']}/threads/thread_abc123/runs/run_abc123"
            got = fetch(target, method="POST", headers=headers, body=call)
            assert got.headers["x-runproxy-outcome"] == "fault"
            assert server.stop() == 1
