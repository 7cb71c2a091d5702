"""What `check` and `cassette scan` print for other tools: SARIF, and annotations of GitHub Actions."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif

from runproxy import strictjson
from runproxy.cli import main
from runproxy.cli.findings import RULES, Finding, steps_of
from runproxy.cli.findings.github import as_annotations
from runproxy.cli.findings.sarif import FINGERPRINT, as_sarif, uri_of
from runproxy.positions import Position
from tests.cassettes.recordings import recording
from tests.cli.cassettes import put

PACKAGE = Path(__file__).parents[2] / "runproxy"
TOKEN = "sk-" + "a1B2" * 8
JUDGING = ("metadata.py", "violations.py", "policy/*.py", "guard/judge.py", "routes/pointers.py", "routes/route.py")
"""The modules that say what is wrong with a file that `check` is given, beside the strict reader."""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*args: str, text: str = "") -> Result:
    """Run the command."""
    return CliRunner().invoke(main, args, input=text)


def sarif(*args: str, text: str = "") -> dict[str, Any]:
    """Run a command and give the one run of its log, which is held against SARIF's schema."""
    log = json.loads(run(*args, "--format", "sarif", text=text).stdout)
    Sarif.model_validate(log)
    (found,) = log["runs"]
    assert isinstance(found, dict)
    return found


def places(results: list[dict[str, Any]]) -> list[tuple[str, str, int, int]]:
    """Give rule, file, line and column of each result."""
    found = []
    for result in results:
        physical = result["locations"][0]["physicalLocation"]
        region = physical["region"]
        found.append(
            (result["ruleId"], physical["artifactLocation"]["uri"], region["startLine"], region["startColumn"])
        )
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{\n "a": "b",\n "c": 1\n}', [("invalid_type", 3, 2)], id="metadata"),
        pytest.param('{"metadata": {\n  "a.b": 1}}', [("invalid_type", 2, 3)], id="a-dot-in-a-key"),
        pytest.param('{"metadata": {},\n"x": 1}', [("unknown_parameter", 2, 1)], id="body"),
        pytest.param("[]", [("invalid_type", 1, 1)], id="no-object"),
        pytest.param('{\n"a": }', [("invalid_json", 2, 6)], id="no-json"),
        pytest.param('{"a":\n NaN}', [("invalid_json", 2, 2)], id="not-a-number"),
        pytest.param('{"a":\n "\\ud800"}', [("invalid_json", 2, 3)], id="lone-surrogate"),
        pytest.param("[" * 63 + "\n[[]]" + "]" * 63, [("nesting_too_deep", 2, 2)], id="too-deep"),
        pytest.param("[" * 5000, [("invalid_json", 1, 1026)], id="far-too-deep"),
        pytest.param('{\n"a": "1",\n"a": "2"}', [("duplicate_name", 1, 1)], id="twice"),
        pytest.param('{"a":\n 1e999}', [("number_out_of_range", 1, 2)], id="out-of-range"),
        pytest.param(
            json.dumps({"k" * 65: "v" * 513}),
            [("property_name_above_max_length", 1, 2), ("string_above_max_length", 1, 2)],
            id="two",
        ),
    ],
)
def test_violations_have_lines_and_columns(text: str, expected: list[tuple[str, int, int]]) -> None:
    """Of a member it is the place of its name."""
    Path("a b.json").write_text(text, encoding="utf-8")
    assert places(sarif("check", "a b.json")["results"]) == [
        (rule, "a%20b.json", line, column) for rule, line, column in expected
    ]


def test_warnings_are_told_as_such() -> None:
    """A rule that only warns is of the level warning, and the command ends with code 0."""
    Path("policy.toml").write_text('required = ["team"]\naction = "warn"', encoding="utf-8")
    found = sarif("check", "-", "--policy", "policy.toml", text="{}")["results"]
    assert [(result["ruleId"], result["level"]) for result in found] == [("policy_missing_key", "warning")]
    assert found[0]["locations"] == [{"logicalLocations": [{"fullyQualifiedName": "metadata.team"}]}]


def test_secrets_are_told_by_place_and_never_told() -> None:
    """In cassettes and in other files, with the rule, its help, and lines and columns."""
    put("bad", recording(), recording(got={"a": [1, TOKEN]}), recording(f"/v1/a?x={TOKEN}"))
    put("opaque", recording(got=b"\x8b?", headers=[("content-encoding", "br")]))
    Path("cassettes/notes é.txt").write_text(f"first\n{TOKEN}\n", encoding="utf-8")
    result = run("cassette", "scan", "--format", "sarif")
    assert result.exit_code == 1
    assert TOKEN not in result.output
    found = sarif("cassette", "scan")
    lines = Path("cassettes/bad.json").read_text(encoding="utf-8").split("\n")
    told = places(found["results"])
    assert [(rule, uri) for rule, uri, _, _ in told] == [
        ("secret_found", "cassettes/bad.json"),
        ("secret_found", "cassettes/bad.json"),
        ("secret_found", "cassettes/notes%20%C3%A9.txt"),
        ("opaque_body", "cassettes/opaque.json"),
    ]
    first, second = ((line, column) for _, _, line, column in told[:2])
    assert lines[first[0] - 1][first[1] - 1 :].startswith(f'"{TOKEN}"')
    assert lines[second[0] - 1][second[1] - 1 :].startswith('"query"')
    assert told[2][2:] == (2, 1)
    assert [rule["id"] for rule in found["tool"]["driver"]["rules"]] == ["opaque_body", "secret_found"]
    assert all(rule["help"]["text"] for rule in found["tool"]["driver"]["rules"])


