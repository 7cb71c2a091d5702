"""The rules of a running proxy: what they are made of, and putting new ones in their place."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runproxy.attribution import KEY_VARIABLE, Attribution, Fingerprints
from runproxy.composition import Proxy, running_proxy
from runproxy.composition.rules import find_fingerprints, make_rules
from runproxy.config import Settings, make_settings, policy_in
from runproxy.errors import ConfigError
from runproxy.messages import Request, make_headers
from runproxy.sections import merge
from runproxy.service import Nobody
from tests.parts import ADDRESS, CREDENTIAL, HEADERS, ask, modify

SECRET = "a-secret-of-32-bytes-for-a-test!"
FINGERPRINT = Fingerprints(SECRET.encode(), "test").of(CREDENTIAL)
THREAD = "/v1/threads/thread_abc123"
REQUIRED = {"policy": {"required": ["user_id"]}}


def settings_of(folder: Path, values: Mapping[str, Any]) -> Settings:
    """Make settings of a proxy that replays on free ports."""
    base = {"listen": {"port": 0, "admin_port": 0}, "cassettes": {"dir": str(folder)}}
    return make_settings(merge(base, values), "test.toml")


@asynccontextmanager
async def proxy_that_rereads(folder: Path, values: Mapping[str, Any]) -> AsyncIterator[Proxy]:
    """Run a proxy that reads its settings anew from `values`, which a test may have changed."""
    async with running_proxy(settings_of(folder, values), lambda: settings_of(folder, values)) as running:
        yield running


async def told(url: str, call: Request) -> tuple[int, str | None]:
    """Make a call; give status and code of the answer."""
    (got,) = await ask(url, call)
    return got.status, json.loads(got.body)["error"]["code"]


async def reload(proxy: Proxy, *headers: tuple[str, str]) -> tuple[int, dict[str, Any]]:
    """Ask a proxy to reload; give status and answer."""
    (got,) = await ask(proxy.admin_url, Request("POST", "/api/reload", make_headers(headers)))
    return got.status, json.loads(got.body)


async def status(proxy: Proxy) -> dict[str, Any]:
    """Ask a proxy for its status."""
    (got,) = await ask(proxy.admin_url, Request("GET", "/api/status", make_headers()))
    found: dict[str, Any] = json.loads(got.body)
    return found


MISS = (501, "cassette_miss")
PLAIN = modify({"a": "b"})


KEY_MISSING = (400, "policy_missing_key")
NO_STRING = (400, "invalid_type")
TOO_LONG = (400, "string_above_max_length")
LONG = modify({"a": "b" * 513})
IN_LABS = {"policy": {"teams": {"labs": REQUIRED["policy"]}}}


@pytest.mark.parametrize(
    ("before", "after", "call", "expected"),
    [
        pytest.param({}, REQUIRED, PLAIN, [MISS, KEY_MISSING], id="policy"),
        pytest.param(REQUIRED, {}, PLAIN, [KEY_MISSING, MISS], id="policy-taken-back"),
        pytest.param(
            REQUIRED, {"policy": {**REQUIRED["policy"], "action": "warn"}}, PLAIN, [KEY_MISSING, MISS], id="action"
        ),
        pytest.param(
            {}, {"guard": {"routes": ["modify_thread"]}}, modify({"a": 1}, THREAD), [MISS, NO_STRING], id="guarded"
        ),
        pytest.param(
            {},
            {"guard": {"other_routes": "deny"}},
            modify({}, THREAD),
            [MISS, (404, "route_denied")],
            id="other-routes",
        ),
        pytest.param(
            {},
            {"routes": [{"name": "item", "path": "/items/{item_id}"}]},
            modify({"a": 1}, "/v1/items/i"),
            [MISS, NO_STRING],
            id="route-of-your-own",
        ),
        pytest.param({}, {"limits": {"enforce": False}}, LONG, [TOO_LONG, MISS], id="limits-enforce"),
        pytest.param(
            IN_LABS,
            {**IN_LABS, "attribution": {"teams": {"labs": {"projects": ["p"]}}}},
            modify({"a": "b"}, headers=(*HEADERS, ("OpenAI-Project", "p"))),
            [MISS, KEY_MISSING],
            id="attribution",
        ),
    ],
)
async def test_a_reload_puts_new_rules_in_force(
    tmp_path: Path, before: dict[str, Any], after: dict[str, Any], call: Request, expected: list[tuple[int, str]]
) -> None:
    """The calls that follow are held to them, and nothing needs a restart."""
    values = dict(before)
    async with proxy_that_rereads(tmp_path, values) as running:
        values.clear()
        values.update(after)
        was = await told(running.url, call)
        code, answer = await reload(running)
        assert [was, await told(running.url, call)] == expected
    assert (code, answer["reloaded"], answer["needs_restart"]) == (200, True, [])


async def test_a_reload_tells_which_rules_are_in_force(tmp_path: Path) -> None:
    """The answer has them in short, and the status has the same."""
    values: dict[str, Any] = {}
    async with proxy_that_rereads(tmp_path, values) as running:
        none = {"guarded": ["modify_run"], "other_routes": "forward", "policy": "none", "teams": []}
        assert (await status(running))["rules"] == none
        values.update(
            {
                "guard": {"routes": ["modify_run", "modify_thread"], "other_routes": "deny"},
                "policy": {"action": "warn", "teams": {"search": {}}},
                "attribution": {"teams": {"labs": {}, "search": {}}},
            }
        )
        code, answer = await reload(running)
        rules = {
            "guarded": ["modify_run", "modify_thread"],
            "other_routes": "deny",
            "policy": "warn",
            "teams": ["labs", "search"],
        }
        assert (code, answer) == (200, {"reloaded": True, "rules": rules, "needs_restart": []})
        assert (await status(running))["rules"] == rules


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param(
            {"policy": {"requierd": ["a"]}},
            "test.toml: policy.requierd: no such setting. Did you mean 'policy.required'?",
            id="typo",
        ),
        pytest.param(
            {"policy": {"keys": {"env": {"min_chars": 2, "max_chars": 1}}}},
            "test.toml: policy: keys.env: min_chars is greater than max_chars.",
            id="contradiction",
        ),
        pytest.param(
            {"guard": {"policy_file": "missing.toml"}},
            "missing.toml: cannot be read: No such file or directory.",
            id="policy-file-gone",
        ),
        pytest.param(
            {"attribution": {"key_file": "missing.key"}},
            "missing.key: the secret of fingerprints cannot be read: No such file or directory. "
            "Make one: (umask 077; head -c 32 /dev/urandom | base64 > runproxy.key)",
            id="key-file-gone",
        ),
        pytest.param(
            {"attribution": {"teams": {"a": {"credentials": [FINGERPRINT]}}}},
            "attribution: teams are told by their credentials, which needs the secret that their fingerprints were "
            "made with: set RUNPROXY_FINGERPRINT_KEY, or attribution.key_file.",
            id="no-secret",
        ),
    ],
)
async def test_a_mistake_keeps_the_old_rules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: dict[str, Any], reason: str
) -> None:
    """The answer is 422 with the reason, the log has it too, and calls are held to what was in force."""
    values = dict(REQUIRED)
    async with proxy_that_rereads(tmp_path, values) as running:
        old = (await status(running))["rules"]
        values.clear()
        values.update(broken)
        assert await reload(running) == (422, {"reloaded": False, "error": reason})
        assert await told(running.url, PLAIN) == KEY_MISSING
        assert (await status(running))["rules"] == old
    logged = "".join(capsys.readouterr())
    assert "rules not reloaded, the old ones stay" in logged
    assert reason[:40] in logged


async def test_after_a_mistake_is_mended_a_reload_works(tmp_path: Path) -> None:
    """A failed reload leaves nothing behind."""
    values: dict[str, Any] = {"policy": {"action": "none"}}
    async with running_proxy(settings_of(tmp_path, {}), lambda: settings_of(tmp_path, values)) as running:
        assert (await reload(running))[0] == 422
        values.update(REQUIRED)
        assert (await reload(running))[0] == 200
        assert await told(running.url, PLAIN) == KEY_MISSING


async def test_what_a_reload_cannot_change_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed port needs a restart, each time it is asked, while the rules beside it come into force."""
    values: dict[str, Any] = {}
    async with proxy_that_rereads(tmp_path, values) as running:
        values.update(
            {
                **REQUIRED,
                "mode": "passthrough",
                "upstream": "http://127.0.0.1:9/v1",
                "listen": {"port": 8000},
                "limits": {"drain_s": 1, "enforce": False},
                "log": {"level": "debug"},
            }
        )
        expected = ["mode", "upstream", "listen.port", "limits.drain_s", "log.level"]
        for _ in range(2):
            code, answer = await reload(running)
            assert (code, answer["needs_restart"]) == (200, expected)
        assert await told(running.url, LONG) == KEY_MISSING
        now = await status(running)
        assert (now["mode"], now["upstream"]) == ("replay", None)
    assert "changed settings that only a restart brings in force" in "".join(capsys.readouterr())


