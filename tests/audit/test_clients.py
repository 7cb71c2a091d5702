"""Who called, and with what program."""

import pytest

from runproxy.audit.clients import client_of, sdk_of
from runproxy.messages import Request, make_headers


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param(
            [
                ("X-Stainless-Lang", "js"),
                ("X-Stainless-Package-Version", "6.1.0"),
                ("X-Stainless-Runtime", "node"),
                ("User-Agent", "OpenAI/JS 6.1.0"),
            ],
            ("openai-js", "6.1.0"),
            id="stainless",
        ),
        pytest.param([("X-Stainless-Lang", "go")], ("openai-go", ""), id="stainless-without-version"),
        pytest.param([("User-Agent", "OpenAI/Python 1.3.5")], ("openai-python", "1.3.5"), id="python"),
        pytest.param([("User-Agent", "AsyncOpenAI/Python 1.3.5")], ("openai-python", "1.3.5"), id="async-python"),
        pytest.param([("User-Agent", "AsyncAzureOpenAI/Python 2.0")], ("openai-python", "2.0"), id="azure-python"),
        pytest.param([("User-Agent", "OpenAI/v1 PythonBindings/0.28")], ("OpenAI", "v1"), id="old"),
        pytest.param([("User-Agent", "curl/8.5.0")], ("curl", "8.5.0"), id="curl"),
        pytest.param([("User-Agent", "ruby-openai (7.0)")], ("", ""), id="no-product"),
        pytest.param([("User-Agent", "my app/1.0 (x; y)")], ("", ""), id="blank-in-product"),
        pytest.param([("User-Agent", "Go-http-client/1.1")], ("Go-http-client", "1.1"), id="go-http"),
        pytest.param([], ("", ""), id="nothing"),
    ],
)
def test_sdks_are_told_by_their_headers(headers: list[tuple[str, str]], expected: tuple[str, str]) -> None:
    """Those of the official SDKs first, then the user agent."""
    assert sdk_of(make_headers(headers)) == expected


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        pytest.param("10.0.0.1", ["192.0.2.7"], "192.0.2.7", id="one-gateway"),
        pytest.param("10.0.0.1", ["198.51.100.9, 192.0.2.7, 10.0.0.2"], "192.0.2.7", id="two-gateways"),
        pytest.param("10.0.0.1", ["192.0.2.7", "10.0.0.2"], "192.0.2.7", id="two-headers"),
        pytest.param("10.0.0.1", ["10.0.0.3"], "10.0.0.3", id="from-inside"),
        pytest.param("10.0.0.1", [], "10.0.0.1", id="no-header"),
        pytest.param("10.0.0.1", [" , "], "10.0.0.1", id="empty-header"),
        pytest.param("203.0.113.5", ["192.0.2.7"], "203.0.113.5", id="a-stranger"),
    ],
)
def test_a_client_is_told_by_gateways_that_are_trusted(peer: str, forwarded: list[str], expected: str) -> None:
    """The last address that no trusted gateway is at; a stranger is believed nothing."""
    headers = make_headers([("X-Forwarded-For", value) for value in forwarded])
    request = Request("POST", "/", headers, peer=peer)
    assert client_of(request, lambda address: address.startswith("10.")) == expected