@pytest.mark.parametrize(
    "command", [pytest.param(("cassette", "scan"), id="scan"), pytest.param(("check",), id="check")]
)
def test_what_could_not_be_read_is_told_in_the_log(command: tuple[str, ...]) -> None:
    """The run has not succeeded, and the exit code is 2; what was found elsewhere is told."""
    Path("bad.json").write_text(f'{{"a": 1, "b": "{TOKEN}"}}', encoding="utf-8")
    assert run(*command, "none", "--format", "sarif").exit_code == 2
    log = sarif(*command, "bad.json", "none")
    assert len(log["results"]) == 1
    (invocation,) = log["invocations"]
    assert not invocation["executionSuccessful"]
    assert invocation["toolExecutionNotifications"][0]["message"]["text"].startswith("none: cannot be read")


def test_nothing_found_is_a_log_too() -> None:
    """Code scanners close what an empty log no longer lists."""
    put("good", recording())
    assert sarif("cassette", "scan")["results"] == []


def test_fingerprints_outlive_what_stands_before_a_finding() -> None:
    """Another interaction before it, and other lines, change nothing; another place does."""

    def prints(*interactions: Any) -> list[str]:
        put("bad", *interactions)
        return [result["partialFingerprints"][FINGERPRINT] for result in sarif("cassette", "scan")["results"]]

    secret = recording(got={"a": TOKEN})
    before = prints(secret)
    assert prints(recording(), secret) == before
    assert prints(recording(got={"b": TOKEN})) != before
    twice = prints(secret, secret)
    assert twice[0] == before[0]
    assert twice[0] != twice[1]


def test_files_elsewhere_have_whole_addresses(tmp_path: Path) -> None:
    """Those below the current folder are relative, however they are named."""
    assert uri_of(str(tmp_path / "a" / "b#%.json")) == uri_of("./a/../a/b#%.json") == "a/b%23%25.json"
    assert uri_of("../x y.json") == f"file://{tmp_path.parent}/x%20y.json"


@pytest.mark.parametrize(
    ("named", "told"),
    [
        pytest.param("../{here}/sub/a.json", "sub/a.json", id="by-way-of-the-folder-above"),
        pytest.param("{folder}/./a.json", "a.json", id="absolute"),
        pytest.param("../other/a.json", "{above}/other/a.json", id="elsewhere"),
    ],
)
def test_annotations_name_files_as_the_runner_finds_them(tmp_path: Path, named: str, told: str) -> None:
    """From the current folder, or as a whole path, which the runner makes one of the repository."""
    known = {"here": tmp_path.name, "folder": tmp_path, "above": tmp_path.parent}
    (line,) = as_annotations([Finding("invalid_type", "error", named.format(**known), "wrong")])
    assert line.startswith(f"::error file={told.format(**known)},title=")


def test_annotations_are_workflow_commands() -> None:
    """One line each, in which nothing ends the command early."""
    found = [
        Finding("invalid_type", "error", "a,b:c%.json", "100%\nwrong", "metadata.a", Position(2, 5)),
        Finding("policy_near_limit", "warning", "-", "near"),
    ]
    assert list(as_annotations(found)) == [
        (
            "::error file=a%2Cb%3Ac%25.json,line=2,col=5,title=A value is of the wrong type::"
            "invalid_type: 100%25%0Awrong (metadata.a)"
        ),
        "::warning title=The metadata is near a limit of the API::policy_near_limit: near",
    ]
    assert run("check", "-", "--format", "github", text='{"a": 1}').stdout.startswith("::error title=")


@given(st.text(), st.text(), st.text())
def test_any_text_makes_one_annotation_and_a_valid_log(file: str, message: str, place: str) -> None:
    """Whatever files and keys are called."""
    found = [Finding("invalid_type", "error", file.replace("\0", "") or "a", message, place)]
    (line,) = as_annotations(found)
    assert not set("\r\n") & set(line)
    Sarif.model_validate(json.loads(json.dumps(as_sarif(found, version="1"))))


@pytest.mark.parametrize(
    ("param", "value", "steps"),
    [
        pytest.param("metadata.a", {"metadata": {"a": 1}}, ("metadata", "a"), id="key"),
        pytest.param("metadata.a.b", {"metadata": {"a": 1, "a.b": 2}}, ("metadata", "a.b"), id="dot"),
        pytest.param("metadata.a[0]", {"metadata": {"a[0]": 2}}, ("metadata", "a[0]"), id="bracket"),
        pytest.param("m[1].metadata.a", {"m": [0, {"metadata": {"a": 1}}]}, ("m", 1, "metadata", "a"), id="item"),
        pytest.param("m[2].metadata", {"m": []}, ("m",), id="no-item"),
        pytest.param("metadata.team", {"metadata": {}}, ("metadata",), id="missing"),
        pytest.param("the request body", [], (), id="no-place"),
    ],
)
def test_parameters_lead_to_places(param: str, value: object, steps: tuple[str | int, ...]) -> None:
    """As far as there is something."""
    assert steps_of(param, value) == steps


def test_every_code_that_can_be_found_has_its_rule() -> None:
    """So that no finding lacks its help; and each rule ends as a title and as a sentence do."""
    source = "".join(path.read_text(encoding="utf-8") for pattern in JUDGING for path in sorted(PACKAGE.glob(pattern)))
    codes = {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch("policy_[a-z_]+|[a-z]+_(type|parameter|objects|max_[a-z]+)", node.value)
    }
    expected = codes | strictjson.REFUSALS.keys() | {"nesting_too_deep", "invalid_json", "secret_found", "opaque_body"}
    assert expected - RULES.keys() == set()
    assert all(not rule.title.endswith(".") and rule.help.endswith(".") for rule in RULES.values())


def test_json_is_the_short_form() -> None:
    """`--json` is `--format json`."""
    assert run("check", "-", "--json", text="{}").stdout == run("check", "-", "--format", "json", text="{}").stdout
