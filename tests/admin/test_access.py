"""Who may use the admin listener."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from yarl import URL

from runproxy.admin.openapi import PATH
from runproxy.composition import running_proxy
from runproxy.config import make_settings
from runproxy.errors import ConfigError
from runproxy.messages import Request, make_headers
from tests.parts import ask, proxy

TOKEN = "a-token-of-more-than-sixteen-characters"


def settings(folder: Path, **listen: object) -> Any:
    """Make settings of a replay with a listener."""
    values = {"listen": {"port": 0, "admin_port": 0, **listen}, "cassettes": {"dir": str(folder)}}
    return make_settings(values, "test")


def get(path: str, *headers: tuple[str, str]) -> Request:
    """Make a request to the admin listener."""
    return Request("GET", path, make_headers(headers))


def basic(password: str) -> str:
    """Write a password as a browser sends it."""
    return f"Basic {base64.b64encode(f'me:{password}'.encode()).decode()}"


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        pytest.param(f"Bearer {TOKEN}", 200, id="bearer"),
        pytest.param(f"bearer {TOKEN}", 200, id="scheme-in-lower-case"),
        pytest.param(basic(TOKEN), 200, id="password-of-a-browser"),
        pytest.param(basic(TOKEN[:-1]), 401, id="other-password"),
        pytest.param("Basic %%%", 401, id="no-base64"),
        pytest.param(f"Bearer {TOKEN[:-1]}", 401, id="shorter"),
        pytest.param(f"Bearer {TOKEN}x", 401, id="longer"),
        pytest.param("Bearer ", 401, id="empty"),
        pytest.param(TOKEN, 401, id="without-a-scheme"),
        pytest.param("", 401, id="none"),
    ],
)
async def test_a_token_is_asked_for_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authorization: str, status: int
) -> None:
    """Everything but probes needs it, also on loopback, and a browser is told how to ask for it."""
    monkeypatch.setenv("RUNPROXY_ADMIN_TOKEN", TOKEN)
    async with running_proxy(settings(tmp_path)) as on:
        got, health = await ask(on.admin_url, get("/api/status", ("Authorization", authorization)), get("/healthz"))
    assert (got.status, health.status) == (status, 200)
    assert ("WWW-Authenticate" in got.headers) is (status == 401)


async def test_off_loopback_a_token_is_a_must(tmp_path: Path) -> None:
    """Where other machines could ask, the proxy does not start without one."""
    with pytest.raises(ConfigError, match="needs a token: set RUNPROXY_ADMIN_TOKEN"):
        async with running_proxy(settings(tmp_path, admin_host="0.0.0.0")):  # noqa: S104 - refused
            pass


async def test_a_token_can_be_in_a_file(tmp_path: Path) -> None:
    """The file must be readable for its owner alone, and the token in it is asked for."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    async with running_proxy(settings(tmp_path, admin_token_file=str(file))) as on:
        without, with_it = await ask(
            on.admin_url, get("/metrics"), get("/metrics", ("Authorization", f"Bearer {TOKEN}"))
        )
    assert (without.status, with_it.status) == (401, 200)


@pytest.mark.parametrize(("host", "status"), [("proxy.example:8788", 200), ("PROXY.example", 200), ("x.example", 403)])
async def test_further_names_can_be_allowed(tmp_path: Path, host: str, status: int) -> None:
    """The names in the settings lead here too, and no other does."""
    async with running_proxy(settings(tmp_path, admin_hosts=["proxy.example"])) as on:
        (got,) = await ask(on.admin_url, get("/api/status", ("Host", host)))
    assert got.status == status


async def test_no_other_origin_is_ever_let_in(tmp_path: Path) -> None:
    """Nothing is said of CORS, so no page from elsewhere can read an answer, and a preflight fails."""
    async with proxy(tmp_path, "replay") as on:
        preflight = Request("OPTIONS", "/api/status", make_headers([("Origin", "http://evil.example")]))
        own = get("/api/status", ("Origin", str(URL(on.admin_url).origin())))
        refused, answered = await ask(on.admin_url, preflight, own)
    assert (refused.status, answered.status) == (403, 200)
    for answer in (refused, answered):
        assert not any(name.lower().startswith("access-control-") for name in answer.headers)


async def test_every_address_is_described(tmp_path: Path) -> None:
    """The OpenAPI document is valid, and lists just the addresses and methods that there are."""
    async with proxy(tmp_path, "replay") as on:
        (answer,) = await ask(on.admin_url, get(PATH))
        found = json.loads(answer.body)
        OpenAPIV31SpecValidator(found).validate()
        for path, operations in found["paths"].items():
            for method in operations:
                concrete = path.replace("{id}", "x")
                (got,) = await ask(on.admin_url, Request(method.upper(), concrete, make_headers()))
                assert str(got.status) in operations[method]["responses"], (method, path)
