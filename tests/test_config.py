"""Settings: their defaults, the file that shows them, and mistakes that are told so that a person can mend them."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from runproxy.config import Settings, example, find_file, leaves, make_settings, read_file, tables_below
from runproxy.errors import ConfigError
from runproxy.sections import merge

EXAMPLE_FILE = Path(__file__).parents[1] / "config.example.toml"


def flattened(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Give nested settings by their dotted paths."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        is_section = isinstance(value, dict) and value
        flat |= flattened(value, f"{prefix}{name}.") if is_section else {f"{prefix}{name}": value}
    return flat


def told(values: dict[str, Any]) -> str:
    """Give what is said about settings that cannot be used."""
    with pytest.raises(ConfigError) as caught:
        make_settings(values, "team.toml")
    return caught.value.message


@pytest.mark.parametrize(
    ("values", "place", "expected", "found"),
    [
        pytest.param(
            {"mode": "reply"},
            "mode",
            "'replay', 'record', 'auto', 'passthrough' or 'verify'",
            "found 'reply'",
            id="mode",
        ),
        pytest.param({"upstream": 3}, "upstream", "string", "found 3", id="upstream"),
        pytest.param({"allow_record_in_ci": "perhaps"}, "allow_record_in_ci", "boolean", "found 'perhaps'", id="flag"),
        pytest.param({"listen": {"host": ["a"]}}, "listen.host", "string", "found ['a']", id="host"),
        pytest.param({"listen": {"port": "http"}}, "listen.port", "integer", "found 'http'", id="port-text"),
        pytest.param({"listen": {"port": 65536}}, "listen.port", "65535", "found 65536", id="port-high"),
        pytest.param({"listen": {"admin_port": -1}}, "listen.admin_port", "0", "found -1", id="port-low"),
        pytest.param({"cassettes": {"dir": 1.5}}, "cassettes.dir", "string", "found 1.5", id="dir"),
        pytest.param(
            {"cassettes": {"on_exhausted": "stop"}},
            "cassettes.on_exhausted",
            "'last', 'error' or 'cycle'",
            "found 'stop'",
            id="on-exhausted",
        ),
        pytest.param({"limits": {"max_body_bytes": 0}}, "limits.max_body_bytes", "1", "found 0", id="body-limit"),
        pytest.param({"limits": {"connect_s": 0}}, "limits.connect_s", "greater than 0", "found 0", id="connect"),
        pytest.param(
            {"limits": {"upstream_s": -2}}, "limits.upstream_s", "greater than 0", "found -2", id="upstream-s"
        ),
        pytest.param({"limits": {"drain_s": "long"}}, "limits.drain_s", "number", "found 'long'", id="drain"),
        pytest.param(
            {"log": {"level": "loud"}}, "log.level", "'debug', 'info', 'warning' or 'error'", "found 'loud'", id="level"
        ),
        pytest.param({"log": {"format": "xml"}}, "log.format", "'console' or 'json'", "found 'xml'", id="format"),
        pytest.param({"listen": 3}, "listen", "", "found 3", id="no-section"),
    ],
)
def test_a_wrong_value_is_told_with_file_path_and_what_was_expected(
    values: dict[str, Any], place: str, expected: str, found: str
) -> None:
    """The message starts with file and path, says what was expected, and shows what was found."""
    message = told(values)
    assert message.startswith(f"team.toml: {place}: ")
    assert expected in message
    assert message.endswith(f"; {found}.")


@pytest.mark.parametrize(
    ("values", "place", "nearest"),
    [
        pytest.param({"mod": "replay"}, "mod", "mode", id="top"),
        pytest.param({"listen": {"prot": 1}}, "listen.prot", "listen.port", id="in-section"),
        pytest.param({"limits": {"drain": 1}}, "limits.drain", "limits.drain_s", id="without-unit"),
        pytest.param({"admin_port": 1}, "admin_port", "listen.admin_port", id="outside-its-section"),
        pytest.param({"cassette": {}}, "cassette", "cassettes", id="section"),
        pytest.param({"log": {"Level": "info"}}, "log.Level", "log.level", id="spelling"),
    ],
)
def test_an_unknown_setting_is_told_with_the_nearest_known_one(
    values: dict[str, Any], place: str, nearest: str
) -> None:
    """The message names file, path, and the setting that was probably meant."""
    assert told(values) == f"team.toml: {place}: no such setting. Did you mean {nearest!r}?"


def test_an_unknown_setting_that_is_near_to_none_is_told_with_all_there_are() -> None:
    """Where nothing comes near, every known setting is listed."""
    message = told({"zzzzqqqq": 1})
    assert message.startswith("team.toml: zzzzqqqq: no such setting. There are: ")
    listed = message.partition("There are: ")[2].rstrip(".").split(", ")
    assert set(listed) >= {path for path, _, _ in leaves()}


def test_every_mistake_is_told_at_once() -> None:
    """Three mistakes make three lines, each with the file."""
    lines = told({"mode": "reply", "listen": {"port": "x", "prot": 1}}).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["team.toml", "mode"],
        ["team.toml", "listen.port"],
        ["team.toml", "listen.prot"],
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(b'mode = "replay"\n[listen\n', "is not valid TOML: ", id="syntax"),
        pytest.param(b'mode = "replay"\nmode = "auto"\n', "is not valid TOML: ", id="twice"),
    ],
)
def test_a_syntax_error_is_told_with_its_line(tmp_path: Path, text: bytes, expected: str) -> None:
    """The message names the file and the line of the mistake."""
    path = tmp_path / "runproxy.toml"
    path.write_bytes(text)
    with pytest.raises(ConfigError) as caught:
        read_file(path)
    assert caught.value.message.startswith(f"{path}: {expected}")
    assert "line 2" in caught.value.message


def test_text_that_is_not_utf_8_is_told_with_its_place(tmp_path: Path) -> None:
    """The message names the file and the byte."""
    path = tmp_path / "runproxy.toml"
    path.write_bytes(b'mode="\xff"')
    with pytest.raises(ConfigError) as caught:
        read_file(path)
    assert caught.value.message == f"{path}: is not UTF-8 text (byte 6)."


@pytest.mark.parametrize(
    ("name", "reason"),
    [pytest.param("missing.toml", "No such file or directory", id="missing"), pytest.param("", "Is a dir", id="dir")],
)
def test_a_file_that_cannot_be_read_is_told_with_the_reason(tmp_path: Path, name: str, reason: str) -> None:
    """The message names the file and what the system says, and the exit code is 2."""
    path = tmp_path / name
    with pytest.raises(ConfigError) as caught:
        read_file(path)
    assert caught.value.message.startswith(f"{path}: cannot be read: {reason}")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("base", "over", "merged"),
    [
        pytest.param({"a": 1}, {"a": 2}, {"a": 2}, id="value"),
        pytest.param({"a": 1}, {"b": 2}, {"a": 1, "b": 2}, id="both"),
        pytest.param({"s": {"a": 1, "b": 1}}, {"s": {"b": 2}}, {"s": {"a": 1, "b": 2}}, id="inside-a-section"),
        pytest.param({"s": {"t": {"a": 1}}}, {"s": {"t": {"b": 2}}}, {"s": {"t": {"a": 1, "b": 2}}}, id="deep"),
        pytest.param({"s": {"a": 1}}, {"s": 2}, {"s": 2}, id="value-over-section"),
        pytest.param({"s": 1}, {"s": {"a": 2}}, {"s": {"a": 2}}, id="section-over-value"),
        pytest.param({"l": [1, 2]}, {"l": [3]}, {"l": [3]}, id="list"),
        pytest.param({"a": 1}, {}, {"a": 1}, id="nothing-over"),
    ],
)
def test_what_is_laid_over_wins_setting_by_setting(
    base: dict[str, Any], over: dict[str, Any], merged: dict[str, Any]
) -> None:
    """The second argument wins, sections are merged and not replaced, and both arguments stay as they were."""
    before = repr((base, over))
    assert merge(base, over) == merged
    assert repr((base, over)) == before


def test_leaves_lists_every_setting_with_its_default_and_purpose() -> None:
    """The paths and defaults are those of the default settings, in order, and each has a sentence on its purpose."""
    assert {path: default for path, default, _ in leaves()} == flattened(Settings().model_dump())
    assert [path for path, _, _ in leaves()] == list(flattened(Settings().model_dump()))
    assert [path for path, _, purpose in leaves() if not purpose.endswith(".")] == []


def test_the_example_at_the_root_is_the_one_the_command_writes() -> None:
    """The file in the repository is what `runproxy config init` writes today."""
    assert EXAMPLE_FILE.read_text(encoding="utf-8") == example()


def test_the_example_is_valid_and_changes_nothing() -> None:
    """It loads without an error, names every setting, and gives each its default."""
    values = read_file(EXAMPLE_FILE)
    assert list(flattened(values)) == [path for path, _, _ in leaves() if not tables_below(path)]
    assert make_settings(values, "example").model_dump() == Settings().model_dump()


def test_the_example_says_what_each_setting_is_for() -> None:
    """Above every setting stands its purpose, in a comment."""
    lines = example().splitlines()
    for path, default, purpose in leaves():
        start = f"# [[{path}]]" if default == () else f"# [{path}."
        name = start if tables_below(path) else f"{path.rpartition('.')[2]} = "
        assert any(
            line.startswith(name) and lines[number - 1] == f"# {purpose}" for number, line in enumerate(lines)
        ), path


def test_settings_from_a_file_are_those_written_there(tmp_path: Path) -> None:
    """What the file names is taken over, the rest has its default."""
    path = tmp_path / "runproxy.toml"
    path.write_text('mode = "auto"\n[limits]\ndrain_s = 2\n', encoding="utf-8")
    settings = make_settings(read_file(path), str(path))
    assert (settings.mode, settings.limits.drain_s) == ("auto", 2.0)
    assert settings.listen == Settings().listen
    assert settings.limits.connect_s == Settings().limits.connect_s


@pytest.mark.parametrize(
    ("named", "is_there", "found"),
    [
        pytest.param("other.toml", True, Path("other.toml"), id="named"),
        pytest.param("missing.toml", False, Path("missing.toml"), id="named-and-missing"),
        pytest.param(None, True, Path("runproxy.toml"), id="default"),
        pytest.param(None, False, None, id="none"),
    ],
)
def test_which_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str | None, is_there: bool, found: Path | None
) -> None:
    """The file that is named, else runproxy.toml when it is there."""
    monkeypatch.chdir(tmp_path)
    if is_there:
        Path("runproxy.toml").touch()
    assert find_file(named) == found


def test_the_example_is_plain_toml() -> None:
    """Any TOML reader takes the example, and finds the sections after the top-level settings."""
    values = tomllib.loads(example())
    assert [name for name, value in values.items() if isinstance(value, dict)] == [
        "connection",
        "listen",
        "cassettes",
        "limits",
        "guard",
        "policy",
        "attribution",
        "match",
        "verify",
        "audit",
        "redact",
        "log",
        "tracing",
    ]


@pytest.mark.parametrize(
    ("more", "what"),
    [
        pytest.param({"faults": [{"kind": "hang"}]}, "faults", id="faults"),
        pytest.param({"cassettes": {"usage_file": "u.json"}}, "cassettes.usage_file", id="usage"),
    ],
)
def test_what_counts_all_calls_goes_with_one_worker(more: dict[str, Any], what: str) -> None:
    """With several, no process would know the count; the message says what to do."""
    assert make_settings({**more, "listen": {"workers": 1}}, "test").listen.workers == 1
    assert told({**more, "listen": {"workers": 2}}) == (
        f"team.toml: listen.workers: {what} needs one process that counts all calls; set workers to 1, or leave it out."
    )
