"""`runproxy cassette diff`: shown to a person, and to a machine."""

import json
from pathlib import Path

import pytest

from tests.cassettes.recordings import recording
from tests.cli.cassettes import cassette, put, run, torn


@pytest.fixture(autouse=True)
def _two_cassettes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start in a folder with two cassettes that differ in everything."""
    monkeypatch.chdir(tmp_path)
    put("old", recording("/v1/a", {"n": 1, "at": 1}), recording("/v1/gone"), recording("/v1/a", {"n": 2}))
    put("new", recording("/v1/a", {"n": 1, "at": 2}), recording("/v1/come?x=1"), recording("/v1/a", status=500))


def test_each_difference_is_a_line() -> None:
    """Removed with -, added with +, changed with ~ and its fields below; exit code 1."""
    result = cassette("diff", "old", "new")
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.splitlines() == [
        "- [1] POST /v1/gone",
        "+ [1] POST /v1/come?x=1",
        "~ [0] POST /v1/a",
        "    response.body.at: 1 -> 2",
        "~ [2] POST /v1/a  (recording 2)",
        "    response.status: 200 -> 500",
        '    response.body: {"n": 2} -> (absent)',
        "1 call added, 1 call removed, 2 calls changed",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("old", "old", id="names"),
        pytest.param("old.json", "cassettes/old.json", id="name-with-suffix-and-path"),
        pytest.param("./cassettes/old.json", "old", id="dotted-path"),
    ],
)
def test_no_difference_says_nothing(before: str, after: str) -> None:
    """Exit code 0, for names and paths alike."""
    result = cassette("diff", before, after)
    assert (result.exit_code, result.output) == (0, "")


def test_what_is_ignored_makes_no_difference() -> None:
    """Each pointer counts, and only what is left is shown."""
    put("later", recording("/v1/a", {"n": 1, "at": 9, "data": [{"id": 1}]}), recording("/v1/gone"))
    put("now", recording("/v1/a", {"n": 1, "at": 8, "data": [{"id": 2}]}, seconds=9), recording("/v1/gone"))
    assert cassette("diff", "later", "now", "--ignore", "/at").exit_code == 1
    assert cassette("diff", "later", "now", "--ignore", "/at", "--ignore", "/data/*/id").exit_code == 0
    shown = cassette("diff", "later", "now", "--ignore", "/at", "--ignore", "/data/*/id", "--all").stdout
    assert "    elapsed_ms: 0 -> 9" in shown.splitlines()


def test_machines_get_one_object() -> None:
    """A side that has nothing there is left out, and pointers can be given back to --ignore."""
    result = cassette("diff", "old", "new", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["same"]) == (1, False)
    assert found["removed"] == [{"position": 1, "method": "POST", "target": "/v1/gone", "nth": 0}]
    assert [field for change in found["changed"] for field in change["fields"]] == [
        {"where": "response.body.at", "pointer": "/at", "before": 1, "after": 2},
        {"where": "response.status", "before": 200, "after": 500},
        {"where": "response.body", "pointer": "", "before": {"n": 2}},
    ]
    assert json.loads(cassette("diff", "old", "old", "--json").stdout) == {
        "same": True,
        "removed": [],
        "added": [],
        "changed": [],
    }


def test_recorded_text_is_not_obeyed_and_cut_when_it_is_long() -> None:
    """Control characters are spelled out, bytes that are no text too, and a long value says how long it is."""
    put("one", recording(got=b"\x1b[31m\xff\n"))
    put("two", recording(got={"a": "x" * 500}))
    shown = cassette("diff", "one", "two").stdout
    assert r'response.body: "\u001b[31m\udcff\n" -> {"a": "xxx' in shown
    assert "xxx… (509 characters)\n" in shown


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(["old", "olt"], "Error: There is no cassette 'olt' in cassettes. There are: old", id="missing"),
        pytest.param(["/no/x.json", "old"], "Error: There is no file /no/x.json. '/no/x.json' is no", id="no-file"),
        pytest.param(["old", "wrong"], "Error: cassettes/wrong.json: not valid JSON at line 1, column 2", id="no-json"),
        pytest.param(["old", "cassettes"], "Error: There is no cassette 'cassettes' in cassettes.", id="folder"),
        pytest.param(["old", "new", "--ignore", "at"], "--ignore: 'at' is no JSON pointer", id="no-pointer"),
        pytest.param(["old"], "Missing argument 'AFTER'.", id="one-only"),
    ],
)
def test_trouble_is_told(args: list[str], told: str) -> None:
    """Exit code 2, with what is wrong and where."""
    Path("cassettes/wrong.json").write_text("{?", encoding="utf-8")
    result = cassette("diff", *args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr


def test_a_cassette_can_come_from_a_pipe() -> None:
    """As `git show` gives one; nothing but the result is on stdout, also when the file is torn."""
    text = Path("cassettes/old.json").read_bytes()
    same = run("runproxy", "cassette", "diff", "/dev/stdin", "old", text=text)
    assert (same.returncode, same.stdout, same.stderr) == (0, b"", b"")
    torn(Path("cassettes/old.json"))
    result = run("runproxy", "cassette", "diff", "/dev/stdin", "old", "--json", text=text)
    assert result.returncode == 1
    assert [call["position"] for call in json.loads(result.stdout)["removed"]] == [2]
    assert b"torn tail ignored" in result.stderr
