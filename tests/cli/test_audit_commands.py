"""`runproxy audit`: what people read, what programs read, and that no metadata harms either."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from runproxy.audit.store import AuditStore
from runproxy.cli import main
from tests.audit.calls import NOW_MS, call, entries, put, varied
from tests.cassettes.recordings import recording
from tests.cli.cassettes import put as put_cassette
from tests.parts import ADDRESS

HOSTILE = {
    "=cmd|' /C calc'!A0": "=HYPERLINK(1)",
    "<script>alert(1)</script>": "</td><b>",
    "\x1b[31mred\x07": "\x1b]0;title\x07\r\nsecond line",
    "\u202ertl": "\u2066isolate\u200f",
    "emoji": "\U0001f600" * 512,
}


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AuditStore]:
    """Run commands in a folder with a store at the default place, which holds something of every kind."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".runproxy").mkdir()
    store = varied(tmp_path / ".runproxy")
    yield store
    store.close()


def audit(*args: str) -> Result:
    """Run a sub-command of `runproxy audit`."""
    return CliRunner().invoke(main, ["audit", *args])


def printed(*args: str) -> str:
    """Run a sub-command that succeeds, and give what it prints."""
    result = audit(*args)
    assert result.exit_code == 0, result.output
    return result.stdout


def records(*args: str) -> Any:
    """Run a sub-command, and read the JSON that it prints."""
    return json.loads(printed(*args))


REPORTS = [
    pytest.param(("teams",), {"search", "ads", ""}, "team", id="teams"),
    pytest.param(("keys",), {"user", "env", "e-mail", "ticket"}, "key", id="keys"),
    pytest.param(("values", "user"), {"a", "b" * 500, "c"}, "value", id="values"),
    pytest.param(("new-keys", "--since", "2023-01-01"), {"user", "env", "e-mail", "ticket"}, "key", id="new-keys"),
    pytest.param(("coverage",), {"search", "ads", ""}, "team", id="coverage"),
    pytest.param(
        ("violations",), {"policy_near_limit", "policy_forbidden_shape", "policy_unknown_key"}, "code", id="violations"
    ),
    pytest.param(("search",), {"accepted", "warned", "refused"}, "decision", id="search"),
]


@pytest.mark.parametrize(("args", "expected", "name"), REPORTS)
def test_every_list_comes_in_every_form(args: tuple[str, ...], expected: set[str], name: str) -> None:
    """A table for people; JSON, JSON lines and CSV hold the same rows."""
    table = printed(*args)
    rows = records(*args, "--format", "json")
    lines = [json.loads(line) for line in printed(*args, "--format", "jsonl").splitlines()]
    sheet = list(csv.DictReader(io.StringIO(printed(*args, "--format", "csv"))))
    assert {row[name] for row in rows} == expected
    assert lines == rows
    assert [row[name] for row in sheet] == [row[name] for row in rows]
    assert len(table.splitlines()) == len({row["team"] for row in rows} if args == ("coverage",) else rows) + 1


def test_the_summary_tells_all_in_figures() -> None:
    """Calls by decision and outcome, and who is near a limit."""
    found = records("summary", "--json")
    assert found["calls"] == 6
    assert found["decisions"] == {"accepted": 4, "warned": 1, "refused": 1}
    assert found["outcomes"] == {"forwarded": 3, "refused": 1, "failed": 1, "unknown": 1}
    assert found["nearness"] == [{"limit": "value", "of": 512, "team": "ads", "key": "user", "most": 500, "near": 1}]
    text = printed("summary")
    assert "calls                  6   2023-11-12 22:13:20 to 2023-11-14 22:13:20 UTC" in text
    assert "3 forwarded" in text
    assert "value         ads   user   500  512              1" in text


def test_an_answer_of_nothing_is_an_empty_one() -> None:
    """Programs get what they can read; people are told."""
    assert records("keys", "--team", "nobody", "--format", "json") == []
    assert printed("keys", "--team", "nobody", "--format", "csv").splitlines() == [
        "key,calls,teams,longest,near,first,last"
    ]
    result = audit("coverage", "--team", "nobody")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "Nothing of that kind.\n")


