"""`--quiet` and `NO_COLOR`: what is left unsaid, and what never is."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runproxy.cli import main
from tests.cassettes.recordings import recording
from tests.cli.cassettes import by_hand, put
from tests.cli.processes import COMMAND, serving
from tests.cli.terminal import on_a_terminal

TOKEN = "sk-" + "a1B2" * 8


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*args: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, args, input="{}")


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["check", "-"], id="check"),
        pytest.param(["cassette", "scan"], id="scan"),
        pytest.param(["cassette", "scan", "--format", "github"], id="scan-for-github"),
        pytest.param(["cassette", "format", "--check"], id="format"),
    ],
)
def test_where_all_is_well_nothing_is_told(args: list[str]) -> None:
    """Neither on stdout nor on stderr; the exit code says it."""
    put("good", recording())
    result = run(*args, "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def _two_recordings() -> None:
    put("a", recording(got={"a": 1}))
    put("b", recording(got={"a": 2}))


@pytest.mark.parametrize(
    ("prepare", "args", "told"),
    [
        pytest.param(lambda: None, ["check", "-", "--as", "metadata", "--policy", "no"], "no", id="error"),
        pytest.param(lambda: put("a", recording(got={"a": TOKEN})), ["cassette", "scan"], "OpenAI key", id="finding"),
        pytest.param(lambda: None, ["cassette", "scan", "none"], "none: cannot be read", id="unread"),
        pytest.param(
            lambda: by_hand(put("a", recording())), ["cassette", "format", "--check"], "not laid out", id="result"
        ),
        pytest.param(_two_recordings, ["cassette", "merge", "a", "b", "--into", "c"], "CONFLICT", id="conflict"),
    ],
)
def test_results_and_trouble_are_told_all_the_same(prepare: Callable[[], object], args: list[str], told: str) -> None:
    """And the exit code is what it is without `--quiet`."""
    prepare()
    loud, quiet = run(*args), run(*args, "-q")
    assert told in quiet.output
    assert quiet.exit_code == loud.exit_code != 0


def test_a_quiet_server_has_no_banner(tmp_path: Path) -> None:
    """Whoever starts it reads the ready file."""
    with serving(tmp_path, "replay", "--quiet") as server:
        assert server.stop() == 0
        assert server.stderr() == ""


@pytest.mark.parametrize("is_plain", [True, False], ids=["NO_COLOR", "colours"])
@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["cassette", "show", "a"], id="printed"),
    ],
)
def test_no_color_is_obeyed(args: list[str], is_plain: bool) -> None:
    """On a terminal there are colours unless the variable is set (no-color.org)."""
    put("a", recording())
    shown = on_a_terminal([COMMAND, *args], {"NO_COLOR": "1"} if is_plain else {})
    assert ("\x1b[3" in shown) != is_plain


@pytest.mark.parametrize("is_plain", [True, False], ids=["NO_COLOR", "colours"])
def test_the_log_has_no_colours_either(is_plain: bool) -> None:
    """Nor have its lines."""
    script = (
        "import structlog, runproxy.logs as l; l.configure_logs('info', 'console'); structlog.get_logger().info('told')"
    )
    shown = on_a_terminal([sys.executable, "-c", script], {"NO_COLOR": "1"} if is_plain else {})
    assert "told" in shown
    assert ("\x1b[" in shown) != is_plain
