"""`runproxy cassette scan`, the hooks for a commit, and the bar that shows progress."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cassettes.recordings import recording
from tests.cli.cassettes import COMMANDS, by_hand, cassette, put, run
from tests.cli.terminal import on_a_terminal

ROOT = Path(__file__).parents[2]
TOKEN = "sk-" + "a1B2" * 8
OPENAI = "what looks like a secret (OpenAI key)"
HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start in an empty folder."""
    monkeypatch.chdir(tmp_path)


def test_without_paths_the_cassettes_are_searched() -> None:
    """Each finding is a line with file, place and kind, never the secret; exit code 1."""
    put("good", recording())
    put("sub/bad", recording(), recording(got={"a": TOKEN}))
    Path("cassettes/notes.txt").write_text(f"first\n{TOKEN}\n", encoding="utf-8")
    Path("outside.txt").write_text(TOKEN, encoding="utf-8")
    result = cassette("scan")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"cassettes/notes.txt: line 2: {OPENAI}",
        f"cassettes/sub/bad.json: interactions[1].response.body.a: {OPENAI}",
    ]
    assert result.stderr == "2 findings in 3 files.\n"


def test_paths_are_files_and_folders() -> None:
    """With all that is below them, hidden files too, but not what git keeps; each file is searched once."""
    for path in ("a/.env", "a/b/c.txt", "a/.git/config", "d.txt"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(TOKEN, encoding="utf-8")
    result = cassette("scan", "a", "d.txt", "a/b/c.txt")
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == ["a/.env", "a/b/c.txt", "d.txt"]


def test_nothing_found_is_told() -> None:
    """Exit code 0, and nothing on stdout."""
    result = cassette("scan", str(put("good", recording())))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "Nothing found in 1 file.\n")


def test_machines_get_one_object() -> None:
    """With all findings and errors."""
    put("bad", recording(got={"a": TOKEN}))
    result = cassette("scan", "cassettes/bad.json", "none", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {
        "ok": False,
        "files": 1,
        "findings": [
            {"file": "cassettes/bad.json", "where": "interactions[0].response.body.a", "kind": OPENAI},
        ],
        "errors": ["none: cannot be read: No such file or directory."],
    }
    put("good")
    assert json.loads(cassette("scan", "cassettes/good.json", "--json").stdout) == {
        "ok": True,
        "files": 1,
        "findings": [],
        "errors": [],
    }


def test_credentials_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is searched for in every spelling, and named by its variable."""
    monkeypatch.setenv("FIRST_KEY", "made/up credential\n")
    monkeypatch.setenv("OTHER_KEY", "another credential")
    put("bad", recording(got={"a": "made%2Fup+credential", "b": ["another credential"]}))
    result = cassette("scan", "--secrets-from-env", "FIRST_KEY", "--secrets-from-env", "OTHER_KEY")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "cassettes/bad.json: interactions[0].response.body.a: the value of FIRST_KEY",
        "cassettes/bad.json: interactions[0].response.body.b[0]: the value of OTHER_KEY",
    ]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param(None, "MY_KEY is not set, or empty.", id="unset"),
        pytest.param("  ", "MY_KEY is not set, or empty.", id="blank"),
        pytest.param("short", "the value of MY_KEY has fewer than 8 characters", id="short"),
    ],
)
def test_a_credential_that_cannot_be_searched_for_is_told(
    value: str | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2: that nothing was found would say nothing."""
    if value is not None:
        monkeypatch.setenv("MY_KEY", value)
    put("good")
    result = cassette("scan", "--secrets-from-env", "MY_KEY")
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr


def test_a_cassette_that_cannot_be_read_is_searched_as_text() -> None:
    """Why is told on stderr."""
    path = put("bad", recording(got={"a": TOKEN}))
    path.write_bytes(path.read_bytes()[:-9])
    result = cassette("scan")
    assert result.exit_code == 1
    assert result.stdout.startswith("cassettes/bad.json: line ")
    assert "cassettes/bad.json: not valid JSON at line" in result.stderr
    assert "Searched as plain text." in result.stderr


def test_a_name_of_a_file_is_not_obeyed() -> None:
    """Control characters in it are spelled out."""
    Path("a\x1b[31m\n").write_text(TOKEN, encoding="utf-8")
    assert cassette("scan", ".").stdout == f"a\\x1b[31m\\x0a: line 1: {OPENAI}\n"


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: str(hook["id"]))
def test_every_hook_passes_what_is_good_and_stops_what_is_not(hook: dict[str, Any]) -> None:
    """Run as before a commit: the entry with the names of files behind it."""
    good, bad = {
        "runproxy-scan": (put("good", recording()), put("bad", recording(got={"a": TOKEN}))),
        "runproxy-format": (put("laid-out", recording()), put("edited", recording())),
        "runproxy-check": (Path("good.json"), Path("bad.json")),
    }[hook["id"]]
    if hook["id"] == "runproxy-format":
        by_hand(bad)
    if hook["id"] == "runproxy-check":
        good.write_text('{"user_id": "user_abc123"}', encoding="utf-8")
        bad.write_text('{"user_id": 1}', encoding="utf-8")
    entry = shlex.split(hook["entry"])
    assert run(*entry, str(good)).returncode == 0
    stopped = run(*entry, str(good), str(bad))
    assert stopped.returncode == 1
    assert f"{bad}: ".encode() in stopped.stdout


def test_the_hooks_are_those_that_are_documented() -> None:
    """Each has a name, and what it is run with; all are installed as the package is."""
    assert [hook["id"] for hook in HOOKS] == ["runproxy-scan", "runproxy-format", "runproxy-check"]
    assert all(hook["language"] == "python" and hook["name"] and hook["description"] for hook in HOOKS)


@pytest.mark.parametrize(
    ("args", "doing"),
    [
        pytest.param(["scan"], "Searching", id="scan"),
        pytest.param(["list"], "Reading", id="list"),
        pytest.param(["format"], "Laying out", id="format"),
    ],
)
def test_progress_is_shown_on_a_terminal_only(args: list[str], doing: str) -> None:
    """Somebody who watches sees a bar; a pipe gets results alone."""
    for name in "abc":
        put(name, recording())
    assert doing in on_a_terminal([str(COMMANDS / "runproxy"), "cassette", *args])
    piped = run("runproxy", "cassette", *args)
    assert piped.returncode == 0
    assert doing.encode() not in piped.stdout + piped.stderr
