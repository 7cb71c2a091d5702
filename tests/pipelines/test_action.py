"""The actions for GitHub: their files are valid, and their steps do what the runner would have them do."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cassettes.recordings import recording
from tests.cli.cassettes import put
from tests.cli.processes import DEADLINE_S, environment, fetch

ROOT = Path(__file__).parents[2]
START, SUMMARY = ROOT / "action.yml", ROOT / "summary" / "action.yml"
_INPUT = re.compile(r"\$\{\{ inputs\.([a-z-]+) \}\}")


class Runner:
    """Runs the steps of composite actions with bash, as GitHub's runner does, in a folder of its own."""

    def __init__(self, workspace: Path, temp: Path) -> None:
        self.workspace, self.temp = workspace, temp
        self._files = {
            name: temp / name for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
        }
        for path in self._files.values():
            path.touch()

    def run(self, action: Path, step: str, **inputs: str) -> "subprocess.CompletedProcess[str]":
        """Run one step; inputs that are not given have their defaults."""
        described: dict[str, Any] = yaml.safe_load(action.read_text(encoding="utf-8"))
        known = {name: str(value.get("default", "")) for name, value in described["inputs"].items()}
        given = {**known, **{name.replace("_", "-"): value for name, value in inputs.items()}}
        (chosen,) = (found for found in described["runs"]["steps"] if found["name"] == step)
        env = {name: _INPUT.sub(lambda found: given[found[1]], value) for name, value in chosen["env"].items()}
        assert "${{" not in chosen["run"], "what is given belongs into env, where no shell reads it"
        script = self.temp / "step.sh"
        script.write_text(chosen["run"], encoding="utf-8")
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace,
            env=environment({**env, **self.env(), "GITHUB_ACTION_PATH": str(action.parent), "CI": "true"}),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def env(self) -> Mapping[str, str]:
        """Give the variables of the runner, and those that steps have set."""
        lines = self.read("GITHUB_ENV").splitlines()
        files = {name: str(path) for name, path in self._files.items()}
        return {**files, "RUNNER_TEMP": str(self.temp), **dict(line.split("=", 1) for line in lines)}

    def read(self, name: str) -> str:
        """Give what steps have written for the runner."""
        return self._files[name].read_text(encoding="utf-8")


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    """Give a runner where runproxy is installed; a server that a test leaves running is stopped."""
    workspace, temp = tmp_path / "workspace", tmp_path / "temp"
    (temp / "runproxy").mkdir(parents=True)
    workspace.mkdir()
    (temp / "runproxy" / "venv").symlink_to(sys.prefix)
    monkeypatch.chdir(workspace)
    put("quickstart", recording("/v1/a"), recording("/v1/b"))
    yield Runner(workspace, temp)
    if (ready := temp / "runproxy" / "ready.json").exists():
        os.kill(json.loads(ready.read_text(encoding="utf-8"))["pid"], 9)


def ask(runner: Runner) -> int:
    """Make the call that the first recording answers, where the job's environment says; give the status."""
    sent = recording("/v1/a").request
    url = f"{runner.env()['OPENAI_BASE_URL']}/a"
    return fetch(url, method=sent.method, headers=dict(sent.headers.items()), body=sent.body).status


def test_the_files_are_valid() -> None:
    """By GitHub's schema of actions."""
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.github-actions",
            str(START),
            str(SUMMARY),
        ],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_job_is_told_the_base_url_and_gets_a_summary(runner: Runner) -> None:
    """What was replayed and missed, and what was not used; a miss fails the job, and the proxy is gone."""
    started = runner.run(START, "Start runproxy", cassette="quickstart", arguments="--log-format 'json'")
    assert started.returncode == 0, started.stdout + started.stderr
    base_url = runner.env()["OPENAI_BASE_URL"]
    assert f"base-url={base_url}\n" in runner.read("GITHUB_OUTPUT")
    assert ask(runner) == 200
    assert fetch(f"{base_url}/<x>").status == 501
    ended = runner.run(SUMMARY, "Stop runproxy and summarise")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    summary = runner.read("GITHUB_STEP_SUMMARY")
    assert "| replayed | 1 |" in summary
    assert "| miss | 1 |" in summary
    assert "| recordings that answered no call | 1 |" in summary
    assert "quickstart: interactions[1]" in summary
    assert "miss-1: GET /v1/" in summary
    assert not (runner.temp / "runproxy" / "ready.json").exists()


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        pytest.param({}, 0, id="unused-recordings-are-told-only"),
        pytest.param({"fail_on_unused": "true"}, 1, id="or-fail-the-job"),
    ],
)
def test_what_fails_the_job_is_chosen(runner: Runner, inputs: dict[str, str], code: int) -> None:
    """By inputs of the summary."""
    assert runner.run(START, "Start runproxy", cassette="quickstart").returncode == 0
    assert ask(runner) == 200
    assert runner.run(SUMMARY, "Stop runproxy and summarise", **inputs).returncode == code


def test_a_proxy_that_does_not_start_fails_the_step(runner: Runner) -> None:
    """With its last words as an annotation; the summary then says that it does not run."""
    started = runner.run(START, "Start runproxy", mode="record")
    assert started.returncode == 1
    assert started.stdout.startswith("::error title=runproxy does not start::")
    assert "--upstream" in started.stdout or "CI" in started.stdout
    assert runner.run(SUMMARY, "Stop runproxy and summarise").returncode == 2


def test_arguments_are_words_and_no_script(runner: Runner) -> None:
    """Nothing in them is executed."""
    started = runner.run(START, "Start runproxy", arguments="$(touch owned) ; touch owned '--x y'")
    assert started.returncode == 1
    assert not (runner.workspace / "owned").exists()


@pytest.mark.slow
def test_the_action_installs_itself(tmp_path: Path) -> None:
    """Without an input, the version that the action is of."""
    (tmp_path / "runproxy").mkdir()
    runner = Runner(tmp_path, tmp_path)
    installed = runner.run(START, "Install runproxy", python=sys.executable)
    assert installed.returncode == 0, installed.stderr
    command = Path(runner.read("GITHUB_PATH").strip(), "runproxy")
    assert subprocess.run([command, "--version"], check=True, timeout=DEADLINE_S).returncode == 0
