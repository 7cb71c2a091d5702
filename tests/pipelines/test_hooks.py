"""The hooks for pre-commit, run by pre-commit itself from a repository that has them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

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
        "runproxy-format": (Path("cassettes/edited.json"), lambda path: (put("edited", recording()), by_hand(path))),
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
