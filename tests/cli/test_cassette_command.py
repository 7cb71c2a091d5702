"""`runproxy cassette`: listing, showing, and importing those of other tools."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from runproxy.cli import main
from tests.cassettes.recordings import recording, text_of

QUICKSTART = Path(__file__).parents[2] / "cassettes" / "quickstart.json"
RECORDED = """\
http_interactions:
- request:
    method: post
    uri: https://api.example.test/v1/threads/thread_abc123/runs/run_abc123
    body: {encoding: UTF-8, string: '{"metadata":{"team":"search"}}'}
    headers:
      Content-Type: [application/json]
      User-Agent: [made-up-agent/1]
  response:
    status: {code: 200, message: OK}
    headers:
      Content-Type: [application/json]
    body: {encoding: UTF-8, string: '{"id":"run_abc123"}'}
  recorded_at: Mon, 04 Nov 2024 10:11:12 GMT
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start in an empty folder, with a terminal wide enough for any row."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def cassette(*args: str) -> Result:
    """Run a sub-command of `runproxy cassette`."""
    return CliRunner().invoke(main, ["cassette", *args])


def put(name: str, old: str = "", new: str = "") -> Path:
    """Put the quickstart cassette into the folder, with one text in it replaced by another."""
    path = Path("cassettes") / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(QUICKSTART.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return path


def held(path: str) -> list[Any]:
    """Give the interactions in a cassette file."""
    interactions: list[Any] = json.loads(Path(path).read_text(encoding="utf-8"))["interactions"]
    return interactions


def test_list_tells_what_there_is() -> None:
    """One row per cassette, sorted by name, with count, size and the last date; sub-folders are part of the name."""
    put("b")
    (Path("cassettes") / "sub").mkdir()
    put("sub/a")
    put("empty").write_text('{"format": "runproxy/1", "interactions": []}', encoding="utf-8")
    result = cassette("list")
    size = str(QUICKSTART.stat().st_size)
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["cassette", "interactions", "bytes", "last", "recorded"],
        ["b", "1", size, "2024-11-04", "00:00"],
        ["empty", "0", "44"],
        ["sub/a", "1", size, "2024-11-04", "00:00"],
    ]


@pytest.mark.parametrize("exists", [pytest.param(True, id="empty"), pytest.param(False, id="missing")])
def test_list_of_a_folder_without_cassettes(exists: bool) -> None:
    """An empty folder and one that is not there are no mistake, and are told alike."""
    if exists:
        Path("held").mkdir()
    result = cassette("list", "--dir", "held")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No cassettes in held.\n")
    assert Path("held").exists() is exists


def test_list_goes_on_after_one_that_cannot_be_read() -> None:
    """The readable ones are listed too, the reason is on stderr, and the exit code is 1."""
    put("good")
    put("wrong", '"elapsed_ms": 74', '"elapsed_ms": ?')
    result = cassette("list")
    assert result.exit_code == 1
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:]] == [["good", "1"], ["wrong", "unreadable"]]
    assert result.stderr.startswith("Error: cassettes/wrong.json: not valid JSON at line 6, column 21 (offset 123)")


def test_show_prints_both_sides_of_every_call() -> None:
    """The request is marked with >, the answer with <, headers and bodies are readable."""
    put("held")
    result = cassette("show", "held")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "[0] POST /v1/threads/thread_abc123/runs/run_abc123  2024-11-04 00:00:00 UTC, 74 ms"
    assert lines[1:8] == [
        "> content-type: application/json",
        "> openai-beta: assistants=v2",
        "> {",
        '>   "metadata": {',
        '>     "user_id": "user_abc123"',
        ">   }",
        "> }",
    ]
    assert lines[8:12] == ["< 200", "< content-type: application/json", "< openai-version: 2020-10-01", "< {"]
    assert lines[-2:] == ["< }", ""]


def test_show_tells_the_coding_that_an_answer_came_in() -> None:
    """And what it says."""
    held = recording(got={"a": 1})
    Path("cassettes").mkdir()
    Path("cassettes/held.json").write_bytes(text_of([replace(held, response=replace(held.response, coding="br"))]))
    assert "\n< 200  in br\n" in cassette("show", "held").stdout


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("[bold]x[/]", id="markup"),
        pytest.param("[/nothing]", id="closing"),
        pytest.param(":eye:", id="emoji"),
    ],
)
def test_show_prints_recorded_text_as_it_is(value: str) -> None:
    """Text that a printer could take for its own markup is shown unchanged."""
    put("held", "user_abc123", value)
    result = cassette("show", "held")
    assert result.exit_code == 0
    assert f'>     "user_id": "{value}"' in result.stdout.splitlines()


