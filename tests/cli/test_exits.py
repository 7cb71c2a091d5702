"""Exit codes: what the documents say of them is what the code says, and what commands do."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import runproxy.audit.errors
import runproxy.guard.admission
import runproxy.sandbox.refusals  # noqa: F401 - these have errors of their own
from runproxy.cli import main
from runproxy.cli.exits import EXITS
from runproxy.errors import RunproxyError
from tests.cli.processes import COMMAND, DEADLINE_S, environment

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "shell.md").read_text(encoding="utf-8")

FULL = Path("/dev/full")
CASSETTES = Path(__file__).parents[2] / "cassettes"


def tree(top: type[RunproxyError] = RunproxyError) -> Iterator[type[RunproxyError]]:
    """List all classes of errors of the package."""
    if top.__module__.startswith("runproxy."):
        yield top
        for below in top.__subclasses__():
            yield from tree(below)


def test_the_documents_say_what_the_codes_mean() -> None:
    """In one table, in the words of the manual page."""
    assert {int(code): text for code, text in re.findall(r"^\| (\d) \| ([A-Z].*) \|$", PAGE, re.MULTILINE)} == EXITS


def test_every_error_stands_beside_its_code() -> None:
    """In the table of docs/howto/shell.md; so no error has a code that means nothing."""
    rows = re.findall(r"^\| (\d) \| (`.*) \|$", PAGE, re.MULTILINE)
    listed = {name: int(code) for code, names in rows for name in re.findall(r"`(\w+)`", names)}
    assert listed == {error.__name__: error.exit_code for error in tree() if not error.__name__.startswith("_")}
    assert {error.exit_code for error in tree()} <= EXITS.keys()


@pytest.mark.parametrize(
    ("args", "code"),
    [
        pytest.param(["--version"], 0, id="done"),
        pytest.param(["check", "-"], 1, id="found"),
        pytest.param(["cassette", "show", "none"], 2, id="cassette"),
        pytest.param(["config", "validate", "none.toml"], 2, id="config"),
        pytest.param(["audit", "summary"], 2, id="audit"),
        pytest.param(["why", "--admin-url", "http://127.0.0.1:9"], 2, id="no-proxy"),
        pytest.param(["no-such-command"], 2, id="usage"),
    ],
)
def test_commands_end_with_them(args: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As documented."""
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(main, args, input='{"a": 1}').exit_code == code


@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["--help"], id="help"),
        pytest.param(["cassette", "--help"], id="help-of-a-group"),
        pytest.param(["check", "-"], id="lines"),
        pytest.param(["check", "-", "--format", "sarif"], id="sarif"),
        pytest.param(["cassette", "schema"], id="text"),
        pytest.param(["cassette", "list", "--dir", str(CASSETTES)], id="table"),
    ],
)
def test_output_that_cannot_be_written_is_one_line(args: list[str]) -> None:
    """Exit code 2, and no traceback, neither of the command nor of what Python still holds back in the end."""
    with FULL.open("wb") as full:
        done = subprocess.run(
            [COMMAND, *args],
            input=b"{}",
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            timeout=DEADLINE_S,
            check=False,
        )
    assert done.stderr.decode() == "Error: the output cannot be written: No space left on device.\n"
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        pytest.param("http://127.0.0.1:9", "Connection refused", id="refused"),
        pytest.param("nonsense", "unknown url type: 'nonsense/api/misses'", id="no-url"),
        pytest.param("x://y", "unknown url type: x", id="no-http"),
    ],
)
def test_why_says_in_plain_words_that_nothing_runs(url: str, cause: str) -> None:
    """As the system does, without the names of classes."""
    told = CliRunner().invoke(main, ["why", "--admin-url", url]).stderr
    assert told.startswith(f"Error: No runproxy answers at {url} ({cause}). Is it running?")