def test_coverage_is_a_matrix_of_shares() -> None:
    """Teams by keys, in percent of the team's calls."""
    lines = printed("coverage").splitlines()
    assert lines[0].split() == ["team", "calls", "user", "e-mail", "env", "ticket"]
    assert [line.split() for line in lines[1:]] == [
        ["(unknown)", "2", "50%", "50%", "-", "-"],
        ["ads", "2", "50%", "-", "-", "-"],
        ["search", "2", "100%", "-", "50%", "50%"],
    ]


def test_a_search_tells_how_to_go_on() -> None:
    """The cursor of the last call leads to the next ones."""
    first = audit("search", "--limit", "4", "--format", "jsonl")
    cursor = first.stderr.strip().removeprefix("There may be more: --before ")
    rest = printed("search", "--limit", "4", "--before", cursor, "--format", "jsonl")
    found = [json.loads(line)["seq"] for line in (first.stdout + rest).splitlines()]
    assert len(found) == len(set(found)) == 6


def test_filters_are_the_same_everywhere() -> None:
    """By time, team, key, pair, decision, route and id."""

    def count(*args: str) -> int:
        return len(records("search", "--format", "json", *args))

    assert count("--since", "2023-11-14T00:00") == 3
    assert count("--until", "2023-11-13") == 1
    assert count("--team", "-") == 2
    assert count("--key", "ticket") == 1
    assert count("--where", "user=a", "--where", "env=test") == 1
    assert count("--decision", "refused") == 1
    assert count("--route", "create_run") == 1
    assert count("--about", "req_1") == 6


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(("summary", "--since", "soon"), "since: 'soon' is neither a span", id="time"),
        pytest.param(("keys", "--where", "user"), "KEY=VALUE was expected", id="pair"),
        pytest.param(("teams", "--decision", "no"), "decision: 'no' is none of", id="decision"),
        pytest.param(("search", "--before", "x"), "cursor: 'x' is none that was given out", id="cursor"),
        pytest.param(("verify", "--head", "x"), "is no head such as", id="head"),
        pytest.param(("prune", "--older-than", "long"), "--older-than: a number and one of", id="age"),
        pytest.param(("keys", "--store", "none.db"), "none.db: there is no audit store", id="store"),
        pytest.param(("export", "--into", "a", "--team", "x"), "no selection of it", id="selection"),
        pytest.param(("export", "--format", "parquet"), "needs a file: -o FILE", id="parquet"),
        pytest.param(("export", "-o", "none/x"), "cannot be written", id="output"),
        pytest.param(("simulate", "--policy", "none.toml"), "none.toml: cannot be read", id="policy"),
        pytest.param(("import-cassettes", "none"), "none: there is no such folder", id="cassettes"),
    ],
)
def test_what_cannot_be_done_is_told(args: tuple[str, ...], told: str) -> None:
    """Exit code 2, and what to do."""
    result = audit(*args)
    assert result.exit_code == 2
    assert told in result.stderr
    assert "Traceback" not in result.output


def test_hostile_metadata_harms_no_terminal(store: AuditStore) -> None:
    """What a terminal would obey, and what turns text round, is spelled out, in every table and line."""
    put(store, entries(call(HOSTILE, at_ms=NOW_MS + 1, team="evil", decision="refused", broken=["invalid_type"])))
    texts = [
        printed(*args)
        for args in (
            ("keys",),
            ("search",),
            ("coverage", "--keys", "20"),
            ("tail",),
            ("new-keys", "--since", "2023-01-01"),
        )
    ]
    texts += [printed("values", key) for key in HOSTILE]
    for text in texts:
        assert not set(text) & set("\x1b\x07\r\u202e\u2066\u200f")
    assert "\\x1b[31mred\\x07" in texts[0]
    assert "\\u202ertl" in texts[0]
    assert "<script>alert(1)</script>" in texts[0]
    assert all(len(line) < 400 for text in texts for line in text.splitlines())


