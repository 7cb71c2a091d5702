"""`runproxy check`: what it finds, and the exit code it ends in."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from runproxy.cli import main

TOO_MANY = {f"key_{number:02d}": "v" for number in range(17)}
POLICY = """
required = ["user_id"]
near_limit_percent = 75
[keys.env]
enum = ["dev", "prod"]
[teams.search]
action = "warn"
[teams.ads]
required = []
"""
MISSING = "policy_missing_key: Missing 'metadata.user_id': the policy requires this key."


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a folder without a settings file."""
    monkeypatch.chdir(tmp_path)


def check(text: str | bytes, *options: str) -> tuple[int, list[str]]:
    """Check a text on stdin; give the exit code and the lines of stdout."""
    result = CliRunner().invoke(main, ["check", "-", *options], input=text)
    return result.exit_code, result.stdout.splitlines()


@pytest.mark.parametrize(
    ("text", "options"),
    [
        pytest.param('{"user_id": "user_abc123"}', [], id="metadata"),
        pytest.param('{"metadata": {"user_id": "user_abc123"}}', [], id="body"),
        pytest.param('{"metadata": null}', [], id="body-null"),
        pytest.param('{"metadata": "x"}', [], id="metadata-with-a-key-of-that-name"),
        pytest.param("{}", [], id="empty"),
        pytest.param("{}", ["--as", "body"], id="empty-body"),
        pytest.param("null", ["--as", "metadata"], id="null"),
        pytest.param(json.dumps({"k" * 64: "v" * 512}), [], id="longest"),
        pytest.param(json.dumps(dict(list(TOO_MANY.items())[:16])), [], id="sixteen"),
        pytest.param(json.dumps({"k": "é" * 512}), [], id="characters-not-bytes"),
    ],
)
def test_what_is_within_limits(text: str, options: list[str]) -> None:
    """Exit code 0 and one line that says so."""
    assert check(text, *options) == (0, ["-: within limits"])


@pytest.mark.parametrize(
    ("text", "options", "lines"),
    [
        pytest.param(
            '{"a": 1}',
            [],
            ["invalid_type: Invalid type for 'metadata.a': expected a string, but got an integer instead."],
            id="integer",
        ),
        pytest.param(
            '{"metadata": {"a": true, "b": 1.5}, "foo": 1}',
            [],
            [
                "unknown_parameter: Unknown parameter: 'foo'.",
                "invalid_type: Invalid type for 'metadata.a': expected a string, but got a boolean instead.",
                "invalid_type: Invalid type for 'metadata.b': expected a string, but got a decimal number instead.",
            ],
            id="all-are-listed",
        ),
        pytest.param(
            json.dumps(TOO_MANY),
            [],
            [
                (
                    "object_above_max_properties: Invalid 'metadata': too many properties. Expected an object with at "
                    "most 16 properties, but got an object with 17 properties instead."
                )
            ],
            id="seventeen",
        ),
        pytest.param(
            json.dumps({"k" * 65: "v" * 513}),
            [],
            [
                (
                    "property_name_above_max_length: Invalid property name in 'metadata': 'kkk...kkk' is too long. "
                    "Expected a string with maximum length 64, but got a string with length 65 instead."
                ),
                (
                    f"string_above_max_length: Invalid 'metadata.{'k' * 65}': string too long. Expected a string with "
                    "maximum length 512, but got a string with length 513 instead."
                ),
            ],
            id="one-over",
        ),
        pytest.param(
            '{"metadata": "x"}',
            ["--as", "body"],
            ["invalid_type: Invalid type for 'metadata': expected a metadata object, but got a string instead."],
            id="as-body",
        ),
        pytest.param(
            '{"metadata": {"a": "b"}}',
            ["--as", "metadata"],
            ["invalid_type: Invalid type for 'metadata.metadata': expected a string, but got an object instead."],
            id="as-metadata",
        ),
        pytest.param(
            "[]",
            [],
            ["invalid_type: Invalid type for 'metadata': expected a metadata object, but got an array instead."],
            id="array",
        ),
        pytest.param(
            "[]",
            ["--as", "body"],
            ["invalid_type: Invalid type for the request body: expected an object, but got an array instead."],
            id="array-as-body",
        ),
    ],
)
def test_what_is_outside_limits(text: str, options: list[str], lines: list[str]) -> None:
    """Exit code 1, and each violation on a line of its own with file, code and the service's text."""
    assert check(text, *options) == (1, [f"-: {line}" for line in lines])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("{", "invalid_json", id="no-json"),
        pytest.param("", "invalid_json", id="empty"),
        pytest.param(b'"\xff"', "invalid_json", id="no-utf-8"),
        pytest.param('{"a": NaN}', "invalid_json", id="nan"),
        pytest.param('{"a": "b", "a": "c"}', "duplicate_name", id="twice"),
        pytest.param('{"a": 1e999}', "number_out_of_range", id="number"),
        pytest.param("[" * 65 + "]" * 65, "nesting_too_deep", id="deep"),
    ],
)
def test_what_has_no_single_reading(text: str | bytes, code: str) -> None:
    """Exit code 1, and one line with the code of the refusal."""
    exit_code, lines = check(text)
    assert exit_code == 1
    assert [line.split(": ")[:2] for line in lines] == [["-", code]]


