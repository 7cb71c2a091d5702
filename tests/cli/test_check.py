"""`runproxy check`: what it finds, and the exit code it ends in."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from runproxy.cli import main

TOO_MANY = {f"key_{number:02d}": "v" for number in range(17)}


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
