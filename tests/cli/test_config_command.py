"""`runproxy config`: writing, showing and checking the settings file."""

import json
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from runproxy.cli import main
from runproxy.cli.options import PLACES
from runproxy.config import Settings, example, leaves

# What is given in a variable, and how it is shown: by type, and for settings that take only certain words.
EXAMPLES = {bool: ("true", "True"), int: ("7", "7"), float: ("7", "7.0"), str: ("text", "'text'")}
CHOICES = {
    "mode": ("auto", "'auto'"),
    "cassettes.on_exhausted": ("cycle", "'cycle'"),
    "guard.routes": ("create_run, modify_run", "('create_run', 'modify_run')"),
    "guard.other_routes": ("deny", "'deny'"),
    "cassettes.max_age": ("90d", "'90d'"),
    "cassettes.on_expired": ("error", "'error'"),
    "cassettes.durability": ("power", "'power'"),
    "cassettes.on_record_error": ("fail", "'fail'"),
    "verify.kinds": ("status, shape", "('status', 'shape')"),
    "verify.ignore": ("/a,/b", "('/a', '/b')"),
    "cassettes.timing": ("fixed:20ms", "'fixed:20ms'"),
    "audit.modes": ("record, auto", "('record', 'auto')"),
    "audit.on_error": ("continue", "'continue'"),
    "audit.store_values": ("keys_only", "'keys_only'"),
    "audit.max_age": ("90d", "'90d'"),
    "listen.unix_socket_mode": ("660", "'660'"),
    "listen.admin_hosts": ("a.example, b.example", "('a.example', 'b.example')"),
    "connection.http_proxy": ("http://proxy:3128", "'http://proxy:3128'"),
    "connection.http_proxy_credential_env": ("PROXY_LOGIN", "'PROXY_LOGIN'"),
    "log.level": ("debug", "'debug'"),
    "log.format": ("json", "'json'"),
}

COMPANIONS = {
    "client_key": {"client_cert": "text"},
    "http_proxy_credential_env": {"http_proxy": "http://proxy:3128"},
    "tls_cert": {"tls_key": "text"},
    "tls_key": {"tls_cert": "text"},
}
"""Settings that go with another one only."""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start in an empty folder, with a terminal wide enough for any row."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def config(*args: str, env: dict[str, str] | None = None) -> Result:
    """Run a sub-command of `runproxy config`."""
    return CliRunner().invoke(main, ["config", *args], env=env)


def rows(result: Result) -> dict[str, list[str]]:
    """Give the table of `config show`: value and source by setting."""
    assert result.exit_code == 0, result.output
    split = [re.split(r"\s{2,}", line.strip()) for line in result.stdout.splitlines()]
    return {row[0]: row[1:] for row in split if row}


@pytest.mark.parametrize(
    ("args", "name"), [pytest.param([], "runproxy.toml", id="default"), pytest.param(["x.toml"], "x.toml", id="named")]
)
def test_init_writes_every_setting(args: list[str], name: str) -> None:
    """The file it writes is the example, is valid, and is named on stderr."""
    result = config("init", *args)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"{name} written.\n")
    assert Path(name).read_text(encoding="utf-8") == example()
    assert config("validate", name).exit_code == 0


def test_init_leaves_an_existing_file_alone() -> None:
    """Exit code 2, and not a byte is changed."""
    Path("runproxy.toml").write_text("# mine\n", encoding="utf-8")
    result = config("init")
    assert (result.exit_code, result.stderr) == (2, "Error: runproxy.toml: is there already, and was left alone.\n")
    assert Path("runproxy.toml").read_text(encoding="utf-8") == "# mine\n"


def test_init_tells_when_it_cannot_write() -> None:
    """Exit code 2 with the path and the reason."""
    result = config("init", "missing/runproxy.toml")
    assert result.exit_code == 2
    assert result.stderr == "Error: missing/runproxy.toml: cannot be written: No such file or directory.\n"


def test_show_lists_every_setting_with_its_default() -> None:
    """Without a file and a variable, everything comes from the defaults."""
    shown = rows(config("show"))
    assert shown.pop("setting") == ["value", "from"]
    assert shown == {path: [repr(default), "default"] for path, default, _ in leaves()}


def test_show_tells_where_each_setting_comes_from() -> None:
    """A variable beats the file, which beats the default, and each is named."""
    Path("runproxy.toml").write_text("[listen]\nport = 1\nadmin_port = 2\n", encoding="utf-8")
    shown = rows(config("show", env={"RUNPROXY_PORT": "3", "RUNPROXY_CASSETTE": "held"}))
    assert shown["listen.port"] == ["3", "RUNPROXY_PORT"]
    assert shown["listen.admin_port"] == ["2", "runproxy.toml"]
    assert shown["listen.host"] == ["'127.0.0.1'", "default"]
    assert shown["cassettes.default"] == ["'held'", "RUNPROXY_CASSETTE"]


