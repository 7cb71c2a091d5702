"""The whole examination, over real sockets: each step to an upstream is told by its name."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from runproxy.config import Settings, make_settings
from runproxy.doctor import Examination, Finding
from runproxy.errors import ConfigError
from runproxy.messages import Response, make_headers
from runproxy.sandbox import Sandbox, running_sandbox
from tests.parts import ScriptedUpstream, answer, ask, modify, proxy, serving
from tests.upstream.servers import Authority, HttpProxy, behind_tls, listening

KEY = "team-credential-0123456789"
CLOSED = Response(404, make_headers())


def reader(folder: Path, **values: Any) -> Callable[[], Settings]:
    """Give what reads settings with a folder for cassettes and free ports."""
    held = {"listen": {"port": 0, "admin_port": 0}, "cassettes": {"dir": str(folder)}, **values}
    return lambda: make_settings(held, "test")


async def examined(
    read: Callable[[], Settings], now: Callable[[], datetime] | None = None, **more: Any
) -> dict[str, Finding]:
    """Do all checks, and give the last finding of each."""
    examination = Examination(read, now or (lambda: datetime.now(UTC)), "canary-0123456789", **more)
    return {finding.check: finding async for finding in examination.findings()}


def states(findings: dict[str, Finding]) -> dict[str, str]:
    """Reduce findings to their states."""
    return {name: finding.state for name, finding in findings.items()}


async def test_all_is_well_where_it_is(tmp_path: Path) -> None:
    """Every check is named, and none complains."""
    async with running_sandbox(Sandbox()) as origin:
        found = await examined(reader(tmp_path, mode="record", upstream=f"{origin}/v1"))
    assert states(found) == dict.fromkeys(
        [
            "config",
            "rules",
            "folder",
            "redaction",
            "cassettes",
            "port",
            "admin port",
            "upstream",
            "upstream DNS",
            "upstream TCP",
            "upstream HTTP",
            "clock",
        ],
        "ok",
    )


async def test_settings_that_cannot_be_used_are_told_first_and_alone(tmp_path: Path) -> None:
    """Nothing else can be checked then."""
    found = await examined(reader(tmp_path, mode="reply"))
    assert states(found) == {"config": "fail"}
    assert "test: mode: " in found["config"].found
    unknown = await examined(reader(tmp_path, upstream="no/url"))
    assert states(unknown) == {"config": "fail"}


async def test_what_the_rules_need_and_is_not_there_is_told(tmp_path: Path) -> None:
    """Files and secrets by their settings."""
    found = await examined(reader(tmp_path, guard={"policy_file": str(tmp_path / "none.toml")}))
    assert found["rules"].state == "fail"
    found = await examined(reader(tmp_path, listen={"tls_cert": "none.pem", "tls_key": "none.key", "admin_port": 0}))
    assert found["rules"].found == "listen.tls_cert: cannot read none.pem: No such file or directory"
    loose = tmp_path / "redact.key"
    loose.write_text("x" * 32)
    loose.chmod(0o644)
    found = await examined(reader(tmp_path, redact={"ids": True, "key_file": str(loose)}))
    assert found["redaction"].state == "fail"
    assert "chmod 600" in found["redaction"].found


@pytest.mark.parametrize(("mode", "state"), [("replay", "ok"), ("record", "fail"), ("verify", "fail")])
async def test_no_upstream_is_well_in_replay_only(tmp_path: Path, mode: str, state: str) -> None:
    """All other modes forward calls."""
    assert (await examined(reader(tmp_path, mode=mode)))["upstream"].state == state


async def test_a_closed_endpoint_is_explained(tmp_path: Path) -> None:
    """A 404 with an empty body is no mystery."""
    upstream = ScriptedUpstream(CLOSED, CLOSED, CLOSED)
    async with serving(upstream) as base_url:
        values = {"upstream": "theirs", "upstreams": {"theirs": {"kind": "openai", "url": base_url}}}
        recording = await examined(reader(tmp_path, mode="record", **values))
        replaying = await examined(reader(tmp_path, **values))
        asked = await examined(reader(tmp_path, **values), needs_upstream=True)
    assert recording["upstream HTTP"].means.startswith("OpenAI closed this API on 2026-08-26.")
    assert [one["upstream HTTP"].state for one in (recording, replaying, asked)] == ["fail", "warn", "fail"]
    assert replaying["upstream HTTP"].means.endswith("Replay does not need it.")


async def test_the_upstream_gets_no_credential_unless_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing but a GET in any case; what was sent and refused is a failure, what was not sent is none."""
    monkeypatch.setenv("TEAM_KEY", KEY)
    sandbox = Sandbox(api_key="another-key-0123456789")
    upstream = ScriptedUpstream(make=sandbox.answer)
    async with serving(upstream) as base_url:
        profile = {"kind": "azure", "url": base_url, "api_version": "2024-08-01-preview", "credential_env": "TEAM_KEY"}
        read = reader(tmp_path, mode="record", upstream="one", upstreams={"one": profile})
        without, refused = await examined(read), await examined(read, sends_credential=True)
    assert [one["upstream HTTP"].state for one in (without, refused)] == ["ok", "fail"]
    first, second = upstream.seen
    assert (first.method, second.method) == ("GET", "GET")
    assert KEY not in str(list(first.headers.items()))
    assert second.headers["api-key"] == KEY
    assert first.target.endswith("?api-version=2024-08-01-preview")
    assert KEY not in str(refused)