def test_a_file_is_named_in_every_line(tmp_path: Path) -> None:
    """A file is read like stdin, and its path stands in front."""
    path = tmp_path / "metadata.json"
    path.write_text('{"a": "b"}', encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(path)])
    assert (result.exit_code, result.stdout) == (0, f"{path}: within limits\n")
    path.write_text('{"a": null}', encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(path)])
    assert (result.exit_code, result.stdout.startswith(f"{path}: invalid_type: ")) == (1, True)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("missing.json", "No such file or directory", id="missing"),
        pytest.param("", "Is a directory", id="folder"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, reason: str) -> None:
    """Exit code 2, with the path and the reason on stderr and nothing on stdout."""
    path = tmp_path / name
    result = CliRunner().invoke(main, ["check", str(path)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Error: {path}: cannot be read: {reason}." in result.stderr


def test_the_kind_can_be_set_by_a_variable() -> None:
    """RUNPROXY_KIND stands for --as, as every option has its variable."""
    result = CliRunner().invoke(main, ["check", "-"], input='{"metadata": "x"}', env={"RUNPROXY_KIND": "body"})
    assert result.exit_code == 1


def run_check(*args: str, stdin: str = "{}", env: dict[str, str] | None = None) -> Result:
    """Run the command as it was typed."""
    return CliRunner().invoke(main, ["check", *args], input=stdin, env=env)


def put(name: str, text: str) -> str:
    """Write a file into the folder of the test."""
    Path(name).write_text(text, encoding="utf-8")
    return name


def as_settings(policy: str = POLICY, before: str = "") -> str:
    """Write a policy as a part of a settings file."""
    tables = policy.replace("[keys", "[policy.keys").replace("[teams", "[policy.teams")
    return f"{before}\n[policy]{tables}"


def test_several_files_are_checked_in_their_order() -> None:
    """Each line begins with its file, and one violation among them makes exit code 1."""
    names = [put("b.json", "{}"), put("a.json", '{"a": 1}'), put("c.json", "{"), "-"]
    result = run_check(*names, stdin='{"metadata": {"k": "v"}}')
    assert result.exit_code == 1
    assert [line.split(": ")[:2] for line in result.stdout.splitlines()] == [
        ["b.json", "within limits"],
        ["a.json", "invalid_type"],
        ["c.json", "invalid_json"],
        ["-", "within limits"],
    ]


def test_one_file_that_cannot_be_read_hides_nothing_of_the_others() -> None:
    """Exit code 2, and what is wrong with the rest all the same."""
    files = (put("a.json", '{"a": 1}'), "missing.json", put("b.json", "{}"))
    result = run_check(*files)
    assert result.exit_code == 2
    assert result.stdout.startswith("a.json: invalid_type: ")
    assert result.stdout.endswith("\nb.json: within limits\n")
    assert result.stderr == "Error: missing.json: cannot be read: No such file or directory.\n"
    told = json.loads(run_check(*files, "--json").stdout)
    assert (told["ok"], told["errors"]) == (False, ["missing.json: cannot be read: No such file or directory."])
    assert [file["ok"] for file in told["files"]] == [False, True]
    assert not json.loads(run_check("missing.json", files[2], "--json").stdout)["ok"]


def test_without_a_file_nothing_is_checked() -> None:
    """Forgetting the argument is a mistake, not a success."""
    result = run_check()
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Missing argument 'FILE|-...'" in result.stderr


@pytest.mark.parametrize("text", [POLICY, as_settings(), as_settings(before='mode = "replay"')])
def test_the_rules_of_a_file_are_applied(text: str) -> None:
    """A policy file by itself, and a settings file that holds one, are told apart."""
    result = run_check("-", "--policy", put("policy.toml", text))
    assert (result.exit_code, result.stdout) == (1, f"-: {MISSING}\n")


def test_a_settings_file_may_name_the_policy_file() -> None:
    """The rules are then those of the file it names."""
    put("policy.toml", POLICY)
    result = run_check("-", "--policy", put("own.toml", '[guard]\npolicy_file = "policy.toml"\n'))
    assert (result.exit_code, result.stdout) == (1, f"-: {MISSING}\n")


@pytest.mark.parametrize(
    ("team", "exit_code", "lines"),
    [
        pytest.param(None, 1, [MISSING], id="for-all"),
        pytest.param("search", 0, [f"warning: {MISSING}", "passes, with 1 warning"], id="milder"),
        pytest.param("ads", 0, ["within limits"], id="nothing-required"),
    ],
)
def test_the_rules_are_those_of_the_team(team: str | None, exit_code: int, lines: list[str]) -> None:
    """With --team the team's own rules count; what only warns is listed and ends in exit code 0."""
    options = ["--team", team] if team else []
    result = run_check("-", "--policy", put("policy.toml", POLICY), *options)
    assert (result.exit_code, result.stdout.splitlines()) == (exit_code, [f"-: {line}" for line in lines])


def test_a_team_without_rules_is_a_mistake_where_others_have_some() -> None:
    """A typing error in a team's name would pass everything; the message lists the teams."""
    result = run_check("-", "--policy", put("policy.toml", POLICY), "--team", "serach")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: --team: there are no rules for a team 'serach'; there are some for search, ads.\n"


def test_a_team_is_no_mistake_where_no_team_has_rules() -> None:
    """The rules for all are those of every team."""
    result = run_check("-", "--policy", put("policy.toml", 'required = ["user_id"]\n'), "--team", "any")
    assert (result.exit_code, result.stdout) == (1, f"-: {MISSING}\n")


@pytest.mark.parametrize(
    ("route", "text", "exit_code", "code"),
    [
        pytest.param("modify_run", '{"metadata": {}, "model": "m"}', 1, "unknown_parameter", id="closed"),
        pytest.param("create_run", '{"metadata": {}, "model": "m"}', 0, None, id="open"),
        pytest.param(
            "create_thread",
            '{"metadata": {}, "messages": [{"metadata": {"a": 1}}]}',
            1,
            "invalid_type",
            id="below-the-top",
        ),
        pytest.param("create_thread", '{"Metadata": {}, "metadata": {}}', 1, "unknown_parameter", id="lookalike"),
    ],
)
def test_a_body_is_checked_as_one_of_its_route(route: str, text: str, exit_code: int, code: str | None) -> None:
    """The route tells where metadata stands, and what else the body may have."""
    result = run_check("-", "--route", route, "--as", "body", stdin=text)
    assert result.exit_code == exit_code
    assert result.stdout.split(": ")[1] == (code or "within limits\n")


@pytest.mark.parametrize(
    ("route", "exit_code"),
    [pytest.param("modify_run", 0, id="modify"), pytest.param("create_run", 1, id="create")],
)
def test_required_keys_are_asked_where_something_is_created(route: str, exit_code: int) -> None:
    """An empty body modifies nothing, but creates something without metadata."""
    policy = put("policy.toml", POLICY)
    assert run_check("-", "--as", "body", "--route", route, "--policy", policy).exit_code == exit_code


def test_an_unknown_route_is_told_with_those_there_are() -> None:
    """Exit code 2, and every name."""
    result = run_check("-", "--route", "modify_rum")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(
        "Error: --route: there is no route 'modify_rum'; there are modify_run, create_run, "
    )
    assert result.stderr.endswith(", create_fine_tuning_job.\n")


def test_json_is_one_object_with_all_there_is_to_say() -> None:
    """Every file with its findings, each with all its members, and whether all is well."""
    put("bad.json", json.dumps({"env": "lab", "n": 1, "user_id": "u" * 400}))
    put("good.json", '{"user_id": "u"}')
    result = run_check("good.json", "bad.json", "--json", "--policy", put("policy.toml", POLICY))
    assert result.exit_code == 1
    assert result.stdout.count("\n") == 1
    near = "'metadata.user_id' has 400 of at most 512 characters."
    assert json.loads(result.stdout) == {
        "ok": False,
        "files": [
            {"file": "good.json", "ok": True, "violations": [], "warnings": []},
            {
                "file": "bad.json",
                "ok": False,
                "violations": [
                    finding(
                        "invalid_type",
                        "metadata.n",
                        "Invalid type for 'metadata.n': expected a string, but got an integer instead.",
                    ),
                    finding(
                        "policy_value_not_allowed",
                        "metadata.env",
                        "Invalid 'metadata.env': the policy allows 'dev', 'prod'. Example: 'dev'.",
                    ),
                ],
                "warnings": [finding("policy_near_limit", "metadata.user_id", near, 512, 400)],
            },
        ],
        "errors": [],
    }


def finding(
    code: str, param: str | None, message: str, limit: int | None = None, actual: int | None = None
) -> dict[str, Any]:
    """Make a finding as it stands in JSON."""
    return {"code": code, "param": param, "message": message, "limit": limit, "actual": actual}


@pytest.mark.parametrize(
    ("text", "code", "param", "message"),
    [
        pytest.param(
            '{"a": "b", "a": "c"}',
            "duplicate_name",
            None,
            "The JSON body of your request names the same property twice in one object.",
            id="two-readings",
        ),
        pytest.param("{", "invalid_json", None, "not valid JSON at line 1, column", id="no-json"),
    ],
)
def test_json_tells_what_has_no_single_reading_in_the_same_shape(
    text: str, code: str, param: str | None, message: str
) -> None:
    """One violation, without a place in the metadata."""
    result = run_check("-", "--json", stdin=text)
    (file,) = json.loads(result.stdout)["files"]
    (violation,) = file["violations"]
    assert (result.exit_code, file["ok"], file["warnings"]) == (1, False, [])
    assert violation["message"].startswith(message)
    assert {**violation, "message": ""} == finding(code, param, "")


def test_json_of_what_is_well() -> None:
    """Exit code 0 and ok."""
    result = run_check("-", "--json")
    assert (result.exit_code, result.stdout) == (
        0,
        '{"ok": true, "files": [{"file": "-", "ok": true, "violations": [], "warnings": []}], "errors": []}\n',
    )


@pytest.mark.parametrize(
    ("args", "env"),
    [
        pytest.param([], {}, id="file-of-this-folder"),
        pytest.param([], {"RUNPROXY_CONFIG": "other.toml"}, id="file-of-the-variable"),
        pytest.param(["--policy", "policy.toml"], {"RUNPROXY_CONFIG": "runproxy.toml"}, id="option-before-variable"),
        pytest.param([], {"RUNPROXY_POLICY": "policy.toml"}, id="variable-of-the-option"),
    ],
)
def test_where_the_rules_come_from(args: list[str], env: dict[str, str]) -> None:
    """Those of --policy, else of the settings file that a proxy started here would read."""
    if args or "RUNPROXY_POLICY" in env:
        put("policy.toml", POLICY)
        put("runproxy.toml", "")
    else:
        put(env.get("RUNPROXY_CONFIG", "runproxy.toml"), as_settings())
    result = run_check("-", *args, env=env)
    assert (result.exit_code, result.stdout) == (1, f"-: {MISSING}\n")


@pytest.mark.parametrize(
    ("settings", "args", "exit_code"),
    [
        pytest.param("", [], 1, id="default"),
        pytest.param("[limits]\nenforce = false\n", [], 0, id="settings-file"),
        pytest.param("[limits]\nenforce = false\n", ["--enforce-limits"], 1, id="option-over-settings-file"),
        pytest.param("", ["--no-enforce-limits"], 0, id="option"),
        pytest.param("[limits]\nenforce = false\n", ["--policy", "policy.toml"], 0, id="beside-a-policy-file"),
        pytest.param("", ["--policy", "own.toml"], 0, id="settings-file-given-as-the-policy"),
    ],
)
def test_limits_may_be_switched_to_warnings(settings: str, args: list[str], exit_code: int) -> None:
    """The check says what a proxy started here would do: it lets such metadata pass, and warns."""
    put("runproxy.toml", settings)
    put("policy.toml", 'action = "off"\n')
    put("own.toml", "[limits]\nenforce = false\n")
    result = run_check("-", *args, stdin=json.dumps({"a": "b" * 513}))
    assert result.exit_code == exit_code
    told = "warning: string_above_max_length: " if exit_code == 0 else "string_above_max_length: "
    assert result.stdout.startswith(f"-: {told}Invalid 'metadata.a': ")
    assert result.stdout.endswith("-: passes, with 1 warning\n") is (exit_code == 0)


def test_warnings_are_counted() -> None:
    """The last line of a file says that it passes, and with how much to look at."""
    result = run_check("-", "--no-enforce-limits", stdin=json.dumps({"a": "b" * 513, "k" * 65: ""}))
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "-: passes, with 2 warnings")


def test_a_type_is_no_limit_that_can_be_switched_off() -> None:
    """A value that is no string is refused all the same."""
    assert run_check("-", "--no-enforce-limits", stdin='{"a": 1}').exit_code == 1


def test_a_route_of_your_own_is_known_by_its_name() -> None:
    """Routes of the settings file can be checked like those of the API, and a route means a whole body."""
    put("runproxy.toml", '[[routes]]\nname = "note"\npath = "/notes"\nmetadata = ["/notes/*/labels"]\n')
    result = run_check("-", "--route", "note", stdin='{"notes": [{"labels": {"a": 1}}]}')
    assert (result.exit_code, result.stdout.split(": ")[1]) == (1, "invalid_type")
    assert "'notes[0].labels.a'" in result.stdout


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param(
            "policy.toml",
            'requierd = ["a"]',
            "Error: policy.toml: requierd: no such setting. Did you mean 'required'?\n",
            id="policy-file",
        ),
        pytest.param(
            "policy.toml",
            "[keys.env]\nmin_chars = 2\nmax_chars = 1\n",
            "Error: policy.toml: keys.env: min_chars is greater than max_chars.\n",
            id="contradiction",
        ),
        pytest.param(
            "policy.toml",
            "[teams.search.keys.env]\nmin_chars = 2\nmax_chars = 1\n",
            "Error: policy.toml: teams.search: keys.env: min_chars is greater than max_chars.\n",
            id="contradiction-of-a-team",
        ),
        pytest.param(
            "policy.toml",
            '[policy]\nrequired = "a"\n',
            "Error: policy.toml: policy.required: ",
            id="settings-file",
        ),
        pytest.param(
            "policy.toml",
            "",
            "Error: policy.toml: holds no rules at all; 'action = \"off\"' says that there are to be none.\n",
            id="empty",
        ),
        pytest.param(
            "other.toml", "", "Error: policy.toml: cannot be read: No such file or directory.\n", id="missing"
        ),
        pytest.param("policy.toml", "required = [", "Error: policy.toml: is not valid TOML: ", id="no-toml"),
    ],
)
def test_rules_that_cannot_be_used_end_the_check(name: str, text: str, message: str) -> None:
    """Exit code 2 with file and place, and nothing is said of the metadata."""
    put(name, text)
    result = run_check("-", "--policy", "policy.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(message)


@pytest.mark.parametrize("named", ["a.toml", "b.toml"], ids=["itself", "another"])
def test_a_chain_of_policy_files_ends_at_the_second(named: str) -> None:
    """A file that is named for the policy must hold it; files that name each other end in a message, not in a trace."""
    put("a.toml", f'[guard]\npolicy_file = "{named}"\n')
    put("b.toml", '[guard]\npolicy_file = "a.toml"\n')
    result = run_check("-", "--policy", "a.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {named}: names yet another policy file; name that one, ")


def test_a_key_with_line_breaks_does_not_make_lines_of_its_own() -> None:
    """Every line is of the file it names, whatever stands in the metadata."""
    result = run_check("-", stdin='{"x\\nother.json: within limits\\u001b[2K": 1}')
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert "\x1b" not in result.stdout
