"""What an answer to the doctor's one question says of an upstream."""

import json

import pytest

from runproxy.doctor.answering import judge, judge_failure, message_in, question
from runproxy.errors import UpstreamError
from runproxy.messages import Response, make_headers
from runproxy.upstream import Address, ConnectionSettings, Profile
from runproxy.upstream.settings import Kind

OURS = Address("https://host", "/v1")


def profile(kind: Kind | None = None, address: Address = OURS, credential_env: str = "") -> Profile:
    """Make the profile of an upstream."""
    return Profile(address, ConnectionSettings(), "one" if kind else "", kind, credential_env=credential_env)


def says(message: str, status: int = 404) -> Response:
    """Answer with an error object."""
    return Response(status, make_headers(), json.dumps({"error": {"message": message}}).encode())


@pytest.mark.parametrize(
    ("response", "state", "told"),
    [
        pytest.param(says("No thread found with id 'thread_x'."), "ok", "speaks the API", id="unknown-thread"),
        pytest.param(says("Malformed id.", 400), "ok", "speaks the API", id="bad-id"),
        pytest.param(Response(200, make_headers(), b"{}"), "ok", "answers 200", id="answer"),
        pytest.param(says("You didn't provide an API key.", 401), "ok", "none was sent here", id="no-credential"),
        pytest.param(says("No access.", 403), "ok", "none was sent here", id="no-access"),
        pytest.param(says("Invalid URL (GET /threads/x)"), "fail", "does not speak the Assistants API", id="bad-path"),
        pytest.param(Response(404, make_headers(), b"<html>"), "fail", "does not speak the Assistants", id="page"),
        pytest.param(Response(404, make_headers(), b"{}"), "fail", "does not speak the Assistants", id="no-error"),
        pytest.param(says("Missing required query parameter: api-version", 400), "fail", "this API version", id="v"),
        pytest.param(says("Slow down.", 429), "warn", "may come back with this", id="too-many"),
        pytest.param(says("Broken.", 500), "warn", "may come back with this", id="broken"),
        pytest.param(Response(302, make_headers([("Location", "/login?a=b")])), "fail", "follows no", id="302"),
        pytest.param(Response(301, make_headers([("Location", "http://[x")])), "fail", "to nowhere", id="301-odd"),
        pytest.param(Response(404, make_headers()), "fail", "OpenAI did on 2026-08-26", id="closed"),
    ],
)
def test_an_answer_is_judged(response: Response, state: str, told: str) -> None:
    """By its status and its words; where something is wrong, there is something to do."""
    found = judge(profile(), response, sends_credential=False)
    assert (found.check, found.state) == ("upstream HTTP", state)
    assert told in f"{found.found} {found.means}"
    assert bool(found.means and found.do) is (state != "ok")


@pytest.mark.parametrize(
    ("kind", "address", "told"),
    [
        pytest.param("openai", OURS, "OpenAI closed this API on 2026-08-26.", id="openai"),
        pytest.param(None, Address("https://api.openai.com", "/v1"), "OpenAI closed this API", id="openai-by-host"),
        pytest.param("azure", OURS, "Azure OpenAI closed this API on 2026-08-26", id="azure"),
        pytest.param(None, Address("https://r.openai.azure.com", "/openai"), "Azure OpenAI closed", id="azure-by-host"),
        pytest.param("foundry", OURS, "Foundry Agents (classic) was to answer until 2027-03-31", id="foundry"),
        pytest.param(None, Address("https://openai.com.example", "/v1"), "as OpenAI did on 2026", id="other-host"),
        pytest.param("self_hosted", OURS, "Your server knows no such path", id="self-hosted"),
    ],
)
def test_a_closed_endpoint_is_explained(kind: Kind | None, address: Address, told: str) -> None:
    """Who closed it and when, and that recordings outlive it."""
    found = judge(profile(kind, address), Response(404, make_headers()), sends_credential=False)
    assert found.state == "fail"
    assert "answers 404 with an empty body" in found.found
    assert told in found.means
    assert kind == "self_hosted" or "docs/upstreams.md" in found.do


def test_a_credential_that_is_refused_is_a_failure() -> None:
    """Once it was sent, 401 says something of it; its variable is named and its value is not."""
    found = judge(profile("openai", credential_env="TEAM_KEY"), says("Wrong key.", 401), sends_credential=True)
    assert (found.state, "TEAM_KEY" in found.do) == ("fail", True)


def test_azures_word_for_a_missing_version_is_known() -> None:
    """It says 'Resource not found' for it, which others say of other things."""
    assert judge(profile("azure"), says("Resource not found"), sends_credential=False).state == "fail"
    assert judge(profile("openai"), says("Resource not found"), sends_credential=False).state == "ok"


def test_where_a_redirect_points_is_told_without_its_query() -> None:
    """It may hold a token."""
    response = Response(302, make_headers([("Location", "https://login.example/a?token=secret#x")]))
    found = judge(profile(), response, sends_credential=False)
    assert found.found == "https://host/v1 answers 302, and points to https://login.example/a"


@pytest.mark.parametrize(
    ("code", "withholds", "check", "state"),
    [
        ("upstream_unreachable", False, "upstream HTTP", "fail"),
        ("upstream_tls", False, "upstream HTTP", "fail"),
        ("upstream_proxy", False, "proxy HTTP", "fail"),
        ("upstream_proxy", True, "proxy HTTP", "warn"),
    ],
)
def test_no_answer_is_told_with_what_to_do(code: str, withholds: bool, check: str, state: str) -> None:
    """What the error says first is what was found, and the rest what to do; of a proxy, whether its login was sent."""
    error = UpstreamError("The upstream cannot be reached: refused. Is it running?", code=code)
    found = judge_failure(error, withholds_login=withholds)
    assert (found.check, found.state) == (check, state)
    assert found.found == "The upstream cannot be reached: refused"
    assert found.do == (
        "Its credential was not sent here; --send-credential sends it." if withholds else "Is it running?"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "a\\n  b"}}', "a b"),
        (b'{"error": "plain"}', "plain"),
        (b'{"error": {"message": 3}}', ""),
        (b'["error"]', ""),
        (b"null", ""),
        (b"\xff", ""),
        (json.dumps({"error": {"message": "x" * 500}}).encode(), "x" * 200),
    ],
)
def test_the_words_of_an_answer_are_put_on_one_short_line(body: bytes, message: str) -> None:
    """Whatever the body is."""
    assert message_in(body) == message


def test_the_question_changes_nothing_and_carries_no_credential() -> None:
    """A GET of a run that there is not, below the base path."""
    asked = question(profile(address=Address("https://h", "/api/projects/p")))
    assert (asked.method, asked.path.startswith("/api/projects/p/threads/thread_")) == ("GET", True)
    assert {name.lower() for name in asked.headers} == {"accept", "openai-beta", "user-agent"}
    assert asked.body == b""
