"""An HTTP proxy on the way to the upstream: by explicit setting only, with a credential that nobody sees."""

import json
from pathlib import Path
from typing import Any

import pytest

from runproxy.errors import ConfigError
from runproxy.messages import Response, make_headers
from runproxy.upstream import ConnectionSettings
from runproxy.upstream.wiring import Wiring
from tests.parts import ADDRESS, ScriptedUpstream, ask, echo, modify, proxy, serving
from tests.upstream.servers import Authority, HttpProxy, behind_tls, listening

LOGIN = "runproxy:p@ss/word-0123456789"


async def asked(folder: Path, base_url: str, connection: dict[str, Any]) -> Response:
    """Ask an upstream through a recording proxy."""
    async with proxy(folder, "record", base_url, rules={"connection": connection}) as recording:
        (got,) = await ask(recording.url, modify({"a": "b"}))
    return got


def error_of(response: Response) -> tuple[int, str, str]:
    """Give status, code and message of a refusal."""
    error = json.loads(response.body)["error"]
    return response.status, error["code"], error["message"]


async def test_an_http_upstream_is_reached_through_it(tmp_path: Path) -> None:
    """The proxy gets the whole URL, and the upstream the call."""
    upstream, on_the_way = ScriptedUpstream(make=echo), HttpProxy()
    async with serving(upstream) as base_url, listening(on_the_way) as port:
        got = await asked(tmp_path, base_url, {"http_proxy": f"http://127.0.0.1:{port}"})
    assert (got.status, got.headers["x-runproxy-outcome"]) == (200, "recorded")
    assert on_the_way.heads[0].startswith(f"POST {base_url.removesuffix('/v1')}{ADDRESS} HTTP/1.1\r\n")
    assert len(upstream.seen) == 1


async def test_an_https_upstream_is_reached_through_a_tunnel(tmp_path: Path) -> None:
    """The proxy sees where to, and nothing of the call: TLS is verified behind it as in front of it."""
    authority, upstream, on_the_way = Authority(tmp_path), ScriptedUpstream(make=echo), HttpProxy()
    async with (
        serving(upstream) as plain,
        behind_tls(plain, authority.server("127.0.0.1")) as base_url,
        listening(on_the_way) as port,
    ):
        through = {"http_proxy": f"http://127.0.0.1:{port}"}
        got = await asked(tmp_path, base_url, {"ca_file": authority.ca_file, **through})
        untrusted = await asked(tmp_path, base_url, through)
    assert (got.status, untrusted.status) == (200, 502)
    assert error_of(untrusted)[1] == "upstream_untrusted"
    address = base_url.removeprefix("https://").removesuffix("/v1")
    assert {head.partition("\r\n")[0] for head in on_the_way.heads} == {f"CONNECT {address} HTTP/1.1"}
    assert "metadata" not in "".join(on_the_way.heads)
    assert len(upstream.seen) == 1