async def test_a_credential_that_is_right_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service then says that there is no such run."""
    monkeypatch.setenv("TEAM_KEY", KEY)
    async with running_sandbox(Sandbox(api_key=KEY)) as origin:
        profile = {"kind": "openai", "url": f"{origin}/v1", "credential_env": "TEAM_KEY"}
        read = reader(tmp_path, mode="record", upstream="one", upstreams={"one": profile})
        found = await examined(read, sends_credential=True)
    assert found["upstream HTTP"].state == "ok"
    assert "It speaks the API" in found["upstream HTTP"].found


async def test_a_variable_that_is_not_set_is_told(tmp_path: Path) -> None:
    """By its name and the setting."""
    profile = {"kind": "openai", "url": "http://127.0.0.1:9/v1", "credential_env": "NO_SUCH_VARIABLE"}
    found = await examined(reader(tmp_path, mode="record", upstream="one", upstreams={"one": profile}))
    assert found["upstream"].state == "fail"
    assert "upstreams.one.credential_env" in found["upstream"].found
    assert "upstream DNS" not in found


async def test_each_step_that_fails_is_the_last(tmp_path: Path) -> None:
    """A name that is not found, a port that takes nobody, and a certificate that is not trusted, each by its name."""
    authority = Authority(tmp_path)
    async with listening(HttpProxy()) as port:
        pass
    unknown = await examined(reader(tmp_path, mode="record", upstream="https://no-such-host.invalid/v1"))
    refused = await examined(reader(tmp_path, mode="record", upstream=f"http://127.0.0.1:{port}/v1"))
    async with serving(ScriptedUpstream()) as plain, behind_tls(plain, authority.server("127.0.0.1")) as base_url:
        untrusted = await examined(reader(tmp_path, mode="record", upstream=base_url))
        spoken = await examined(
            reader(tmp_path, mode="record", upstream=plain.replace("http:", "https:"))  # which does not speak TLS
        )
    steps = ("upstream DNS", "upstream TCP", "upstream TLS", "upstream HTTP")
    assert [[one[step].state for step in steps if step in one] for one in (unknown, refused, untrusted, spoken)] == [
        ["fail"],
        ["ok", "fail"],
        ["ok", "ok", "fail"],
        ["ok", "ok", "fail"],
    ]
    assert "ca_file (--ca-file)" in untrusted["upstream TLS"].do
    assert "does not speak TLS" in spoken["upstream TLS"].found


@pytest.mark.parametrize(("days", "state"), [(400, "ok"), (5, "warn")])
async def test_a_certificate_that_will_soon_end_is_warned_of(tmp_path: Path, days: int, state: str) -> None:
    """In time to have it renewed; a client certificate is shown, and the run is asked for over TLS."""
    authority, now = Authority(tmp_path), datetime.now(UTC)
    tls = authority.server_for_clients_of(authority, "127.0.0.1")
    authority.ca.issue_cert("127.0.0.1", not_after=now + timedelta(days=days)).configure_cert(tls)
    certificate, key = authority.client()
    connection = {"ca_file": authority.ca_file, "client_cert": certificate, "client_key": key}
    async with running_sandbox(Sandbox()) as origin, behind_tls(f"{origin}/v1", tls) as base_url:
        found = await examined(reader(tmp_path, mode="record", upstream=base_url, connection=connection))
    assert (found["upstream TLS"].state, found["upstream HTTP"].state) == (state, "ok")
    assert found["key"].state == "warn"


async def test_an_http_proxy_is_named_and_gets_its_login_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its steps bear its name."""
    monkeypatch.setenv("PROXY_LOGIN", f"user:{KEY}")
    on_the_way = HttpProxy(f"user:{KEY}")
    async with running_sandbox(Sandbox()) as origin, listening(on_the_way) as port:
        connection = {"http_proxy": f"http://127.0.0.1:{port}", "http_proxy_credential_env": "PROXY_LOGIN"}
        read = reader(tmp_path, mode="record", upstream=f"{origin}/v1", connection=connection)
        without, sent = await examined(read), await examined(read, sends_credential=True)
    assert [one["proxy TCP"].state for one in (without, sent)] == ["ok", "ok"]
    assert (without["proxy HTTP"].state, sent["upstream HTTP"].state) == ("warn", "ok")
    assert "Proxy-Authorization" not in on_the_way.heads[0]