def test_no_spreadsheet_takes_metadata_for_a_formula(store: AuditStore) -> None:
    """In CSV such texts begin with an apostrophe; JSON holds what was written."""
    put(store, entries(call(HOSTILE, at_ms=NOW_MS + 1, team="evil")))
    rows = list(csv.DictReader(io.StringIO(printed("export", "--team", "evil", "--format", "csv", "--pairs"))))
    assert [(row["key"], row["value"]) for row in rows][:2] == [
        ("'=cmd|' /C calc'!A0", "'=HYPERLINK(1)"),
        ("<script>alert(1)</script>", "</td><b>"),
    ]
    lines = printed("export", "--team", "evil", "--pairs").splitlines()
    assert {row["key"]: row["value"] for row in map(json.loads, lines)} == HOSTILE
    for command in (("keys",), ("values", "=cmd|' /C calc'!A0"), ("coverage",)):
        sheet = csv.reader(io.StringIO(printed(*command, "--format", "csv")))
        assert not [cell for row in sheet for cell in row if cell.startswith(("=", "+", "@", "\t", "\r"))]


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_an_export_holds_all_calls_the_oldest_first(form: str, tmp_path: Path) -> None:
    """Into a file or to standard output, the same text."""
    text = printed("export", "--format", form)
    assert printed("export", "--format", form, "-o", "out") == ""
    assert (tmp_path / "out").read_text(encoding="utf-8") == text
    if form == "csv":
        found: list[Any] = list(csv.DictReader(io.StringIO(text)))
    else:
        found = json.loads(text) if form == "json" else [json.loads(line) for line in text.splitlines()]
    assert [int(row["seq"]) for row in found] == [1, 3, 7, 9, 5, 10]


def test_an_export_of_nothing_is_valid_too() -> None:
    """An empty array, no line, a head."""
    assert printed("export", "--team", "nobody", "--format", "json") == "[]\n"
    assert printed("export", "--team", "nobody") == ""
    assert printed("export", "--team", "nobody", "--format", "csv").startswith("seq,time,")


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    """Numbers are numbers there, and other readers take it."""
    parquet = pytest.importorskip("pyarrow.parquet")
    printed("export", "--format", "parquet", "-o", "calls.parquet")
    printed("export", "--format", "parquet", "--pairs", "-o", "pairs.parquet")
    calls, pairs = (parquet.read_table(tmp_path / name).to_pylist() for name in ("calls.parquet", "pairs.parquet"))
    assert [row["seq"] for row in calls] == [1, 3, 7, 9, 5, 10]
    assert [row["status"] for row in calls] == [200, 200, 200, None, 400, 502]
    assert [(row["key"], row["chars"]) for row in pairs][:2] == [("user", 1), ("env", 4)]


