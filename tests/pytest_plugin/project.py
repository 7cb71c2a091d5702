"""A person's project, in which pytest is run: tests that call through the plugin, and what came of it."""

import re
from pathlib import Path

import pytest

from tests.testing.calling import written

PLUGIN = ("-p", "runproxy.pytest_plugin")
"""Plugins are named, and not found by their entry points, so that what else is installed costs no time here."""

CALLING = """
import json, os, urllib.error, urllib.request
import pytest

def call(user="u", base_url=None):
    base_url = base_url or os.environ["OPENAI_BASE_URL"]
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ.get("OPENAI_API_KEY", "k")}
    body = json.dumps({"metadata": {"user_id": user}}).encode()
    request = urllib.request.Request(base_url + "/threads/thread_abc123/runs/run_abc123", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answered:
            return answered.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
"""
SETTINGS = """
[pytest]
filterwarnings =
    error
    ignore::pytest.PytestAssertRewriteWarning
"""
"""Some tests import the plugin themselves, so that pytest finds it loaded already."""


class Project:
    """Runs pytest in a folder of its own; `upstream` is what is recorded from."""

    def __init__(self, pytester: pytest.Pytester, upstream: str) -> None:
        self.pytester = pytester
        self.upstream = upstream
        self.folder = pytester.path / "cassettes"
        pytester.makeini(SETTINGS)

    def write(self, source: str, name: str = "test_calls") -> None:
        """Write a test module; it has `call`, which modifies a run and gives the status of the answer."""
        self.pytester.makepyfile(**{name: CALLING + source})

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in this process."""
        return self.pytester.runpytest_inprocess(*PLUGIN, *arguments)

    def run_apart(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in a process of its own, as pytest-xdist needs it."""
        return self.pytester.runpytest_subprocess(*PLUGIN, *arguments, timeout=120)

    def record(self, *arguments: str) -> pytest.RunResult:
        """Run pytest so that it records."""
        return self.run("--runproxy-mode=record", f"--runproxy-upstream={self.upstream}", *arguments)

    @property
    def cassettes(self) -> dict[str, bytes]:
        """All cassettes there are, by their names."""
        return written(self.folder)


def line_of(result: pytest.RunResult) -> str:
    """Give the summary line of the plugin; empty where there is none."""
    found = [line for line in result.outlines if line.startswith("runproxy: ") and "replayed" in line]
    assert len(found) <= 1
    return found[0] if found else ""


def names_of(folder: Path) -> list[str]:
    """Name the cassettes in a folder, without digests."""
    return [re.sub("~[0-9a-f]{8}", "~", name) for name in written(folder)]
