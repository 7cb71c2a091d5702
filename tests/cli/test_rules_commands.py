"""`runproxy policy explain` and `runproxy fingerprint`: what they print, and what they never do."""

import hashlib
import hmac
import os
import pty
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runproxy.cli import main
from tests.cli.processes import COMMAND, DEADLINE_S, environment

POLICY = """
required = ["user_id"]
key_pattern = "[a-z_]+"
unknown_keys = "reject"
forbidden_shapes = ["email"]
near_limit_percent = 90
[keys.env]
description = "Where it runs."
enum = ["dev", "prod"]
[teams.search]
action = "warn"
keys.env.enum = ["lab"]
"""
SECRET = "a-secret-of-32-bytes-for-a-test!"
CREDENTIAL = "sk-made-up-credential"
FINGERPRINT = f"fp_{hmac.new(SECRET.encode(), CREDENTIAL.encode(), hashlib.sha256).hexdigest()[:32]}"


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a folder without a settings file."""
    monkeypatch.chdir(tmp_path)


def run(*args: str, stdin: str | bytes = "", env: dict[str, str] | None = None) -> Result:
    """Run a command as it was typed."""
    return CliRunner().invoke(main, args, input=stdin, env=env)


def put(name: str, text: str, mode: int = 0o600) -> str:
    """Write a file into the folder of the test, with a mode."""
    Path(name).write_text(text, encoding="utf-8")
    Path(name).chmod(mode)
    return name


# policy explain


def test_a_key_is_explained_by_the_rules_of_a_file() -> None:
    """A heading that says whose rules they are, and a line for each rule."""
    result = run("policy", "explain", "env", "--policy", put("policy.toml", POLICY))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "'env', for all teams without rules of their own:",
        "  action: a call that breaks a rule is refused",
        "  name: fits the pattern for keys, [a-z_]+",
        "  value: one of 'dev', 'prod'",
        "  value: 0 to 512 characters",
        "  about: Where it runs. Example: 'dev'.",
        "  value: must not hold email",
        "  warned of: 90% of a limit of the API, and more",
    ]


def test_a_key_is_explained_by_the_rules_of_a_team() -> None:
    """What the team sets takes the place of what is set for all."""
    result = run("policy", "explain", "env", "--policy", put("policy.toml", POLICY), "--team", "search")
    lines = result.stdout.splitlines()
    assert (result.exit_code, lines[0]) == (0, "'env', for team 'search':")
    assert "  action: a call that breaks a rule passes with a warning" in lines
    assert "  value: one of 'lab'" in lines
    assert "  about: Where it runs. Example: 'lab'." in lines


@pytest.mark.parametrize(
    ("key", "line"),
    [
        pytest.param("user_id", "  required: metadata must have this key", id="required"),
        pytest.param("colour", "  unknown to the rules: rejected", id="unknown"),
        pytest.param("Colour", "  name: does not fit the pattern for keys, [a-z_]+", id="name"),
    ],
)
def test_what_the_rules_ask_of_a_key_is_a_line(key: str, line: str) -> None:
    """Known or not, a key is explained."""
    result = run("policy", "explain", key, "--policy", put("policy.toml", POLICY))
    assert result.exit_code == 0
    assert line in result.stdout.splitlines()


def test_without_rules_that_is_said() -> None:
    """Where no file holds a policy, every key is allowed."""
    result = run("policy", "explain", "env")
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [
            "'env', for all teams without rules of their own:",
            "  action: the rules are switched off",
            "  unknown to the rules: allowed",
        ],
    )


@pytest.mark.parametrize(
    ("args", "env"),
    [
        pytest.param([], {}, id="file-of-this-folder"),
        pytest.param([], {"RUNPROXY_CONFIG": "other.toml"}, id="file-of-the-variable"),
        pytest.param(["--policy", "other.toml"], {}, id="option"),
        pytest.param([], {"RUNPROXY_POLICY": "other.toml", "RUNPROXY_TEAM": "search"}, id="variables-of-options"),
    ],
)
def test_rules_are_those_that_a_proxy_started_here_would_have(args: list[str], env: dict[str, str]) -> None:
    """From --policy, else from the settings file."""
    name = "runproxy.toml" if not args and not env else "other.toml"
    put(name, '[policy]\nrequired = ["env"]\n[policy.teams.search]\n')
    result = run("policy", "explain", "env", *args, env=env)
    assert result.exit_code == 0
    assert "  required: metadata must have this key" in result.stdout.splitlines()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param(
            ["env", "--policy", "policy.toml", "--team", "serach"],
            "Error: --team: there are no rules for a team 'serach'; there are some for search.\n",
            id="unknown-team",
        ),
        pytest.param(
            ["env", "--policy", "missing.toml"],
            "Error: missing.toml: cannot be read: No such file or directory.\n",
            id="no-file",
        ),
    ],
)
def test_what_cannot_be_explained_is_told(args: list[str], message: str) -> None:
    """Exit code 2, on stderr."""
    put("policy.toml", POLICY)
    result = run("policy", "explain", *args)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", message)


def test_a_key_has_to_be_named() -> None:
    """Exit code 2, with the name of what is missing."""
    result = run("policy", "explain")
    assert result.exit_code == 2
    assert "Missing argument 'KEY'" in result.stderr


def test_a_key_that_is_no_text_is_told() -> None:
    """Bytes that are not UTF-8 can be no key, and end in words, not in a trace."""
    result = run("policy", "explain", "\udcff", "--policy", put("policy.toml", POLICY))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: KEY is not UTF-8 text, and so it can be no key of metadata.\n"


# fingerprint


def test_a_credential_on_stdin_is_named() -> None:
    """One line with the fingerprint, and nothing else."""
    result = run("fingerprint", stdin=CREDENTIAL, env={"RUNPROXY_FINGERPRINT_KEY": SECRET})
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{FINGERPRINT}\n", "")


@pytest.mark.parametrize(
    "stdin", [f"{CREDENTIAL}\n", f"  {CREDENTIAL}\r\n", f"\n{CREDENTIAL}\n\n"], ids=["line", "blanks", "lines"]
)
def test_white_space_around_a_credential_is_no_part_of_it(stdin: str) -> None:
    """What printenv prints ends with a line break."""
    result = run("fingerprint", stdin=stdin, env={"RUNPROXY_FINGERPRINT_KEY": SECRET})
    assert result.stdout == f"{FINGERPRINT}\n"


def test_a_credential_that_is_no_text_is_named() -> None:
    """Bytes are named as a header would carry them."""
    expected = hmac.new(SECRET.encode(), b"key-\xff", hashlib.sha256).hexdigest()[:32]
    result = run("fingerprint", stdin=b"key-\xff\n", env={"RUNPROXY_FINGERPRINT_KEY": SECRET})
    assert result.stdout == f"fp_{expected}\n"


@pytest.mark.parametrize(
    ("args", "env"),
    [
        pytest.param(["--key-file", "a.key"], {}, id="option"),
        pytest.param([], {"RUNPROXY_KEY_FILE": "a.key"}, id="variable-of-the-option"),
        pytest.param([], {}, id="settings-file"),
        pytest.param([], {"RUNPROXY_CONFIG": "other.toml"}, id="settings-file-of-the-variable"),
        pytest.param(["--key-file", "b.key"], {"RUNPROXY_FINGERPRINT_KEY": SECRET}, id="variable-before-option"),
        pytest.param(["--key-file", "a.key"], {"RUNPROXY_CONFIG": "missing.toml"}, id="option-before-settings-file"),
    ],
)
def test_where_the_secret_comes_from(args: list[str], env: dict[str, str]) -> None:
    """The variable, else --key-file, else the settings file."""
    put("a.key", f"{SECRET}\n")
    put("b.key", "another-secret-of-some-length\n")
    if "RUNPROXY_CONFIG" in env:
        put("other.toml", '[attribution]\nkey_file = "a.key"\n')
    else:
        put("runproxy.toml", f'[attribution]\nkey_file = "{"b.key" if args or env else "a.key"}"\n')
    result = run("fingerprint", *args, stdin=CREDENTIAL, env=env)
    assert (result.exit_code, result.stdout) == (0, f"{FINGERPRINT}\n")


@pytest.mark.parametrize(
    ("args", "env", "message"),
    [
        pytest.param(
            [],
            {},
            "Error: Fingerprints need a secret: set RUNPROXY_FINGERPRINT_KEY, or name a file with --key-file.\n",
            id="no-secret",
        ),
        pytest.param(
            [], {"RUNPROXY_FINGERPRINT_KEY": "short"}, "Error: RUNPROXY_FINGERPRINT_KEY: the secret ", id="short"
        ),
        pytest.param(["--key-file", "missing.key"], {}, "Error: missing.key: the secret of ", id="no-file"),
        pytest.param(["--key-file", "open.key"], {}, "Error: open.key: others may read the secret in it ", id="mode"),
        pytest.param(
            [], {"RUNPROXY_CONFIG": "missing.toml"}, "Error: missing.toml: cannot be read: ", id="no-settings"
        ),
    ],
)
def test_without_a_secret_nothing_is_named(args: list[str], env: dict[str, str], message: str) -> None:
    """Exit code 2 and what to do, and neither the credential nor the secret is printed."""
    put("open.key", SECRET, mode=0o644)
    result = run("fingerprint", *args, stdin=CREDENTIAL, env=env)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(message)
    assert CREDENTIAL not in result.stderr
    assert SECRET not in result.stderr


@pytest.mark.parametrize("stdin", ["", "\n", " \r\n\t"], ids=["empty", "line", "blanks"])
def test_nothing_on_stdin_is_told(stdin: str) -> None:
    """A variable that is not set has no fingerprint."""
    result = run("fingerprint", stdin=stdin, env={"RUNPROXY_FINGERPRINT_KEY": SECRET})
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == ("Error: There is no credential on stdin: printenv OPENAI_API_KEY | runproxy fingerprint\n")


@pytest.mark.parametrize("stdin", [f"Bearer {CREDENTIAL}", f"{CREDENTIAL}\n{CREDENTIAL}", f"{CREDENTIAL}\tx"], ids=repr)
def test_a_credential_has_no_blanks_in_it(stdin: str) -> None:
    """What is no bare token would have a fingerprint that no call has; it is told, and not repeated."""
    result = run("fingerprint", stdin=stdin, env={"RUNPROXY_FINGERPRINT_KEY": SECRET})
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: A credential has no blanks and no line breaks in it: give the bare token, without 'Bearer'.\n"
    )


def test_a_credential_is_not_taken_as_an_argument() -> None:
    """The process list shows arguments to everybody on the machine, and logs show messages: it is not repeated."""
    result = run("fingerprint", CREDENTIAL, env={"RUNPROXY_FINGERPRINT_KEY": SECRET})
    assert (result.exit_code, result.stdout) == (2, "")
    assert "The credential is read from stdin: others on this machine can see arguments." in result.stderr
    assert CREDENTIAL not in result.stderr


def test_the_fingerprint_is_the_one_that_settings_take() -> None:
    """What is printed can be pasted into the settings of a team."""
    put("runproxy.toml", f'[attribution.teams.search]\ncredentials = ["{FINGERPRINT}"]\n')
    result = run("config", "show", env={"RUNPROXY_FINGERPRINT_KEY": SECRET})
    assert result.exit_code == 0
    assert FINGERPRINT in result.stdout


def test_a_person_at_a_terminal_is_told_what_to_type(tmp_path: Path) -> None:
    """Where stdin is a terminal, stderr says what is waited for, and stdout is only the fingerprint."""
    master, slave = pty.openpty()
    try:
        os.write(master, f"{CREDENTIAL}\n\x04".encode())
        ended = subprocess.run(
            [COMMAND, "fingerprint"],
            cwd=tmp_path,
            env=environment({"RUNPROXY_FINGERPRINT_KEY": SECRET}),
            stdin=slave,
            capture_output=True,
            encoding="utf-8",
            timeout=DEADLINE_S,
            check=False,
        )
    finally:
        os.close(slave)
        os.close(master)
    assert (ended.returncode, ended.stdout) == (0, f"{FINGERPRINT}\n")
    assert ended.stderr == "The credential, then Enter and Ctrl-D:\n"