def test_what_a_proxy_writes_is_followed(store: AuditStore, tmp_path: Path) -> None:
    """`tail --follow` prints the latest calls, then each as it is written, until it is interrupted."""
    command = [str(Path(sys.executable).with_name("runproxy")), "audit", "tail", "-f", "-n", "1", "--format", "jsonl"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        first = json.loads(process.stdout.readline())
        put(store, entries(call({"fresh": "x"}, at_ms=NOW_MS + 5)))
        second = json.loads(process.stdout.readline())
        process.terminate()
    assert first["route"] == "create_run"
    assert second["pairs"][0]["key"] == "fresh"


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_the_latest_calls_come_in_the_forms_of_an_export(form: str) -> None:
    """They are its last lines."""
    text, whole = printed("tail", "-n", "2", "--format", form), printed("export", "--format", form)
    if form == "json":
        assert json.loads(text) == json.loads(whole)[-2:]
    else:
        assert text.splitlines()[-2:] == whole.splitlines()[-2:]
        assert len(text.splitlines()) == 2 + (form == "csv")


def test_an_array_is_not_followed() -> None:
    """It would never end."""
    result = audit("tail", "--follow", "--format", "json")
    assert result.exit_code == 2
    assert "use jsonl" in result.stderr


def test_verify_proves_and_names_the_head(store: AuditStore) -> None:
    """Exit code 0 and the head, which proves the same later; 1 and the entry that was changed."""
    text = printed("verify")
    assert text.startswith("Nothing was changed or removed in 12 entries of 6 calls.")
    head = text.splitlines()[-1].removeprefix("head ")
    assert records("verify", "--head", head, "--json")["ok"] is True
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE events SET team = 'x' WHERE seq = 3")
    result = audit("verify", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"][0] == "event 3: was changed"
    assert "event 3: was changed\n" in audit("verify").stdout


def test_pruning_goes_in_step_with_exports(store: AuditStore, tmp_path: Path) -> None:
    """What is not in the archive is not removed; afterwards both prove themselves, and each other."""
    refused = audit("prune", "--older-than", "1d", "--require-export", "archive")
    assert refused.exit_code == 2
    assert "Export them first: runproxy audit export --into archive" in refused.stderr
    assert "12 entries exported" in audit("export", "--into", "archive").stderr
    assert printed("prune", "--older-than", "1d", "--dry-run") == "6 calls would be removed.\n"
    text = printed("prune", "--older-than", "1d", "--require-export", "archive", "--vacuum")
    assert text.startswith("6 calls removed, up to entry 10:")
    assert records("summary", "--json")["calls"] == 0
    assert "1 entries exported" in audit("export", "--into", "archive").stderr
    assert records("verify", "--archive", "archive", "--json")["ok"] is True
    assert printed("prune", "--older-than", "1d") == "There is nothing to remove.\n"


def test_a_broken_archive_is_told_of() -> None:
    """By `verify`, and by `prune`, which removes nothing then."""
    audit("export", "--into", "archive")
    (path,) = Path("archive").iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    verdict = audit("verify", "--archive", "archive")
    assert (verdict.exit_code, "cannot be read as an archive" in verdict.stdout) == (1, True)
    assert audit("prune", "--older-than", "1d", "--require-export", "archive").exit_code == 2
    assert records("summary", "--json")["calls"] == 6


@pytest.mark.parametrize("is_there", [False, True])
def test_an_archive_without_a_file_proves_nothing(tmp_path: Path, *, is_there: bool) -> None:
    """Whoever names a wrong folder is not told that all is well."""
    if is_there:
        (tmp_path / "none").mkdir()
    verdict = audit("verify", "--archive", str(tmp_path / "none"))
    assert (verdict.exit_code, "holds no file of an archive" in verdict.stdout) == (1, True)


@pytest.mark.parametrize(
    "option",
    [
        *(("--since", "7d"), ("--until", "7d"), ("--team", "x"), ("--key", "x"), ("--where", "a=b")),
        *(("--decision", "refused"), ("--route", "x"), ("--about", "x")),
    ],
)
def test_an_archive_takes_no_selection(option: tuple[str, str]) -> None:
    """Any part of a filter is refused, for a chain with gaps proves nothing."""
    assert audit("export", "--into", "archive", *option).exit_code == 2
    assert not Path("archive").exists()


def test_cassettes_are_audited_after_the_fact(tmp_path: Path) -> None:
    """Their calls to guarded routes, as of when they were recorded, judged by the rules of today, and only once."""
    good = recording(ADDRESS, {"id": "run_1"}, sent={"metadata": {"user": "a"}}, seconds=1)
    bad = recording(ADDRESS, {"id": "run_1"}, sent={"metadata": {"n": 1}}, seconds=2)
    put_cassette("search/first", good, bad, recording("/v1/elsewhere"), folder="tapes")
    Path("runproxy.toml").write_text('[attribution.teams.search]\nprojects = ["p"]\n', encoding="utf-8")
    assert printed("import-cassettes", "tapes", "--store", "new.db") == "2 calls of 1 cassette written down.\n"
    assert printed("import-cassettes", "tapes", "--store", "new.db") == "0 calls of 1 cassette written down.\n"
    rows = records("search", "--store", "new.db", "--format", "json")
    assert [(row["request_id"], row["team"], row["mode"], row["decision"]) for row in rows] == [
        ("search/first[1]", "search", "imported", "refused"),
        ("search/first[0]", "search", "imported", "accepted"),
    ]
    assert rows[1]["time"] == good.recorded_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    Path("tapes/broken.json").write_text("{", encoding="utf-8")
    result = audit("import-cassettes", "tapes", "--store", "new.db")
    assert (result.exit_code, "broken.json" in result.stderr) == (1, True)
