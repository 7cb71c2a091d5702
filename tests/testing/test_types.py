"""The public names as type checkers see them: a small file of a person's, under mypy and under pyright."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOOD = """
import os
from typing import Any

import pytest

import runproxy
from runproxy import Call, CassetteServer, CassetteSession, Miss


@pytest.fixture(scope="session")
def runproxy_config() -> dict[str, Any]:
    return {"mode": "auto"}


@pytest.fixture
def base_url(runproxy_server: CassetteServer) -> str:
    with runproxy_server.cassette("other", folder="tapes", match={"ignore_query": ["t"]}) as other:
        return other.base_url


@pytest.mark.runproxy("name", mode="replay")
def test_marked(runproxy: CassetteSession) -> None:
    runproxy.assert_all_played()


def test_plain(runproxy_env: CassetteSession) -> None:
    with runproxy.cassette("name", mode="record", upstream="http://127.0.0.1:1/v1", on_exhausted="cycle") as proxy:
        calls: list[Call] = proxy.calls
        misses: list[Miss] = proxy.misses
        text: str = proxy.base_url + proxy.url + calls[0].outcome + misses[0].message + runproxy.__version__
        assert text and os.fspath(proxy.path) and proxy.outcomes["replayed"] + 1


async def test_async() -> None:
    try:
        async with runproxy.cassette("name", policy={"required": ["team"]}) as proxy:
            proxy.assert_all_played()
    except (runproxy.CassetteFailure, runproxy.ConfigError, runproxy.CassetteError, runproxy.RunproxyError):
        raise
"""
BAD = """
import runproxy

with runproxy.cassette("name", mode="once") as proxy:
    proxy.assert_played()
count: int = proxy.base_url
runproxy.casette("name")
"""
MISTAKES = 4


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Write a file without mistakes, and one of nothing else."""
    good, bad = tmp_path / "test_good.py", tmp_path / "bad.py"
    good.write_text(GOOD, encoding="utf-8")
    bad.write_text(BAD, encoding="utf-8")
    return good, bad


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a checker."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=170, check=False)


@pytest.mark.slow
def test_mypy_knows_the_public_names(files: tuple[Path, Path], tmp_path: Path) -> None:
    """In strict mode nothing is wrong with the one, and all that is wrong with the other is found."""
    good, bad = files
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nmypy_path = {ROOT}\nfollow_imports = silent\n", encoding="utf-8")
    checked = run(sys.executable, "-m", "mypy", "--strict", str(good), str(bad), folder=tmp_path)
    found = [line for line in checked.stdout.splitlines() if ": error:" in line]
    assert (len(found), {line.partition(":")[0] for line in found}) == (MISTAKES, {bad.name}), checked.stdout


def test_pyright_knows_the_public_names(files: tuple[Path, Path], tmp_path: Path) -> None:
    """As mypy does."""
    pytest.importorskip("pyright", reason="pyright is not installed: pip install 'pyright[nodejs]'")
    good, bad = files
    (tmp_path / "pyrightconfig.json").write_text(
        f'{{"typeCheckingMode": "strict", "extraPaths": ["{ROOT}"], "include": ["{good}", "{bad}"]}}', encoding="utf-8"
    )
    checked = run(sys.executable, "-m", "pyright", "--pythonpath", sys.executable, folder=tmp_path)
    if "error: " not in checked.stdout and "0 errors" not in checked.stdout:
        assert shutil.which("node") is None, checked.stderr
        pytest.skip(f"pyright found no Node to run on: {checked.stderr[-200:]}")
    found = [line for line in checked.stdout.splitlines() if " - error: " in line]
    assert not [line for line in found if good.name in line], checked.stdout
    assert len([line for line in found if bad.name in line]) >= MISTAKES, checked.stdout
