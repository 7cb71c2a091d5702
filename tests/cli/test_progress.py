"""Bars for work that takes long: on a terminal alone, never among the results, and only where there is time for one."""

import contextlib
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.cassettes.recordings import recording
from tests.cli.cassettes import put
from tests.cli.processes import COMMAND, environment

LARGE = [recording(f"/v1/{number}", {"text": "x" * 30_000}) for number in range(40)]
OTHER = [*LARGE[1:], recording("/v1/other", {"text": "y"})]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start in an empty folder."""
    monkeypatch.chdir(tmp_path)


def at_a_terminal(*args: str) -> tuple[str, str]:
    """Run a command whose stderr is a terminal; give what it prints to stdout and what it shows there."""
    here, there = pty.openpty()
    command = [COMMAND, "cassette", *args]
    env = environment({"TERM": "xterm", "COLUMNS": "100"})
    with Path("printed").open("wb") as printed:
        process = subprocess.Popen(command, env=env, stdout=printed, stderr=there)
    os.close(there)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux tells that nobody holds the other end any more
        while piece := os.read(here, 4096):
            shown += piece
    os.close(here)
    process.wait(60)
    return Path("printed").read_text(encoding="utf-8"), shown.decode()


@pytest.mark.parametrize(
    ("args", "doing"),
    [
        pytest.param(["diff", "one", "two"], "Comparing", id="diff"),
        pytest.param(["merge", "one", "one", "two"], "Merging", id="merge"),
        pytest.param(["merge", "one", "two", "--into", "both"], "Putting together", id="put-together"),
        pytest.param(["split", "one", "--by", "path"], "Splitting", id="split"),
        pytest.param(["export", "har", "one"], "Exporting", id="export"),
        pytest.param(["list"], "Reading", id="list"),
        pytest.param(["scan"], "Searching", id="scan"),
        pytest.param(["format"], "Laying out", id="format"),
    ],
)
def test_a_bar_is_shown_at_a_terminal(args: list[str], doing: str) -> None:
    """What is printed for programs stays free of it."""
    put("one", *LARGE)
    put("two", *OTHER)
    printed, shown = at_a_terminal(*args)
    assert doing in shown
    assert doing not in printed
    assert "\x1b" not in printed


def test_nothing_is_drawn_for_what_is_done_at_once() -> None:
    """As for most cassettes."""
    put("one", *LARGE[:1])
    put("two", *OTHER[-1:])
    printed, shown = at_a_terminal("diff", "one", "two")
    assert ("1 call added, 1 call removed" in printed, shown) == (True, "")
