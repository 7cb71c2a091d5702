"""The audit of servers as people start them: where it is, what it costs who needs none, and that workers share it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runproxy.audit.filters import Filter
from runproxy.audit.reading import all_calls
from runproxy.audit.store import AuditStore
from runproxy.audit.writing import Concluded, Intent, write
from tests.audit.calls import DAY_MS
from tests.cli.processes import Answer, Server, fetch, run, serving

PATH = "/threads/thread_abc123/runs/run_abc123"
KEY = {"Authorization": "Bearer no-key-is-needed", "Content-Type": "application/json", "OpenAI-Beta": "assistants=v2"}


def call(server: Server, **metadata: str) -> Answer:
    """Modify the documented run."""
    url = f"{server.ready['base_url']}{PATH}"
    return fetch(url, method="POST", headers=KEY, body=json.dumps({"metadata": metadata}).encode())


@contextmanager
def audited(folder: Path, *args: str, env: dict[str, str] | None = None) -> Iterator[Server]:
    """Run a proxy in front of a sandbox."""
    with serving(folder, "sandbox", "--repeatable") as sandbox:
        upstream = ("--upstream", str(sandbox.ready["base_url"]))
        with serving(folder, *args, *upstream, env=env) as server:
            yield server
            server.stop()


def asked(folder: Path, *args: str) -> Any:
    """Ask the audit, and read its JSON."""
    ended = run(folder, "audit", *args)
    assert (ended.returncode, ended.stderr) == (0, "")
    return json.loads(ended.stdout)


def test_a_recording_proxy_is_audited_without_being_told(tmp_path: Path) -> None:
    """The banner tells where, and the commands find it there."""
    with audited(tmp_path, "record") as server:
        assert call(server, user="a").status == 200
        assert call(server, **{f"k{number}": "v" for number in range(17)}).status == 400
        assert "audit      .runproxy/audit.db\n" in server.stderr()
    found = asked(tmp_path, "summary", "--json")
    assert (found["calls"], found["decisions"]["refused"]) == (2, 1)
    assert found["outcomes"] == {"recorded": 1, "refused": 1}
    assert asked(tmp_path, "verify", "--json")["ok"] is True
    status = subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True), run_git_status(tmp_path)
    assert ".runproxy" not in status[1]


def run_git_status(folder: Path) -> str:
    """Tell what git would add."""
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("args", "env"),
    [
        pytest.param(("--audit-modes", "none"), {}, id="flag"),
        pytest.param((), {"RUNPROXY_AUDIT_MODES": "none"}, id="variable"),
    ],
)
def test_who_wants_no_audit_says_so(tmp_path: Path, args: tuple[str, ...], env: dict[str, str]) -> None:
    """Then nothing is made."""
    with audited(tmp_path, "serve", "--mode", "passthrough", *args, env=env) as server:
        assert call(server, user="a").status == 200
    assert not (tmp_path / ".runproxy").exists()


def test_replay_and_the_demo_leave_nothing_behind(tmp_path: Path) -> None:
    """What is replayed is no traffic, and the demo is none either."""
    with serving(tmp_path, "replay") as server:
        call(server, user="a")
        assert "audit" not in server.stderr()
    assert run(tmp_path, "demo").returncode == 0
    assert not (tmp_path / ".runproxy").exists()


def test_replay_loads_no_database(tmp_path: Path) -> None:
    """Who needs no audit does not wait for SQLAlchemy."""
    script = (
        "import asyncio, sys\n"
        "from runproxy.composition import running_proxy\n"
        "from runproxy.config import make_settings\n"
        "async def main():\n"
        "    async with running_proxy(make_settings({'listen': {'port': 0, 'admin_port': 0}}, 'test')):\n"
        "        print(sorted({'sqlalchemy', 'alembic'} & set(sys.modules)))\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_workers_share_one_store(tmp_path: Path) -> None:
    """Calls that several processes answer at the same time are in one chain, each once."""
    args = ("serve", "--mode", "passthrough", "--workers", "2", "--audit-store", "shared/audit.db")
    with audited(tmp_path, *args) as server:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda number: call(server, n=str(number)).status, range(60)))
        assert answers == [200] * 60
        assert "audit      shared/audit.db\n" in server.stderr()
    rows = asked(tmp_path, "values", "n", "--limit", "100", "--format", "json", "--store", "shared/audit.db")
    assert sorted(int(row["value"]) for row in rows) == list(range(60))
    assert {row["times"] for row in rows} == {1}
    proven = asked(tmp_path, "verify", "--json", "--store", "shared/audit.db")
    assert (proven["ok"], proven["calls"]) == (True, 60)


def test_a_store_that_cannot_be_used_is_told_of_at_the_start(tmp_path: Path) -> None:
    """The error names the file, the reason, and both ways out."""
    (tmp_path / "file").touch()
    args = ("record", "--upstream", "http://127.0.0.1:9/v1", "--audit-store", "file/audit.db")
    ended = run(tmp_path, *args, "--port", "0", "--admin-port", "0")
    assert ended.returncode == 2
    for text in ("audit.store: file/audit.db: cannot be made or written", "--audit-store", "--audit-modes none"):
        assert text in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_is_too_old_goes_by_itself_in_step_with_the_archive(tmp_path: Path) -> None:
    """A proxy tidies its store when it starts; the archive holds what was removed."""
    with audited(tmp_path, "serve", "--mode", "passthrough") as server:
        call(server, user="a")
    age(tmp_path / ".runproxy" / "audit.db")
    (tmp_path / "runproxy.toml").write_text('[audit]\nmax_age = "1d"\narchive = "archive"\n', encoding="utf-8")
    with audited(tmp_path, "serve", "--mode", "passthrough") as server:
        server.wait_for_text("pruned")
        call(server, user="b")
    assert [row["value"] for row in asked(tmp_path, "values", "user", "--format", "json")] == ["b"]
    assert asked(tmp_path, "verify", "--archive", "archive", "--json")["ok"] is True


def age(path: Path) -> None:
    """Write all calls of a store anew, as if they had been made two days ago."""
    old, new = AuditStore.open(path), AuditStore.open(path.with_name("new.db"), creates=True)
    with old.reading() as read, new.writing() as written:
        for one in all_calls(read, Filter()):
            intent = Intent(replace(one.event, at_ms=one.event.at_ms - 2 * DAY_MS))
            write(written, [intent, *([Concluded(intent, one.outcome)] if one.outcome else [])])
    old.close()
    new.close()
    new.path.replace(path)
