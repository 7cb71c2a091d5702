"""The files for pipelines that docs/howto/pipelines.md shows: valid, and their lines do what they say."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cassettes.recordings import recording
from tests.cli.cassettes import COMMANDS, put
from tests.cli.processes import DEADLINE_S, environment

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "howto" / "pipelines.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```yaml\n(.*?)```", PAGE, re.DOTALL))
CALL = """
import os, urllib.request

def test_call():
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    sent = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/a", BODY, HEADERS, method="METHOD")
    assert os.environ["OPENAI_API_KEY"]
    assert opener.open(sent, timeout=20).status == 200
"""


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        pytest.param(".github/workflows/test.yml", "vendor.github-workflows", id="github"),
        pytest.param(".gitlab-ci.yml", "vendor.gitlab-ci", id="gitlab"),
    ],
)
def test_files_are_valid(name: str, schema: str, tmp_path: Path) -> None:
    """By the schema of the service that reads them."""
    (path := tmp_path / "file.yml").write_text(FILES[name], encoding="utf-8")
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, path],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_inputs_that_are_shown_are_there() -> None:
    """An input that an action does not have would only be warned of."""
    steps: list[dict[str, Any]] = yaml.safe_load(FILES[".github/workflows/test.yml"])["jobs"]["test"]["steps"]
    own = [step for step in steps if step.get("uses", "").startswith("OWNER/runproxy")]
    assert len(own) == 2
    for step in own:
        folder = step["uses"].partition("@")[0].removeprefix("OWNER/runproxy").lstrip("/")
        known = yaml.safe_load((ROOT / folder / "action.yml").read_text(encoding="utf-8"))["inputs"]
        assert step.get("with", {}).keys() <= known.keys()


@pytest.mark.parametrize(
    ("path", "code", "unused"),
    [pytest.param("/a", 0, [], id="passed"), pytest.param("/b", 1, [0], id="failed")],
)
def test_the_lines_for_gitlab_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, code: int, unused: list[int]
) -> None:
    """All but the installation, as the runner evaluates them; the report is there, whatever became of the tests."""
    monkeypatch.chdir(tmp_path)
    put("quickstart", recording("/v1/a"))
    sent = recording("/v1/a").request
    test = CALL.replace("BODY", repr(sent.body or None)).replace("HEADERS", repr(dict(sent.headers.items())))
    Path("test_call.py").write_text(test.replace("METHOD", sent.method).replace("/a", path), encoding="utf-8")
    job = yaml.safe_load(FILES[".gitlab-ci.yml"])["test"]
    installation, *lines = job["before_script"] + job["script"]
    assert installation.startswith("pip install ")
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", f": | eval {shlex.quote(chr(10).join(lines))}"],
        env=environment({**job["variables"], "PATH": f"{COMMANDS}{os.pathsep}{os.environ['PATH']}"}),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert f"1 {'failed' if code else 'passed'}" in done.stdout
    (used,) = json.loads(Path("usage.json").read_text(encoding="utf-8"))["cassettes"].values()
    assert used["unused"] == unused
    assert not Path("ready.json").exists()


def test_the_lines_for_github_go_on_after_a_miss() -> None:
    """What is found is uploaded, which needs a permission, also where the step before it has failed."""
    workflow = yaml.safe_load(FILES[".github/workflows/test.yml"])
    assert workflow["permissions"]["security-events"] == "write"
    steps: list[dict[str, Any]] = workflow["jobs"]["test"]["steps"]
    summary = next(number for number, step in enumerate(steps) if "/summary@" in step.get("uses", ""))
    assert steps[summary]["if"] == "always()"
    assert len(steps[summary + 1 :]) == 2
    assert all(step["if"] == "${{ !cancelled() }}" for step in steps[summary + 1 :])
