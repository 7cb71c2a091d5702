"""What an upstream says to one harmless question: a GET of a run that there is not."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import orjson
from yarl import URL

from runproxy import __version__
from runproxy.doctor.finding import Finding, fail, ok, warn
from runproxy.errors import UpstreamError
from runproxy.messages import Request, Response, make_headers
from runproxy.sunset import sunset_template
from runproxy.upstream import Profile

HTTP: Final = "upstream HTTP"
_CLOSED: Final = (
    ("openai", ".openai.com", "OpenAI closed this API on 2026-08-26."),
    ("azure", ".openai.azure.com", "Azure OpenAI closed this API on 2026-08-26, as OpenAI did."),
    (
        "foundry",
        ".services.ai.azure.com",
        "Foundry Agents (classic) was to answer until 2027-03-31; the new Foundry Agents speak another protocol.",
    ),
)


def question(profile: Profile) -> Request:
    """Make the question: it changes nothing, carries no credential, and a service that is open has an answer to it."""
    target = f"{profile.address.base_path}/threads/thread_runproxydoctor/runs/run_runproxydoctor"
    pairs = [
        ("Accept", "application/json"),
        ("OpenAI-Beta", "assistants=v2"),
        ("User-Agent", f"runproxy/{__version__}"),
    ]
    return Request("GET", target, make_headers(pairs))


def judge(profile: Profile, response: Response, *, sends_credential: bool) -> Finding:
    """Tell what an answer to the question says of the upstream."""
    status, message = response.status, message_in(response.body)
    said = f"{profile.address} answers {status}" + (f": {message.rstrip('.')}" if message else "")
    if sunset_template(question(profile), response):
        return _closed(profile)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _asks_for_credential(profile, said, sends_credential=sends_credential)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return _redirected(profile, status, response.headers)
    if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND):
        return _refused(profile, said, message)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        return warn(HTTP, said, "Calls may come back with this, too.", "Wait a while, or ask whoever runs it.")
    return ok(HTTP, said)


def _refused(profile: Profile, said: str, message: str) -> Finding:
    """Tell an address that is not that of the API from a run that is not there, by the words."""
    if "api-version" in message.lower() or (message == "Resource not found" and profile.kind == "azure"):
        do = "Set api_version in the profile, or let clients send one; and look at the path in its url."
        return fail(HTTP, said, "It does not know this API version, or none was sent.", do)
    if not message or message.startswith("Invalid URL"):
        do = "Is the path in the base URL right, such as the /v1 of https://host/v1?"
        return fail(HTTP, said, "What is there does not speak the Assistants API at this address.", do)
    return ok(HTTP, f"{said}. It speaks the API, and there is no such run, as it should be")


def judge_failure(error: UpstreamError, *, withholds_login: bool) -> Finding:
    """Tell what it means that there was no answer; `withholds_login` where the proxy's credential was not sent."""
    check = {"upstream_proxy": "proxy HTTP"}.get(error.code or "", HTTP)
    found, _, do = error.message.rstrip(".").partition(". ")
    if withholds_login and error.code == "upstream_proxy":
        do = "Its credential was not sent here; --send-credential sends it."
        return warn(check, found, "Whether the upstream can be reached was not found out.", do)
    return fail(check, found, "No call can be forwarded.", do or "Look at the log of the upstream.")


def message_in(body: bytes) -> str:
    """Give the message of an error object, on one line and not too long; empty where there is none."""
    try:
        error = orjson.loads(body)["error"]
        message = error["message"] if isinstance(error, dict) else error
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""
    return " ".join(message.split())[:200] if isinstance(message, str) else ""


def _closed(profile: Profile) -> Finding:
    found = f"{profile.address} answers 404 with an empty body, which is how a closed endpoint answers"
    if profile.kind == "self_hosted":
        do = "Is the path in the base URL right? A server that speaks the API says in JSON what is not there."
        return fail(HTTP, found, "Your server knows no such path, or does not say what it means.", do)
    host = f".{URL(profile.address.origin).host}"
    means = next(
        (text for kind, end, text in _CLOSED if profile.kind == kind or (profile.kind is None and host.endswith(end))),
        "It has closed this API, as OpenAI did on 2026-08-26; or the path in the base URL is wrong.",
    )
    do = (
        "Replay what you have ('runproxy replay' needs no upstream), or record from what is still open, as "
        "docs/upstreams.md says. Earlier recordings stay, whatever mode you start."
    )
    return fail(HTTP, found, f"{means} Recording from there records nothing.", do)


def _asks_for_credential(profile: Profile, said: str, *, sends_credential: bool) -> Finding:
    if not sends_credential:
        return ok(HTTP, f"{said}. It asks for a credential, and none was sent here")
    means = "Clients get this answer, for what they send themselves is not forwarded."
    do = f"Look at the credential in {profile.credential_env}; a token may have run out."
    return fail(HTTP, said, means, do)


def _redirected(profile: Profile, status: int, headers: Mapping[str, str]) -> Finding:
    found = f"{profile.address} answers {status}"
    try:
        there = URL(profile.address.origin).join(URL(headers.get("Location", "")))
        found += f", and points to {there.origin()}{there.raw_path}"
    except ValueError:
        found += ", and points to nowhere"
    do = "Is the scheme right (https), and does the address ask for a login of a browser?"
    return fail(HTTP, found, "runproxy follows no redirect; clients get this answer.", do)