async def test_a_change_that_was_taken_back_needs_no_restart(tmp_path: Path) -> None:
    """What is in force is compared with what is written now."""
    values: dict[str, Any] = {"cassettes": {"default": "first"}}
    (tmp_path / "first.json").write_text('{"format": "runproxy/1", "interactions": []}')
    async with proxy_that_rereads(tmp_path, values) as running:
        values["cassettes"] = {"default": "second"}
        assert (await reload(running))[1]["needs_restart"] == ["cassettes.default"]
        values["cassettes"] = {"default": "first"}
        assert (await reload(running))[1]["needs_restart"] == []


async def test_files_that_settings_name_are_read_again(tmp_path: Path) -> None:
    """Even where the settings themselves cannot change, a reload reads the policy file anew."""
    policy = tmp_path / "policy.toml"
    policy.write_text('required = ["a"]\n')
    async with running_proxy(settings_of(tmp_path, {"guard": {"policy_file": str(policy)}})) as running:
        assert await told(running.url, PLAIN) == MISS
        policy.write_text('required = ["user_id"]\n')
        assert (await reload(running))[1]["rules"]["policy"] == "enforce"
        assert await told(running.url, PLAIN) == KEY_MISSING
        policy.write_text("required = [\n")
        code, answer = await reload(running)
        assert (code, answer["error"].startswith(f"{policy}: is not valid TOML: ")) == (422, True)
        assert await told(running.url, PLAIN) == KEY_MISSING


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(("Origin", "https://evil.example"), id="page-of-another"),
        pytest.param(("Origin", "null"), id="page-of-nobody"),
        pytest.param(("Origin", ""), id="empty-origin"),
        pytest.param(("Origin", "http://127.0.0.1"), id="page-of-another-port"),
        pytest.param(("Origin", "http://localhost"), id="page-of-another-name"),
        pytest.param(("Host", "evil.example"), id="name-that-leads-here"),
        pytest.param(("Host", "127.0.0.1.evil.example"), id="name-that-begins-like-here"),
        pytest.param(("Host", "localhost.evil.example"), id="name-below-another"),
        pytest.param(("Host", "128.0.0.1"), id="other-address"),
        pytest.param(("Host", "127.0.0.1@evil.example"), id="name-behind-an-at-sign"),
        pytest.param(("Host", "[::1]evil"), id="name-behind-an-address"),
    ],
)
async def test_a_page_from_elsewhere_is_refused_by_the_admin_api(tmp_path: Path, header: tuple[str, str]) -> None:
    """A browser that is sent here by another page or name gets 403 everywhere, and no rule changes."""
    values: dict[str, Any] = {}
    async with proxy_that_rereads(tmp_path, values) as running:
        values.update(REQUIRED)
        paths = (("POST", "/api/reload"), ("GET", "/api/status"), ("GET", "/healthz"), ("GET", "/nowhere"))
        calls = [Request(method, path, make_headers([header])) for method, path in paths]
        answers = await ask(running.admin_url, *calls)
        assert [got.status for got in answers[:3]] == [403] * 3
        assert json.loads(answers[0].body) == {
            "error": "The admin API answers programs and pages of this machine only."
        }
        assert await told(running.url, PLAIN) == MISS


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:1", "[::1]:8788", "127.1.2.3:99"])
async def test_this_machine_is_answered_under_all_its_names(tmp_path: Path, host: str) -> None:
    """By any name of loopback, and to a page that came from the same name."""
    async with proxy_that_rereads(tmp_path, {}) as running:
        assert (await reload(running, ("Host", host)))[0] == 200
        assert (await reload(running, ("Host", host), ("Origin", f"http://{host}")))[0] == 200


