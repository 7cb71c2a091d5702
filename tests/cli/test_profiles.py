"""Profiles as people use them: chosen by name, with a credential from the environment that appears in nothing."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from runproxy.messages import Request, Response
from runproxy.sandbox import Sandbox
from tests.cli.processes import Server, fetch, run
from tests.cli.processes import serving as process
from tests.parts import ADDRESS, JSON_HEADERS, ScriptedUpstream, serving
from tests.upstream.servers import Authority, HttpProxy, behind_tls, listening

KEY = 'team-KEY/9f2b+7c1d_"e5a8"~0b'
LOGIN = "proxy-user:proxy-PASS/77+1f_2"
PAGES = ("/healthz", "/readyz", "/metrics", "/api/status", "/api/misses", "/api/hits", "/api/drift")


def spellings(secret: str) -> list[bytes]:
    """Spell a secret as it could stand in what is written."""
    raw = secret.encode()
    return [raw, quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode(), base64.b64encode(raw)[:-4]]


@asynccontextmanager
async def upstream(tmp_path: Path) -> AsyncIterator[tuple[ScriptedUpstream, HttpProxy]]:
    """Run a server that asks for a client certificate behind a proxy that asks for a login, and write the profile."""
    sandbox, authority = Sandbox(api_key=KEY), Authority(tmp_path)
    sandbox.add_documented_run()

    async def answered(request: Request) -> Response:
        said = request.headers.get("X-Say")
        return Response(int(said), JSON_HEADERS, b"{}") if said else await sandbox.answer(request)

    seen, on_the_way = ScriptedUpstream(make=answered), HttpProxy(LOGIN)
    tls = authority.server_for_clients_of(authority, "127.0.0.1")
    certificate, key = authority.client()
    async with serving(seen) as plain, behind_tls(plain, tls) as base_url, listening(on_the_way) as port:
        (tmp_path / "runproxy.toml").write_text(f"""
upstream = "team"