def test_show_reads_the_file_that_is_named() -> None:
    """With --config, the default file is not looked at."""
    Path("runproxy.toml").write_text('mode = "auto"\n', encoding="utf-8")
    Path("other.toml").write_text('mode = "record"\n', encoding="utf-8")
    assert rows(config("show", "--config", "other.toml"))["mode"] == ["'record'", "other.toml"]


@pytest.mark.parametrize(("flag", "place"), [pytest.param(flag, place, id=flag) for flag, place in PLACES.items()])
def test_every_setting_has_its_variable(flag: str, place: str) -> None:
    """Each setting can come from the environment, under the name of its flag."""
    default = {path: default for path, default, _ in leaves()}[place]
    given, shown = CHOICES.get(place) or EXAMPLES[type(default)]
    texts = {flag: given, **COMPANIONS.get(flag, {})}
    variables = {f"RUNPROXY_{name.upper()}": text for name, text in texts.items()}
    assert rows(config("show", env=variables))[place] == [shown, f"RUNPROXY_{flag.upper()}"]


def test_every_setting_has_its_flag() -> None:
    """The flags of `runproxy serve` cover all settings but tables of rules and profiles, and no flag leads nowhere."""
    serve = main.commands["serve"]
    flags = {option.name for option in serve.params if isinstance(option, click.Option)} - {"config_path", "quiet"}
    assert flags == set(PLACES)
    rules = ("policy.", "attribution.", "routes", "redact.", "match.", "faults", "upstreams", "audit.store_values_of")
    assert sorted(PLACES.values()) == sorted(path for path, _, _ in leaves() if not path.startswith(rules))


@pytest.mark.parametrize("args", [pytest.param([], id="default"), pytest.param(["runproxy.toml"], id="named")])
def test_validate_takes_a_right_file(args: list[str]) -> None:
    """Exit code 0 and one line on stdout."""
    Path("runproxy.toml").write_text('mode = "replay"\n', encoding="utf-8")
    result = config("validate", *args)
    assert (result.exit_code, result.output) == (0, "runproxy.toml: valid\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("[listen]\nprot = 1\n", "listen.prot: no such setting. Did you mean 'listen.port'?", id="unknown"),
        pytest.param('[listen]\nport = "x"\n', "listen.port: ", id="value"),
        pytest.param("[listen\n", "is not valid TOML: ", id="syntax"),
        pytest.param(None, "cannot be read: No such file or directory.", id="missing"),
    ],
)
@pytest.mark.parametrize("command", [pytest.param(["validate"], id="validate"), pytest.param(["show"], id="show")])
def test_a_wrong_file_is_told(text: str | None, told: str, command: list[str]) -> None:
    """Exit code 2 with the file, the path in it and what is wrong, from both commands that read it."""
    if text is not None:
        Path("wrong.toml").write_text(text, encoding="utf-8")
    option = ["--config"] if command == ["show"] else []
    result = config(*command, *option, "wrong.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: wrong.toml: {told}")


def test_a_wrong_variable_is_told() -> None:
    """A variable that cannot be used ends in exit code 2 with the setting and what was found."""
    result = config("show", env={"RUNPROXY_PORT": "http"})
    assert result.exit_code == 2
    assert "RUNPROXY_PORT: " in result.stderr
    assert "found 'http'" in result.stderr


def test_schema_is_the_schema_of_the_settings() -> None:
    """It is JSON, describes every setting, and forbids all others."""
    result = config("schema")
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert document == Settings.model_json_schema()
    assert document["additionalProperties"] is False
    described = [*document["properties"].values()]
    described += [held for section in document["$defs"].values() for held in section["properties"].values()]
    assert [held for held in described if "$ref" not in held and not held.get("description")] == []


def test_show_cuts_nothing_in_a_pipe() -> None:
    """Long values are shown whole, and with brackets in them as they are."""
    folder = "/a/very/long/path/" * 20 + "x[bold]y"
    assert repr(folder) in config("show", env={"RUNPROXY_DIR": folder}).stdout


def test_an_empty_variable_is_no_setting() -> None:
    """As for a server, a variable that is set to nothing is not there."""
    assert config("show", env={"RUNPROXY_PORT": ""}).exit_code == 0


def test_validate_without_a_file_says_how_to_write_one() -> None:
    """There is nothing to check, and a command that would make it so."""
    result = config("validate")
    assert result.exit_code == 2
    assert "runproxy config init" in result.stderr