async def test_reloading_is_a_post(tmp_path: Path) -> None:
    """Following a link does not change anything."""
    async with proxy_that_rereads(tmp_path, {}) as running:
        (got,) = await ask(running.admin_url, Request("GET", "/api/reload", make_headers()))
    assert got.status == 405


WITH_CREDENTIALS = {"attribution": {"teams": {"search": {"credentials": [FINGERPRINT]}}}}


async def test_credentials_without_a_secret_refuse_to_start(tmp_path: Path) -> None:
    """Fingerprints that nothing can be held against would attribute nobody; the message says what to set."""
    with pytest.raises(ConfigError) as caught:
        async with running_proxy(settings_of(tmp_path, WITH_CREDENTIALS)):
            pass
    assert caught.value.message == (
        "attribution: teams are told by their credentials, which needs the secret that their fingerprints were made "
        "with: set RUNPROXY_FINGERPRINT_KEY, or attribution.key_file."
    )
    assert caught.value.exit_code == 2


def put_key(folder: Path, text: str = SECRET) -> str:
    """Write a secret that only its owner may read."""
    path = folder / "runproxy.key"
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


@pytest.mark.parametrize("is_in_file", [False, True], ids=["variable", "file"])
async def test_a_team_is_told_by_its_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_in_file: bool
) -> None:
    """With the secret from either place, a call with the credential is held to the rules of its team."""
    values = merge(WITH_CREDENTIALS, {"policy": {"teams": {"search": {"required": ["user_id"]}}}})
    if is_in_file:
        values["attribution"]["key_file"] = put_key(tmp_path)
    else:
        monkeypatch.setenv(KEY_VARIABLE, SECRET)
    async with running_proxy(settings_of(tmp_path, values)) as running:
        assert await told(running.url, PLAIN) == KEY_MISSING
        other = modify({"a": "b"}, headers=(HEADERS[0], ("Authorization", "Bearer sk-another")))
        assert await told(running.url, other) == MISS
        claimed = modify({"a": "b"}, f"/@search{ADDRESS}", headers=(HEADERS[0],))
        (got,) = await ask(running.url, claimed)
        assert (got.status, got.headers["x-runproxy-warnings"]) == (501, 'team_mismatch;param="prefix"')


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        pytest.param("127.0.0.0/8", KEY_MISSING, id="trusted"),
        pytest.param("10.0.0.0/8", MISS, id="not-trusted"),
    ],
)
async def test_a_gateway_names_the_team_from_its_network_only(
    tmp_path: Path, network: str, expected: tuple[int, str]
) -> None:
    """The address is that of the connection, not one that a header tells."""
    values = {
        "policy": {"teams": {"search": {"required": ["user_id"]}}},
        "attribution": {"trusted_networks": [network]},
    }
    named = (*HEADERS, ("X-Runproxy-Team", "search"), ("X-Forwarded-For", "127.0.0.1"))
    async with running_proxy(settings_of(tmp_path, values)) as running:
        assert await told(running.url, modify({"a": "b"}, headers=named)) == expected