[upstreams.team]
kind = "azure"
url = "{base_url.removesuffix("/v1")}/openai"
api_version = "2024-08-01-preview"
credential_env = "TEAM_KEY"
ca_file = "{authority.ca_file}"
client_cert = "{certificate}"
client_key = "{key}"
http_proxy = "http://127.0.0.1:{port}"
http_proxy_credential_env = "PROXY_LOGIN"
""")
        yield seen, on_the_way


def call(server: Server, number: int, **headers: str) -> int:
    """Call as a client without a key, and give the status."""
    url = f"{server.url}/openai{ADDRESS.removeprefix('/v1')}"
    body = json.dumps({"metadata": {"number": str(number)}}).encode()
    return fetch(url, method="POST", headers={"Content-Type": "application/json", **headers}, body=body).status


@pytest.mark.parametrize("mode", ["record", "auto", "passthrough", "verify"])
async def test_a_profile_is_used_in_every_mode_and_its_secrets_appear_in_nothing(tmp_path: Path, mode: str) -> None:
    """Over TLS with a client certificate, through a proxy with a login, as the command runs it."""
    env = {"TEAM_KEY": KEY, "PROXY_LOGIN": LOGIN}
    async with upstream(tmp_path) as (seen, on_the_way):
        args = ("serve", "--mode", mode, "--log-level", "debug", "--log-format", "json")
        with process(tmp_path, *args, env=env) as server:
            first = await asyncio.to_thread(call, server, 1)
            refused = await asyncio.to_thread(call, server, 2, **{"X-Say": "401"})
            told = {page: await asyncio.to_thread(fetch, server.admin_url + page) for page in PAGES}
            ready = server.ready_file.read_bytes()
            assert await asyncio.to_thread(server.stop) in (0, 1)
            said = server.stderr()
        assert (first, refused) == (200, 401), said
    assert [request.headers["api-key"] for request in seen.seen] == [KEY, KEY]
    assert {head.partition(" ")[0] for head in on_the_way.heads} == {"CONNECT"}
    assert "team (azure): https://127.0.0.1:" in said
    assert ", with the credential in TEAM_KEY" in said
    assert f"export AZURE_OPENAI_ENDPOINT={server.url}\n" in said
    outputs = {"log": said.encode(), "ready": ready, **{page: answer.body for page, answer in told.items()}}
    outputs |= {path.name: path.read_bytes() for path in (tmp_path / "cassettes").glob("**/*") if path.is_file()}
    assert ("default.json" in outputs) is (mode in ("record", "auto"))
    for where, data in outputs.items():
        for secret in (KEY, LOGIN.partition(":")[2]):
            assert not any(form in data for form in spellings(secret)), where


async def test_commands_use_profiles_too(tmp_path: Path) -> None:
    """The doctor, cassette verify, config show and config validate; none of them tells a secret."""
    env = {"TEAM_KEY": KEY, "PROXY_LOGIN": LOGIN}
    async with upstream(tmp_path) as (seen, _):
        with process(tmp_path, "serve", "--mode", "record", env=env) as server:
            await asyncio.to_thread(call, server, 1)
            server.stop()
        ended = [
            await asyncio.to_thread(run, tmp_path, *command, env=env)
            for command in (
                ("doctor", "--mode", "record", "--port", "0", "--admin-port", "0", "--send-credential"),
                ("cassette", "verify", "default", "--upstream", "team", "--include-unsafe", "--kinds", "status"),
                ("config", "validate"),
                ("config", "show"),
            )
        ]
        twice = await asyncio.to_thread(
            run, tmp_path, "cassette", "verify", "default", "--upstream", "team", "--api-key-env", "TEAM_KEY", env=env
        )
    assert [one.returncode for one in ended] == [0, 0, 0, 0], [one.stdout + one.stderr for one in ended]
    assert ended[1].stdout == "1 verified, 0 drifted, 0 not sent\n"
    assert all(request.headers["api-key"] == KEY for request in seen.seen)
    assert twice.returncode == 2
    assert "[upstreams.team] sends the credential in TEAM_KEY, and no other." in twice.stderr
    for one in ended:
        assert not any(form.decode() in one.stdout + one.stderr for form in spellings(KEY) + spellings(LOGIN))


@pytest.mark.parametrize(
    ("args", "env", "told"),
    [
        pytest.param(
            ("--upstream", "tem"), {}, "upstream: 'tem' is neither a base URL such as 'https://host/v1' nor", id="name"
        ),
        pytest.param(
            ("--upstream", "team"),
            {},
            "upstreams.team.credential_env: the environment variable TEAM_KEY is not set, or empty.",
            id="unset",
        ),
        pytest.param(
            ("--upstream", "team", "--ca-file", "x.pem"),
            {"TEAM_KEY": KEY},
            "connection: goes with an upstream that is given by its URL; [upstreams.team] has settings of its own",
            id="flag-for-urls",
        ),
        pytest.param(
            ("--upstream", "https://host/v1", "--ca-file", "x.pem"),
            {},
            "connection.ca_file: cannot read x.pem: No such file or directory.",
            id="missing-file",
        ),
        pytest.param(
            ("--upstream", "https://host/v1", "--http-proxy", "http://u:secret-password@proxy:1"),
            {},
            "--http-proxy: the URL of a proxy holds no credential here",
            id="login-in-the-url",
        ),
    ],
)
def test_what_cannot_be_used_keeps_it_from_starting(
    tmp_path: Path, args: tuple[str, ...], env: dict[str, str], told: str
) -> None:
    """Exit code 2, one message that says where and what, and no secret."""
    (tmp_path / "runproxy.toml").write_text(
        '[upstreams.team]\nkind = "openai"\nurl = "https://host/v1"\ncredential_env = "TEAM_KEY"\n'
    )
    ended = run(tmp_path, "record", *args, "--port", "0", "--admin-port", "0", env=env)
    assert ended.returncode == 2
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "secret-password" not in ended.stderr


def test_validate_reads_the_certificates_that_profiles_name(tmp_path: Path) -> None:
    """Not only those of the upstream that is chosen; and it needs no credential for that."""
    (tmp_path / "runproxy.toml").write_text(
        '[upstreams.team]\nkind = "openai"\nurl = "https://host/v1"\nca_file = "x.pem"\ncredential_env = "TEAM_KEY"\n'
    )
    ended = run(tmp_path, "config", "validate")
    assert ended.returncode == 2
    assert "upstreams.team.ca_file: cannot read x.pem: No such file or directory." in ended.stderr