STREAMED = """"chunks": [
          {"after_ms": 20, "text": "data: 1\\n\\n"},
          {"after_ms": 30, "text": "data: 2\\n\\n"}
        ]"""


def test_show_tells_the_pieces_of_a_stream_and_their_times() -> None:
    """Each below the time that passed before it."""
    path = put("held")
    document = json.loads(path.read_bytes())
    document["interactions"][0]["response"]["body"] = json.loads(f"{{{STREAMED}}}")
    path.write_text(json.dumps(document), encoding="utf-8")
    lines = cassette("show", "held").stdout.splitlines()
    assert lines[-9:] == ["< after 20 ms", "< data: 1", "< ", "< ", "< after 30 ms", "< data: 2", "< ", "< ", ""]


def test_show_shows_one_call_where_its_number_is_given() -> None:
    """As replies and `why` name it; another number is told with those that there are."""
    path = put("held")
    document = json.loads(path.read_bytes())
    document["interactions"] *= 3
    path.write_text(json.dumps(document), encoding="utf-8")
    lines = cassette("show", "held", "--interaction", "1").stdout.splitlines()
    assert [line for line in lines if line.startswith("[")] == [
        "[1] POST /v1/threads/thread_abc123/runs/run_abc123  2024-11-04 00:00:00 UTC, 74 ms"
    ]
    wrong = cassette("show", "held", "--interaction", "3")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert wrong.stderr == "Error: The cassette 'held' has 3 interactions, numbered 0 to 2, and no number 3.\n"


