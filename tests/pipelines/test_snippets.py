"""The files for pipelines that docs/howto/pipelines.md shows: valid, and their lines do what they say."""

import json
import os
import re
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


def test_the_lines_for_gitlab_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the installation, as one script, in a repository with one test that makes the recorded call."""
    monkeypatch.chdir(tmp_path)
    put("quickstart", recording("/v1/a"))
    sent = recording("/v1/a").request
    test = CALL.replace("BODY", repr(sent.body or None)).replace("HEADERS", repr(dict(sent.headers.items())))
    Path("test_call.py").write_text(test.replace("METHOD", sent.method), encoding="utf-8")
    job = yaml.safe_load(FILES[".gitlab-ci.yml"])["test"]
    installation, *lines = job["before_script"] + job["script"]
    assert installation.startswith("pip install ")
    stop = 'kill "$(python -c \'import json; print(json.load(open("ready.json"))["pid"])\')"; wait'
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join([*lines, stop])],
        env=environment({"PATH": f"{COMMANDS}{os.pathsep}{os.environ['PATH']}"}),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert json.loads(Path("usage.json").read_text(encoding="utf-8"))["cassettes"]["quickstart"]["unused"] == []
