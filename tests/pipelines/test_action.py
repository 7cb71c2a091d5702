"""The actions for GitHub: their files are valid, and their steps do what the runner would have them do."""

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cassettes.recordings import recording
from tests.cli.cassettes import put
from tests.cli.processes import DEADLINE_S, environment, fetch, wait_until

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
        path = os.pathsep.join([*reversed(self.read("GITHUB_PATH").splitlines()), os.environ["PATH"]])
        assert "${{" not in chosen["run"], "what is given belongs into env, where no shell reads it"
        script = self.temp / "step.sh"
        script.write_text(chosen["run"], encoding="utf-8")
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace,
            env=environment(
                {**env, **self.env(), "PATH": path, "GITHUB_ACTION_PATH": str(action.parent), "CI": "true"}
            ),
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
        os.kill(json.loads(ready.read_text(encoding="utf-8"))["pid"], signal.SIGKILL)


@contextmanager
def stopped_at_the_end(pid: int) -> Iterator[None]:
    """Leave no server running that no file tells of any more."""
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)


def answers(runner: Runner) -> bool:
    """Tell whether anything takes calls where the job's environment says."""
    try:
        return bool(ask(runner))
    except OSError:
        return False


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
    assert "--upstream https://host/v1" in started.stdout
    assert runner.run(SUMMARY, "Stop runproxy and summarise").returncode == 2


@pytest.mark.parametrize(
    ("own", "then"),
    [
        pytest.param(None, {"OPENAI_API_KEY": "not-needed"}, id="none"),
        pytest.param("key-of-the-job", {}, id="the-job-has-one"),
    ],
)
def test_clients_have_a_key(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, own: str | None, then: dict[str, str]
) -> None:
    """Without one SDKs do not start; one that the job has is left alone."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    if own:
        monkeypatch.setenv("OPENAI_API_KEY", own)
    assert runner.run(START, "Start runproxy", cassette="quickstart").returncode == 0
    lines = [line.split("=", 1) for line in runner.read("GITHUB_ENV").splitlines()]
    assert {name: value for name, value in lines if name == "OPENAI_API_KEY"} == then


def test_what_an_earlier_proxy_has_left_does_not_speak_for_the_next(runner: Runner) -> None:
    """Twice in a job, or where folders are kept: what cannot start fails the step, and so does the summary."""
    assert runner.run(START, "Start runproxy", cassette="quickstart").returncode == 0
    ready = runner.temp / "runproxy" / "ready.json"
    with stopped_at_the_end(json.loads(ready.read_text(encoding="utf-8"))["pid"]):
        (runner.temp / "runproxy" / "usage.json").write_text('{"cassettes": {}}', encoding="utf-8")
        started = runner.run(START, "Start runproxy", arguments="--no-such-option")
        assert started.returncode == 1, started.stdout
        assert "--no-such-option" in started.stdout
        assert runner.run(SUMMARY, "Stop runproxy and summarise").returncode == 2
        assert not (runner.temp / "runproxy" / "usage.json").exists()


def test_a_proxy_that_has_died_is_told_as_that(runner: Runner) -> None:
    """As an annotation with what it has said, and no traceback."""
    assert runner.run(START, "Start runproxy", cassette="quickstart").returncode == 0
    work = runner.temp / "runproxy"
    pid = json.loads((work / "ready.json").read_text(encoding="utf-8"))["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not answers(runner), "the end of the proxy")
    ended = runner.run(SUMMARY, "Stop runproxy and summarise")
    (work / "ready.json").unlink()
    assert (ended.returncode, ended.stderr) == (2, "")
    assert ended.stdout.startswith("::error title=runproxy does not run::")
    assert (work / "log").read_text(encoding="utf-8") in ended.stdout


def test_a_proxy_that_does_not_stop_is_told_as_that(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the time that it is given; which recordings were used is then not known, and not told as all."""
    assert runner.run(START, "Start runproxy", cassette="quickstart").returncode == 0
    ready = runner.temp / "runproxy" / "ready.json"
    told = json.loads(ready.read_text(encoding="utf-8"))
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with (
        stopped_at_the_end(told["pid"]),
        subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as process,
        stopped_at_the_end(process.pid),
    ):
        assert process.stdout
        process.stdout.readline()
        ready.write_text(json.dumps({**told, "pid": process.pid}), encoding="utf-8")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(runner.temp / "GITHUB_STEP_SUMMARY"))
        monkeypatch.setattr(sys, "argv", ["summarise.py", str(ready.parent)])
        summarise = runpy.run_path(str(SUMMARY.with_name("summarise.py")))
        summarise["main"].__globals__["STOP_S"] = 0.2
        assert summarise["main"]() == 2
        ready.unlink()
    assert capsys.readouterr().out.startswith("::error title=runproxy does not stop::")
    assert "| recordings that answered no call | unknown |" in runner.read("GITHUB_STEP_SUMMARY")


@pytest.mark.parametrize(
    "arguments", [pytest.param("--quiet 'it", id="single"), pytest.param('--quiet "it', id="double")]
)
def test_arguments_with_a_quote_that_is_not_closed_fail_the_step(runner: Runner, arguments: str) -> None:
    """Nothing is started with a part of them."""
    started = runner.run(START, "Start runproxy", cassette="quickstart", arguments=arguments)
    assert started.returncode == 1
    assert started.stdout.startswith("::error title=runproxy does not start::arguments: ")
    assert "quote" in started.stdout
    assert not (runner.temp / "runproxy" / "ready.json").exists()


def test_arguments_are_words_and_no_script(runner: Runner) -> None:
    """Nothing in them is executed."""
    started = runner.run(START, "Start runproxy", arguments="$(touch owned) ; touch owned '--x y'")
    assert started.returncode == 1
    assert not (runner.workspace / "owned").exists()


def wheel_of_a_command(folder: Path) -> Path:
    """Make a package with a command runproxy, which can be installed without an index."""
    path = folder / "runproxy-0-py3-none-any.whl"
    about = "runproxy-0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("runproxy_stand_in.py", "def main():\n    print('installed')\n")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: runproxy\nVersion: 0\n")
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/entry_points.txt", "[console_scripts]\nrunproxy = runproxy_stand_in:main\n")
        wheel.writestr(f"{about}/RECORD", "")
    return path


def test_only_the_command_comes_onto_the_path(tmp_path: Path) -> None:
    """The python and pip of later steps stay those of the job; a second installation changes nothing."""
    (tmp_path / "runproxy").mkdir()
    runner = Runner(tmp_path, tmp_path)
    for _ in range(2):
        done = runner.run(START, "Install runproxy", python=sys.executable, package=str(wheel_of_a_command(tmp_path)))
        assert done.returncode == 0, done.stderr
    added = {Path(line) for line in runner.read("GITHUB_PATH").splitlines()}
    assert [path.name for folder in added for path in folder.iterdir()] == ["runproxy"]
    command = shutil.which("runproxy", path=os.pathsep.join(map(str, added)))
    assert command
    assert subprocess.run([command], check=True, capture_output=True, timeout=DEADLINE_S).stdout == b"installed\n"


@pytest.mark.slow
def test_the_action_installs_itself(tmp_path: Path) -> None:
    """Without an input, the version that the action is of."""
    (tmp_path / "runproxy").mkdir()
    runner = Runner(tmp_path, tmp_path)
    installed = runner.run(START, "Install runproxy", python=sys.executable)
    assert installed.returncode == 0, installed.stderr
    command = Path(runner.read("GITHUB_PATH").strip(), "runproxy")
    assert subprocess.run([command, "--version"], check=True, timeout=DEADLINE_S).returncode == 0
