"""Replies of runproxy's own, as a linter of HTTP reads them."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from httplint import HttpRequestLinter, HttpResponseLinter
from httplint.note import levels

from runproxy.messages import Response
from tests.parts import JSON_HEADERS, Report, ScriptedUpstream, echo, proxy, raw_exchange, serving


def call(method: str = "GET", target: str = "/healthz", *lines: str, body: bytes = b"") -> bytes:
    """Print a request."""
    length = [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *lines, *length, "", ""]).encode() + body


def modify(metadata: object, version: str = "1.1") -> bytes:
    """Print a modify-run."""
    sent = call(
        "POST",
        "/v1/threads/t/runs/r",
        "Content-Type: application/json",
        body=json.dumps({"metadata": metadata}).encode(),
    )
    return sent.replace(b"HTTP/1.1", f"HTTP/{version}".encode())


KNOWN = {"user_id": "u"}
TOO_MANY = {f"k{number}": "v" for number in range(17)}
PROXY_CALLS: dict[str, bytes] = {
    "replayed": modify(KNOWN),
    "miss": modify({"never": "recorded"}),
    "refused-metadata": modify(TOO_MANY),
    "refused-json": call("POST", "/v1/threads/t/runs/r", "Content-Type: application/json", body=b"{"),
    "refused-media-type": call("POST", "/v1/threads/t/runs/r", "Content-Type: text/plain", body=b"{}"),
    "refused-method": call("PATCH", "/v1/threads/t/runs/r", "Content-Type: application/json", body=b"{}"),
    "refused-path": call("GET", "/elsewhere"),
    "refused-session": call("GET", "/~nobody/v1/x"),
    "refused-cassette": call("GET", "/@..%2Fx/v1/x"),
    "refused-expectation": call("POST", "/v1/x", "Expect: something", body=b"{}"),
    "refused-upgrade": call("GET", "/v1/x", "Connection: upgrade", "Upgrade: websocket"),
    "refused-version": b"GET /v1/x HTTP/1.2\r\nHost: x\r\n\r\n",
    "refused-host": b"GET /v1/x HTTP/1.1\r\nHost: a b\r\n\r\n",
    "refused-framing": call("POST", "/v1/x", "Transfer-Encoding: chunked, chunked"),
    "no-http": b"\x16\x03\x01\x00\xa5\x01\r\n\r\n",
    "http-1.0": modify(KNOWN, "1.0"),
    "head": call("HEAD", "/v1/x"),
}
ADMIN_CALLS: dict[str, bytes] = {
    "healthz": call(),
    "readyz": call("GET", "/readyz"),
    "metrics": call("GET", "/metrics"),
    "status": call("GET", "/api/status"),
    "openapi": call("GET", "/api/openapi.json"),
    "misses": call("GET", "/api/misses"),
    "no-such-miss": call("GET", "/api/misses/x"),
    "session": call("POST", "/api/sessions", "Content-Type: application/json", body=b'{"cassette": "default"}'),
    "bad-session": call("POST", "/api/sessions", "Content-Type: application/json", body=b"{"),
    "no-such-session": call("DELETE", "/api/sessions/x"),
    "nowhere": call("GET", "/nowhere"),
    "wrong-method": call("POST", "/healthz"),
    "from-elsewhere": call("GET", "/healthz", "Origin: http://evil.example"),
    "reload": call("POST", "/api/reload"),
}


def errors_in(sent: bytes, answer: bytes) -> list[str]:
    """Give what the linter calls wrong in an answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    version, status, phrase = first.split(b" ", 2)
    method, target = (sent.split(b" ", 2)[:2]) if sent[:1].isalpha() else (b"GET", b"/")
    request = HttpRequestLinter()
    request.process_request_topline(method, b"http://127.0.0.1" + target, b"1.1")
    request.process_headers([])
    request.finish_content(complete=True)
    linter = HttpResponseLinter(start_time=time.time(), _related=request, no_content=method == b"HEAD")
    linter.process_response_topline(version.removeprefix(b"HTTP/"), status, phrase)
    linter.process_headers([(name, value.strip()) for name, _, value in (line.partition(b":") for line in lines)])
    linter.feed_content(body)
    linter.finish_content(complete=True)
    return [str(note.summary) for note in linter.notes if note.level == levels.BAD]


async def lint(url: str, calls: dict[str, bytes], tell: Callable[[str, list[str]], None]) -> int:
    """Send calls, and tell of what is wrong with each answer."""
    for name, sent in calls.items():
        tell(name, errors_in(sent, await raw_exchange(url, sent)))
    return len(calls)


async def test_no_reply_has_an_error_in_it(tmp_path: Path, report: Report) -> None:
    """Answers from cassettes, refusals, misses, failures and what the admin listener says are all good HTTP."""
    found: dict[str, list[str]] = {}

    def tell(name: str, errors: list[str]) -> None:
        if errors:
            found[name] = errors

    async with serving(ScriptedUpstream(make=echo)) as base_url, proxy(tmp_path, "record", base_url) as on:
        count = await lint(on.url, {"recorded": modify(KNOWN)}, tell)
    async with proxy(tmp_path, "replay") as on:
        count += await lint(on.url, PROXY_CALLS, tell)
        count += await lint(on.admin_url, ADMIN_CALLS, tell)
    faults = [{"kind": "status", "status": 429, "retry_after_s": 0.5, "times": 1}, {"kind": "malformed"}]
    async with proxy(tmp_path, "replay", rules={"faults": faults}) as on:
        count += await lint(on.url, {"fault-status": modify(KNOWN), "fault-malformed": modify(KNOWN)}, tell)
    async with proxy(tmp_path, "passthrough", "http://127.0.0.1:9/v1") as on:
        count += await lint(on.url, {"unreachable": modify(KNOWN)}, tell)
    async with serving(ScriptedUpstream(make=_broken)) as base_url, proxy(tmp_path, "passthrough", base_url) as on:
        count += await lint(on.url, {"upstream-error": modify(KNOWN)}, tell)
    assert found == {}
    report("replies held against a linter of HTTP", {"replies": count, "errors": 0})


def _broken(_: object) -> Response:
    return Response(500, JSON_HEADERS, json.dumps({"error": {"message": "m"}}).encode())


def test_the_linter_finds_errors() -> None:
    """A reply whose length is wrong, and one whose date is none, are told of."""
    wrong_length = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx"
    wrong_date = b"HTTP/1.1 200 OK\r\nDate: yesterday\r\nContent-Length: 1\r\n\r\nx"
    assert errors_in(b"GET / HTTP/1.1", wrong_length)
    assert errors_in(b"GET / HTTP/1.1", wrong_date)
