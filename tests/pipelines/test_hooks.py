"""The hooks for pre-commit, run by pre-commit itself from a repository that has them."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.cassettes.recordings import recording
from tests.cli.cassettes import by_hand, put
from tests.cli.processes import environment

ROOT = Path(__file__).parents[2]
TOKEN = "sk-" + "a1B2" * 8
INSTALLED_S = 300


def git(*args: str) -> None:
    """Run git in the current folder, as nobody in particular."""
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    subprocess.run(["git", *args], check=True, capture_output=True, env={**os.environ, **who}, timeout=60)


def hook(tmp_path: Path, name: str) -> "subprocess.CompletedProcess[str]":
    """Run one hook on all files, as before a commit; the first run installs runproxy for all of them."""
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", name, "--all-files", "--verbose"],
        env=environment({"PRE_COMMIT_HOME": str(tmp_path / "store")}),
        capture_output=True,
        text=True,
        timeout=INSTALLED_S,
        check=False,
    )


@pytest.mark.parametrize(
    ("path", "is_looked_at"),
    [
        pytest.param("cassettes/a.json", True, id="at-the-root"),
        pytest.param("cassettes/sub/a.json", True, id="below"),
        pytest.param("tests/cassettes/test_a/test_b.json", True, id="of-pytest"),
        pytest.param("old-cassettes/a.json", False, id="another-name"),
        pytest.param("cassettes/a.yaml", False, id="no-json"),
    ],
)
def test_cassettes_are_looked_at_wherever_their_folder_is(path: str, is_looked_at: bool) -> None:
    """pytest puts them beside the tests."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    (files,) = (found["files"] for found in hooks if found["id"] == "runproxy-format")
    assert bool(re.search(files, path)) == is_looked_at


@pytest.mark.slow
def test_hooks_stop_what_they_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret, a cassette laid out by hand, and metadata that the settings file forbids; and nothing else."""
    (folder := tmp_path / "repository").mkdir()
    monkeypatch.chdir(folder)
    git("init", "--quiet")
    ref = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)
    ids = "".join(f"      - id: {name}\n" for name in ("runproxy-scan", "runproxy-format", "runproxy-check"))
    wanted = f"repos:\n  - repo: {ROOT}\n    rev: {ref.stdout.strip()}\n    hooks:\n{ids}"
    Path(".pre-commit-config.yaml").write_text(wanted, encoding="utf-8")
    put("good", recording())
    Path("metadata").mkdir()
    Path("metadata/good.json").write_text('{"team": "search"}', encoding="utf-8")
    Path("runproxy.toml").write_text('[policy]\nrequired = ["team"]\n', encoding="utf-8")
    git("add", ".")
    spoilers: dict[str, tuple[Path, Callable[[Path], object]]] = {
        "runproxy-scan": (Path("cassettes/bad.json"), lambda _: put("bad", recording(got={"a": TOKEN}))),
        "runproxy-format": (
            Path("tests/cassettes/edited.json"),
            lambda path: (put("edited", recording(), folder=str(path.parent)), by_hand(path)),
        ),
        "runproxy-check": (Path("metadata/bad.json"), lambda path: path.write_text("{}", encoding="utf-8")),
    }
    for name, (path, spoil) in spoilers.items():
        passed = hook(tmp_path, name)
        assert passed.returncode == 0, passed.stdout + passed.stderr
        spoil(path)
        git("add", ".")
        stopped = hook(tmp_path, name)
        assert stopped.returncode == 1, stopped.stdout + stopped.stderr
        assert str(path) in stopped.stdout
        assert "good" not in stopped.stdout.replace("metadata/good.json: within limits", "")
        assert TOKEN not in stopped.stdout
        path.unlink()
        git("add", ".")
