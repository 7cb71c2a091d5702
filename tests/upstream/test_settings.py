"""Upstreams as they are written in TOML: what is taken, and how mistakes are told."""

import tomllib
from typing import Any

import pytest

from runproxy.config import example, make_settings
from runproxy.errors import ConfigError
from runproxy.upstream import EXAMPLES, Address

AZURE = {"kind": "azure", "url": "https://res.openai.azure.com/openai"}
OWN = {"kind": "self_hosted", "url": "https://host/v1"}


def told(profile: dict[str, Any], **settings: Any) -> str:
    """Give what is said about a profile that cannot be used."""
    with pytest.raises(ConfigError) as caught:
        make_settings({"upstreams": {"one": profile}, **settings}, "team.toml")
    return caught.value.message


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_example_of_each_kind_loads_and_is_chosen_by_name(kind: str) -> None:
    """The config file that shows all settings has an upstream of each kind; taken out of the comment, it works."""
    lines = example().splitlines()
    start = lines.index(f"# [upstreams.{kind}]")
    end = next(number for number in range(start, len(lines)) if lines[number] in ("", "#"))
    values = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines[start:end]))
    assert values == {"upstreams": {kind: EXAMPLES[kind]}}
    profile = make_settings({"upstream": kind, **values}, "example").profile
    assert profile is not None
    assert (profile.name, profile.kind, str(profile.address)) == (kind, kind, EXAMPLES[kind]["url"])


@pytest.mark.parametrize(
    ("profile", "header"),
    [
        pytest.param(AZURE, "api-key", id="azure"),
        pytest.param({**AZURE, "credential_header": "Authorization"}, "Authorization", id="azure-with-a-token"),
        pytest.param({"kind": "foundry", "url": "https://h/api/projects/p"}, "Authorization", id="foundry"),
        pytest.param({"kind": "openai", "url": "https://h/v1"}, "Authorization", id="openai"),
        pytest.param({**OWN, "credential_header": "X-Api-Key"}, "X-Api-Key", id="of-its-own"),
    ],
)
def test_each_kind_has_its_header_for_the_credential(profile: dict[str, Any], header: str) -> None:
    """It can be named; else it is the one of the kind."""
    chosen = make_settings({"upstream": "one", "upstreams": {"one": profile}}, "test").profile
    assert chosen is not None
    assert chosen.credential_header == header


def test_a_url_is_taken_where_there_are_profiles() -> None:
    """`upstream` and `--upstream` still take a base URL."""
    chosen = make_settings({"upstream": "http://host/v1", "upstreams": {"one": OWN}}, "test").profile
    assert chosen is not None
    assert (chosen.name, chosen.kind, chosen.address) == ("", None, Address("http://host", "/v1"))


def test_a_name_that_is_none_is_told_with_those_there_are() -> None:
    """What is neither a URL nor a profile is refused."""
    with pytest.raises(ConfigError) as caught:
        make_settings({"upstream": "azur", "upstreams": {"azure": AZURE, "own": OWN}}, "test").profile  # noqa: B018
    assert caught.value.message == (
        "upstream: 'azur' is neither a base URL such as 'https://host/v1' nor the name of a profile; there are "
        "azure, own."
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({"url": "host/v1"}, "upstreams.one.url: 'host/v1' is no base URL", id="no-url"),
        pytest.param({"url": "https://h/v1?a={b}"}, "upstreams.one.url: a base URL has no user", id="query"),
        pytest.param({"kind": "aws"}, "upstreams.one.kind: Input should be 'openai', 'azure'", id="kind"),
        pytest.param({"api_version": "v1&x=y"}, "upstreams.one.api_version: ", id="api-version"),
        pytest.param({"credential": "x"}, "Did you mean 'upstreams.one.credential_env'?", id="no-such-setting"),
        pytest.param({"credential_header": "X-Custom"}, "credential_header: a header was expected", id="odd-header"),
        pytest.param({"credential_header": "X_Api_Key"}, "credential_header: a header was expected", id="underscore"),
        pytest.param({"credential_header": "Proxy-Authorization"}, "credential_header: a header was", id="hop-by-hop"),
        pytest.param({"http_proxy": "socks5://p:1"}, "one.http_proxy: the URL of an HTTP proxy", id="socks"),
        pytest.param({"http_proxy": "proxy:3128"}, "one.http_proxy: the URL of an HTTP proxy", id="no-scheme"),
        pytest.param({"http_proxy": "http://p:1/x"}, "one.http_proxy: the URL of an HTTP proxy", id="path"),
        pytest.param({"client_key": "k.pem"}, "upstreams.one: client_key goes with a client_cert", id="key-alone"),
        pytest.param({"http_proxy_credential_env": "P"}, "goes with an http_proxy", id="login-alone"),
        pytest.param({"url": "http://h/v1", "ca_file": "ca.pem"}, "ca_file goes with an https URL", id="no-tls"),
    ],
)
def test_a_mistake_is_told_with_its_place(more: dict[str, Any], expected: str) -> None:
    """File, path, and what was expected."""
    message = told({**OWN, **more})
    assert message.startswith("team.toml: upstreams.one")
    assert expected in message


SECRET = "Sk-lively-0123456789"


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param({**OWN, "url": f"https://user:{SECRET}@host/v1"}, id="in-the-url"),
        pytest.param({**OWN, "url": f"https://host/v1?key={SECRET}"}, id="in-the-query"),
        pytest.param({**OWN, "url": f"ftp://user:{SECRET}@host/v1"}, id="in-what-is-no-url"),
        pytest.param({**OWN, "credential_header": SECRET}, id="in-place-of-a-header"),
        pytest.param({**OWN, "credential_env": SECRET}, id="in-place-of-a-variable"),
        pytest.param({**OWN, "credential_env": SECRET.replace("-", "")}, id="of-letters-and-digits"),
        pytest.param({**OWN, "http_proxy": f"http://user:{SECRET}@proxy:3128"}, id="in-the-proxy"),
        pytest.param({**OWN, "http_proxy": "http://p:1", "http_proxy_credential_env": SECRET}, id="of-the-proxy"),
        pytest.param(SECRET, id="in-place-of-the-table"),
    ],
)
def test_a_secret_in_the_wrong_place_is_refused_and_not_repeated(profile: Any) -> None:
    """Whoever writes a credential into the file is told what to do, and the message can be shown to anybody."""
    message = told(profile)
    assert SECRET not in message
    assert SECRET.replace("-", "") not in message


def test_what_is_set_for_urls_is_no_setting_of_a_profile() -> None:
    """A flag that would do nothing is refused, with the place where it would do something."""
    message = told(OWN, upstream="one", connection={"ca_file": "ca.pem"})
    assert "connection: goes with an upstream that is given by its URL; [upstreams.one] has settings" in message


def test_certificates_for_a_url_without_tls_are_refused() -> None:
    """`--ca-file` with http:// would give an assurance that there is none of."""
    settings = make_settings({"upstream": "http://h/v1", "connection": {"ca_file": "ca.pem"}}, "test")
    with pytest.raises(ConfigError, match="connection: ca_file goes with an https URL, and the upstream is http://h"):
        settings.profile  # noqa: B018
