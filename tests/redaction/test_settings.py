"""Settings of redaction: what can be asked for, and what is refused when they are read."""

import tomllib
from pathlib import Path

import pytest

from runproxy.composition.redactors import make_redactor
from runproxy.config import Settings, make_settings
from runproxy.errors import ConfigError
from runproxy.redaction import KEY_VARIABLE, PLAIN, RedactSettings

KEY = "a-secret-of-the-tests"


def settings_of(text: str) -> Settings:
    """Read settings."""
    return make_settings(tomllib.loads(text), "team.toml")


def told(text: str) -> str:
    """Give what is said about settings that cannot be used."""
    with pytest.raises(ConfigError) as caught:
        settings_of(text)
    return caught.value.message


def test_body_rules_are_tables_with_the_side_they_apply_to() -> None:
    """Without `in`, a rule applies to both sides."""
    redact = settings_of(
        '[redact]\nbody = [{pointer = "/a", action = "drop"}, {pointer = "/b", action = "hash", in = "request"}]'
    ).redact
    assert [rule.pointer for rule in redact.rules_for("request")] == ["/a", "/b"]
    assert [rule.pointer for rule in redact.rules_for("response")] == ["/a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('body = [{pointer = "a", action = "drop"}]', "a JSON pointer was expected", id="pointer"),
        pytest.param('body = [{pointer = "", action = "drop"}]', "a JSON pointer was expected", id="all"),
        pytest.param('body = [{pointer = "/a~2", action = "drop"}]', "a JSON pointer was expected", id="escape"),
        pytest.param('body = [{pointer = "/a"}]', "action", id="no-action"),
        pytest.param('body = [{pointer = "/a", action = "mask"}]', "'drop', 'hash' or 'replace'", id="action"),
        pytest.param('body = [{pointer = "/a", action = "drop", value = "x"}]', "value goes with", id="value"),
        pytest.param('body = [{pointer = "/a", action = "drop", in = "path"}]', "'request', 'response'", id="side"),
        pytest.param('query = [""]', "redact.query.0", id="query"),
        pytest.param('request_headers = ["a b"]', "'a b' is no name of a header", id="header-name"),
        pytest.param('quary = ["a"]', "Did you mean 'redact.query'", id="unknown"),
    ],
)
def test_what_cannot_be_used_is_refused_when_it_is_read(text: str, expected: str) -> None:
    """The message names the file and the place, and says what was expected."""
    message = told(f"[redact]\n{text}")
    assert message.startswith("team.toml: redact.")
    assert expected in message


@pytest.mark.parametrize("side", ["request_headers", "response_headers"])
@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Cookie",
        "Set-Cookie",
        "Proxy-Authorization",
        "api-key",
        "X-Api-Key",
        "X-Session-Id",
        "X-Amz-Security-Token",
        "x-client-SECRET",
        "Connection",
        "Transfer-Encoding",
        "Content-Length",
        "X-Runproxy-Outcome",
    ],
)
def test_headers_that_look_secret_or_are_of_the_connection_cannot_be_kept(side: str, name: str) -> None:
    """They are refused by name, whatever they might hold."""
    assert f"redact.{side}: {name!r} cannot be stored" in told(f'[redact]\n{side} = ["{name}"]')


def test_other_headers_can_be_kept() -> None:
    """Those that are stored anyway may be named too."""
    names = ["User-Agent", "Idempotency-Key", "Date", "OpenAI-Processing-Ms", "WWW-Authenticate"]
    assert RedactSettings(request_headers=tuple(names)).request_headers == tuple(names)


def test_nothing_set_is_the_plain_redactor() -> None:
    """Without a section, nothing is made."""
    assert make_redactor(RedactSettings()) is PLAIN


@pytest.mark.parametrize(
    ("text", "what"),
    [
        pytest.param("ids = true", "ids = true", id="ids"),
        pytest.param('body = [{pointer = "/a", action = "hash"}]', "action = 'hash'", id="hash"),
    ],
)
def test_what_needs_a_secret_does_not_start_without_one(text: str, what: str) -> None:
    """The error says what needs it, where to put it, and how to make one."""
    with pytest.raises(ConfigError) as caught:
        make_redactor(settings_of(f"[redact]\n{text}").redact)
    assert caught.value.message.startswith(f"redact: {what} makes placeholders with a secret")
    assert KEY_VARIABLE in caught.value.message
    assert "redact.key_file" in caught.value.message
    assert "/dev/urandom" in caught.value.message


@pytest.mark.parametrize(
    "text", ['body = [{pointer = "/a", action = "drop"}, {pointer = "/b", action = "replace"}]', 'query = ["user"]']
)
def test_what_needs_no_secret_starts_without_one(text: str) -> None:
    """Leaving out and replacing by a fixed text make nothing of a value."""
    make_redactor(settings_of(f"[redact]\n{text}").redact)


def _file(folder: Path, mode: int, text: str = KEY) -> str:
    path = folder / "redact.key"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_the_secret_comes_from_a_file_that_is_private(tmp_path: Path) -> None:
    """Mode 0600 is taken, and what anybody else may read is refused."""
    make_redactor(RedactSettings(ids=True, key_file=_file(tmp_path, 0o600)))
    with pytest.raises(ConfigError, match="others may read the secret in it"):
        make_redactor(RedactSettings(ids=True, key_file=_file(tmp_path, 0o644)))


@pytest.mark.parametrize(
    ("key_file", "expected"),
    [pytest.param("missing.key", "cannot be read", id="missing"), pytest.param("\0", "no name for a file", id="name")],
)
def test_a_key_file_that_cannot_be_read_is_told(key_file: str, expected: str) -> None:
    """With what it was to be for, and how to make one."""
    with pytest.raises(ConfigError, match=f"the secret of placeholders cannot be read: .*{expected}|{expected}"):
        make_redactor(RedactSettings(ids=True, key_file=key_file))


def test_the_environment_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is not even opened; a secret that is too short is refused and not repeated."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    make_redactor(RedactSettings(ids=True, key_file=str(tmp_path / "missing")))
    monkeypatch.setenv(KEY_VARIABLE, "too-short")
    with pytest.raises(ConfigError, match=f"{KEY_VARIABLE}: the secret of placeholders needs at least 16") as caught:
        make_redactor(RedactSettings(ids=True))
    assert "too-short" not in caught.value.message