def test_show_does_not_wrap_long_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line stays one line, however narrow the terminal, so that output can be searched."""
    monkeypatch.setenv("COLUMNS", "40")
    put("held", "user_abc123", "word " * 50)
    assert f'>     "user_id": "{"word " * 50}"' in cassette("show", "held").stdout.splitlines()


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        pytest.param('"json": {\n            "metadata"', '"json": {\n            "metadata"', "> {", id="json"),
        pytest.param(
            """{
          "json": {
            "metadata": {
              "user_id": "user_abc123"
            }
          }
        }""",
            '{"text": "two\\nlines"}',
            "> lines",
            id="text",
        ),
        pytest.param(
            """{
          "json": {
            "metadata": {
              "user_id": "user_abc123"
            }
          }
        }""",
            '{"base64": "//79"}',
            "> \\xff\\xfe\\xfd",
            id="bytes",
        ),
    ],
)
def test_show_prints_any_body(old: str, new: str, shown: str) -> None:
    """Text is printed line by line, bytes that are no text are spelled out."""
    put("held", old, new)
    result = cassette("show", "held")
    assert result.exit_code == 0
    assert shown in result.stdout.splitlines()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param("hold", "There is no cassette 'hold' in cassettes. There are: held.", id="missing"),
        pytest.param("wrong", "cassettes/wrong.json: interactions[0].response.status: ", id="wrong"),
        pytest.param("newer", "cassettes/newer.json: format 'runproxy/2' was found", id="newer"),
    ],
)
def test_show_tells_what_it_cannot_read(name: str, told: str) -> None:
    """Exit code 2 with the name or the path, the place, and the nearest names."""
    put("held")
    if name != "hold":
        put("wrong", '"status": 200', '"status": "fine"')
        put("newer", "runproxy/1", "runproxy/2")
    result = cassette("show", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {told}")


@pytest.mark.parametrize(
    ("args", "path"),
    [
        pytest.param([], "cassettes/recorded.json", id="named-by-its-file"),
        pytest.param(["--cassette", "sub/other"], "cassettes/sub/other.json", id="named"),
        pytest.param(["--dir", "held"], "held/recorded.json", id="folder"),
    ],
)
def test_import_writes_a_cassette(args: list[str], path: str) -> None:
    """The interactions are in the cassette, which is named in the report, and can be shown."""
    Path("recorded.vcr.yml").write_text(RECORDED, encoding="utf-8")
    result = cassette("import", "vcr", "recorded.vcr.yml", *args)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [
        f"{path}: 1 interaction from api.example.test.",
        "Headers dropped: user-agent (1).",
    ]
    (interaction,) = held(path)
    assert interaction["recorded_at"] == "2024-11-04T10:11:12.000Z"
    assert interaction["request"]["path"] == "/v1/threads/thread_abc123/runs/run_abc123"
    assert interaction["response"]["body"] == {"json": {"id": "run_abc123"}}
    assert (
        cassette("show", path.partition("/")[2].removesuffix(".json"), "--dir", path.partition("/")[0]).exit_code == 0
    )


def test_import_leaves_an_existing_cassette_alone() -> None:
    """Exit code 2, the way out is told, and the file is as it was."""
    before = put("recorded").read_bytes()
    Path("recorded.yml").write_text(RECORDED, encoding="utf-8")
    result = cassette("import", "vcr", "recorded.yml")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: cassettes/recorded.json is there already, and was left alone. Choose another name with --cassette.\n"
    )
    assert Path("cassettes/recorded.json").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(None, "recorded.yml: cannot be read: No such file or directory.", id="missing"),
        pytest.param("a: b: c", "recorded.yml: cannot be read as YAML: ", id="no-yaml"),
        pytest.param("- a\n- b\n", "recorded.yml: no VCR cassette: ", id="no-cassette"),
        pytest.param(
            RECORDED.replace("200", "fine"), "recorded.yml: interaction 0: response.status.code: ", id="wrong"
        ),
    ],
)
def test_import_tells_what_it_cannot_read(text: str | None, told: str) -> None:
    """Exit code 2 with file and place, and no cassette comes to be."""
    if text is not None:
        Path("recorded.yml").write_text(text, encoding="utf-8")
    result = cassette("import", "vcr", "recorded.yml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {told}")
    assert not Path("cassettes").exists()


def test_import_into_a_folder_that_cannot_be_written() -> None:
    """Exit code 2 with the folder and the reason."""
    Path("recorded.yml").write_text(RECORDED, encoding="utf-8")
    Path("file").touch()
    result = cassette("import", "vcr", "recorded.yml", "--dir", "file/below")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: Cannot write to the cassette folder file/below: Not a directory.")


def test_import_tells_what_the_guard_would_refuse() -> None:
    """Recorded requests outside the limits are imported, and counted in the report."""
    Path("recorded.yml").write_text(RECORDED.replace('"search"', "1"), encoding="utf-8")
    result = cassette("import", "vcr", "recorded.yml")
    assert result.exit_code == 0
    assert "1 request that the guard refuses; in replay, the guard answers in their place." in result.stderr
    assert len(held("cassettes/recorded.json")) == 1


def test_import_tells_of_interactions_without_a_date() -> None:
    """They are counted in the report."""
    Path("recorded.yml").write_text(RECORDED.partition("  recorded_at")[0], encoding="utf-8")
    result = cassette("import", "vcr", "recorded.yml")
    assert "1 interaction without a date, dated now." in result.stderr


@pytest.mark.parametrize("name", ["q[bold]", "a[/b]"])
def test_list_prints_names_as_they_are(name: str) -> None:
    """Brackets and colons in a name are no markup."""
    put(name)
    result = cassette("list")
    assert result.exit_code == 0
    assert name in result.stdout


def test_show_gives_times_in_utc() -> None:
    """A time that was written with another offset is shown as the moment it is."""
    put("offset", "2024-11-04T00:00:00.000Z", "2024-11-04T00:00:00.000+02:00")
    assert "2024-11-03 22:00:00 UTC" in cassette("show", "offset").stdout
    assert "2024-11-03 22:00" in cassette("list").stdout


def test_show_does_not_obey_control_characters() -> None:
    """An escape sequence in a recorded text is spelled out, not sent to the terminal."""
    put("escape")
    path = Path("cassettes/escape.json")
    stored = json.loads(QUICKSTART.read_text())
    stored["interactions"][0]["response"]["body"] = {"text": "\u001b[31mred\u0007"}
    path.write_text(json.dumps(stored))
    shown = cassette("show", "escape").stdout
    assert "\\x1b[31mred\\x07" in shown
    assert "\u001b" not in shown


@pytest.mark.parametrize("args", [("show", "../x"), ("import", "vcr", "x.yml", "--cassette", "../x")], ids=str)
def test_a_name_that_leaves_the_folder_is_a_usage_error(args: tuple[str, ...]) -> None:
    """Exit code 2, and the rule for names."""
    result = cassette(*args)
    assert result.exit_code == 2
    assert "no cassette name" in result.stderr
