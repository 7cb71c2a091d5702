"""Versions of pytest: what the plugin needs of it, and what is left where that is not there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MARKED = "import pytest\n\n@pytest.mark.runproxy\ndef test_marked(): pass\n"
PLAIN = "def test_plain(): pass\n"


def run(folder: Path, change: str, test: str) -> tuple[int, str]:
    """Run a test in a process whose pytest was changed before the plugin is loaded."""
    (folder / "test_one.py").write_text(test, encoding="utf-8")
    code = (
        f"import sys, pytest; {change};"
        "sys.exit(pytest.main(['-p', 'runproxy.pytest_plugin', '-p', 'no:cacheprovider', 'test_one.py']))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_names_that_pytest_8_0_lacks_are_not_needed(tmp_path: Path) -> None:
    """`pytest.TerminalReporter` came with 8.4."""
    code, told = run(tmp_path, "vars(pytest).pop('TerminalReporter', None)", MARKED)
    assert code == pytest.ExitCode.OK, told


def test_an_older_pytest_runs_as_if_nothing_were_installed(tmp_path: Path) -> None:
    """But for one line that says what is needed."""
    code, told = run(tmp_path, "pytest.__version__ = '7.4.4'", PLAIN)
    assert code == pytest.ExitCode.OK, told
    assert told.count("runproxy: off: runproxy needs pytest 8.0 or newer, and this is 7.4.4") == 1


def test_an_older_pytest_runs_no_marked_test(tmp_path: Path) -> None:
    """It would call the real service."""
    code, told = run(tmp_path, "pytest.__version__ = '7.4.4'", MARKED)
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "test_one.py::test_marked: @pytest.mark.runproxy: runproxy needs pytest 8.0 or newer" in told
    assert "Traceback" not in told