@pytest.mark.parametrize(("off", "state"), [(0, "ok"), (600, "warn"), (-600, "warn"), (200_000, "fail")])
async def test_a_clock_that_differs_from_the_upstreams_is_told(tmp_path: Path, off: int, state: str) -> None:
    """Minutes are a warning, days a failure, in either direction."""
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    date = format_datetime(now + timedelta(seconds=off), usegmt=True)
    upstream = ScriptedUpstream(Response(200, make_headers([("Date", date)]), b"{}"))
    async with serving(upstream) as base_url:
        found = await examined(reader(tmp_path, mode="record", upstream=base_url), lambda: now)
    assert found["clock"].state == state


async def test_a_clock_that_is_behind_the_recordings_is_told(tmp_path: Path) -> None:
    """Without any upstream, too; and that recordings are old is no wonder."""
    async with serving(ScriptedUpstream(answer({}))) as base_url, proxy(tmp_path, "record", base_url) as on:
        await ask(on.url, modify({"a": "b"}))
    then = datetime.now(UTC)
    for days, state in ((-30, "fail"), (0, "ok"), (3000, "ok")):
        found = await examined(reader(tmp_path), lambda days=days: then + timedelta(days=days))  # type: ignore[misc]
        assert found["clock"].state == state


async def test_a_runproxy_that_runs_is_recognised(tmp_path: Path) -> None:
    """Its ports are in use, which is a warning, and it is not disturbed."""
    upstream = ScriptedUpstream(make=lambda _: answer({}))
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as on:
        listen = {"port": int(on.url.rpartition(":")[2]), "admin_port": int(on.admin_url.rpartition(":")[2])}
        found = await examined(reader(tmp_path, listen=listen))
        (still,) = await ask(on.url, modify({"a": "b"}))
    assert (found["port"].state, found["admin port"].state, still.status) == ("warn", "warn", 200)


async def test_an_upstream_that_says_nothing_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is an answer for that, too."""
    monkeypatch.setattr("runproxy.doctor.examination._PATIENCE_S", 0.3)

    async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.sleep(20)

    async with listening(silence) as port:
        found = await examined(reader(tmp_path, mode="record", upstream=f"http://127.0.0.1:{port}/v1"))
        over_tls = await examined(reader(tmp_path, mode="record", upstream=f"https://127.0.0.1:{port}/v1"))
    assert "did not answer within" in found["upstream HTTP"].found
    assert "nothing within 0.3 seconds" in over_tls["upstream TLS"].found


async def test_an_error_of_the_reader_is_told_as_it_is(tmp_path: Path) -> None:
    """A file that cannot be read, say."""

    def read() -> Settings:
        raise ConfigError(f"{tmp_path}/runproxy.toml: cannot be read: Permission denied.")

    found = await examined(read)
    assert found["config"].found.endswith("cannot be read: Permission denied")