@pytest.mark.parametrize("over_tls", [False, True], ids=["http", "https"])
async def test_its_credential_is_sent_to_it_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, over_tls: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not to the upstream, whose echo of it is not recorded either, and not into a log."""
    monkeypatch.setenv("PROXY_LOGIN", LOGIN)
    password = LOGIN.partition(":")[2]
    authority, upstream, on_the_way = Authority(tmp_path), ScriptedUpstream(make=echo), HttpProxy(LOGIN)
    async with (
        serving(upstream) as plain,
        behind_tls(plain, authority.server("127.0.0.1")) as encrypted,
        listening(on_the_way) as port,
    ):
        connection = {"http_proxy": f"http://127.0.0.1:{port}", "http_proxy_credential_env": "PROXY_LOGIN"}
        connection |= {"ca_file": authority.ca_file} if over_tls else {}
        rules = {"connection": connection}
        async with proxy(tmp_path, "record", encrypted if over_tls else plain, rules=rules) as recording:
            first, echoed = await ask(recording.url, modify({"a": "b"}), modify({"a": password}))
    assert [got.headers["x-runproxy-outcome"] for got in (first, echoed)] == ["recorded", "unrecorded"]
    assert all("Proxy-Authorization" not in seen.headers for seen in upstream.seen)
    assert password not in (tmp_path / "default.json").read_text() + "".join(capsys.readouterr())


@pytest.mark.parametrize("over_tls", [False, True], ids=["http", "https"])
async def test_a_proxy_that_asks_for_a_credential_is_told_as_such(tmp_path: Path, over_tls: bool) -> None:
    """Its 407 is no answer of the upstream: it is not recorded as one, and says which setting is meant."""
    upstream, on_the_way = ScriptedUpstream(make=echo), HttpProxy(LOGIN)
    async with serving(upstream) as plain, listening(on_the_way) as port:
        base_url = plain.replace("http:", "https:") if over_tls else plain
        got = await asked(tmp_path, base_url, {"http_proxy": f"http://127.0.0.1:{port}"})
    status, code, message = error_of(got)
    assert (status, code) == (502, "upstream_proxy")
    assert "asks for a credential, or for another one: http_proxy_credential_env" in message
    assert upstream.seen == []
    assert not (tmp_path / "default.json").exists()


async def test_a_407_without_a_proxy_is_an_answer(tmp_path: Path) -> None:
    """Odd as it is, it is what the upstream said."""
    async with serving(ScriptedUpstream(Response(407, make_headers(), b"{}"))) as base_url:
        got = await asked(tmp_path, base_url, {})
    assert (got.status, got.headers["x-runproxy-outcome"]) == (407, "recorded")


async def test_a_proxy_that_refuses_or_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    """502 names the proxy, not the upstream, as what to look at; a call that was not sent may be sent again."""
    async with listening(HttpProxy(status=403)) as port:
        through = {"http_proxy": f"http://127.0.0.1:{port}"}
        refused = await asked(tmp_path, "https://host.example/v1", through)
    gone = await asked(tmp_path, "https://host.example/v1", through)
    assert error_of(refused)[:2] == error_of(gone)[:2] == (502, "upstream_proxy")
    assert "it answered 403. Does it allow connections there?" in error_of(refused)[2]
    assert f"127.0.0.1:{port} on the way to https://host.example cannot be reached" in error_of(gone)[2]
    assert "x-runproxy-upstream-outcome" not in refused.headers
    assert "x-runproxy-upstream-outcome" not in gone.headers


async def test_no_proxy_is_taken_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What other programs are told by HTTP_PROXY says nothing to runproxy."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(ScriptedUpstream(make=echo)) as base_url:
        got = await asked(tmp_path, base_url, {})
    assert got.status == 200


@pytest.mark.parametrize(
    ("value", "expected"), [("no-colon-in-it", "is not of the form 'user:password'"), ("", "is not set, or empty")]
)
def test_a_variable_without_a_login_is_told(monkeypatch: pytest.MonkeyPatch, value: str, expected: str) -> None:
    """By its name and the setting, without its value."""
    monkeypatch.setenv("PROXY_LOGIN", value)
    settings = ConnectionSettings(http_proxy="http://proxy:1", http_proxy_credential_env="PROXY_LOGIN")
    with pytest.raises(ConfigError) as caught:
        Wiring.of(settings, "connection")
    assert caught.value.message.startswith("connection.http_proxy_credential_env: the ")
    assert expected in caught.value.message
    assert not value or value not in caught.value.message


def test_a_wiring_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its `repr` names the proxy alone."""
    monkeypatch.setenv("PROXY_LOGIN", LOGIN)
    settings = ConnectionSettings(http_proxy="http://proxy:1", http_proxy_credential_env="PROXY_LOGIN")
    wiring = Wiring.of(settings, "connection")
    assert repr(wiring) == "Wiring(tls=None, proxy='http://proxy:1')"
    assert wiring.proxy_url is not None
    assert (wiring.proxy_url.user, wiring.proxy_url.password) == tuple(LOGIN.split(":", 1))