def test_the_variable_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret is that of the environment, else that of the file; an empty variable is none."""
    path = put_key(tmp_path, "another-secret-of-some-length")
    by_file, by_variable = Fingerprints.from_file(Path(path)).of("x"), Fingerprints(SECRET.encode(), "").of("x")
    assert find_fingerprints("") is None
    assert (find_fingerprints(path) or pytest.fail("none")).of("x") == by_file
    monkeypatch.setenv(KEY_VARIABLE, SECRET)
    assert (find_fingerprints(path) or pytest.fail("none")).of("x") == by_variable
    assert (find_fingerprints("missing.key") or pytest.fail("none")).of("x") == by_variable
    monkeypatch.setenv(KEY_VARIABLE, "")
    assert (find_fingerprints(path) or pytest.fail("none")).of("x") == by_file


def test_a_line_break_in_the_variable_is_no_part_of_the_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same secret gives the same fingerprints, whether it was read by runproxy or by what set the variable."""
    by_file = Fingerprints.from_file(Path(put_key(tmp_path, f"{SECRET}\n"))).of("x")
    monkeypatch.setenv(KEY_VARIABLE, f"{SECRET}\n")
    assert (find_fingerprints("") or pytest.fail("none")).of("x") == by_file


def test_a_short_secret_in_the_variable_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable, and does not repeat what it holds."""
    monkeypatch.setenv(KEY_VARIABLE, "short-secret")
    with pytest.raises(ConfigError) as caught:
        find_fingerprints("")
    assert caught.value.message.startswith("RUNPROXY_FINGERPRINT_KEY: the secret of fingerprints needs at least 16")
    assert "short-secret" not in caught.value.message


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        pytest.param({}, Nobody, id="nothing"),
        pytest.param({"policy": {"required": ["a"]}}, Nobody, id="rules-for-all"),
        pytest.param({"policy": {"teams": {"a": {}}}}, Attribution, id="rules-for-a-team"),
        pytest.param({"attribution": {"teams": {"a": {}}}}, Attribution, id="team"),
        pytest.param({"attribution": {"trusted_networks": ["::1"]}}, Attribution, id="gateway"),
    ],
)
def test_where_nothing_tells_of_teams_nobody_is_asked(tmp_path: Path, values: dict[str, Any], kind: type) -> None:
    """An installation without teams does not take calls apart for them."""
    settings = settings_of(tmp_path, values)
    assert type(make_rules(settings, policy_in(settings)).attribution) is kind


def test_a_secret_by_itself_is_reason_enough_to_look_at_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where fingerprints can be made, they are, and two credentials are refused."""
    monkeypatch.setenv(KEY_VARIABLE, SECRET)
    settings = settings_of(tmp_path, {})
    assert isinstance(make_rules(settings, policy_in(settings)).attribution, Attribution)
