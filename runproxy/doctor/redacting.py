"""Redaction: a credential that was made up is put wherever a call has room for one, and looked for in what would be
stored. All of it happens in memory.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from runproxy.cassettes import Interaction, encode_interaction
from runproxy.doctor.finding import Finding, fail, ok
from runproxy.errors import SecretFound
from runproxy.messages import Request, Response, make_headers
from runproxy.redaction import BodyRule, Redactor, RedactSettings, WriteGate

_JSON: Final = ("Content-Type", "application/json")
_MEANS: Final = "A recording could hold a credential."
_DO: Final = "Record nothing with this installation, and report it."


def check_redaction(
    settings: RedactSettings, redactor: Redactor, gate: WriteGate, canary: str, now: datetime
) -> Finding:
    """Tell whether a made-up credential, `canary`, would be stored in any place."""
    rules = settings.body
    for where, sent, got in _calls(settings.query, rules, canary):
        gate.learn(sent)
        request, response = redactor.storable(sent, got)
        if canary.encode() in encode_interaction(Interaction(request, response, now, 0)):
            return fail("redaction", f"a made-up credential would be stored: {where}", _MEANS, _DO)
    for where, data in _echoes(canary):
        try:
            gate.inspect("the body of the response", data)
        except SecretFound:
            continue
        return fail("redaction", f"an answer that repeats a credential would be stored: {where}", _MEANS, _DO)
    more = f", and by {len(rules)} rules of [redact] out of bodies" if rules else ""
    return ok("redaction", f"a made-up credential was kept out of what is stored{more}, and its echo was refused")


def _calls(names: Iterable[str], rules: Iterable[BodyRule], canary: str) -> Iterator[tuple[str, Request, Response]]:
    nothing = Response(200, make_headers([_JSON]), b"{}")
    for header in ("Authorization", "api-key", "Cookie", "X-Api-Key"):
        value = f"Bearer {canary}" if header == "Authorization" else canary
        yield f"in {header}", Request("POST", "/", make_headers([_JSON, (header, value)]), b"{}"), nothing
    yield "in Set-Cookie", Request("POST", "/", make_headers()), Response(200, make_headers([("Set-Cookie", canary)]))
    for name in ("api-key", *names):
        yield f"in the query as {name}", Request("GET", f"/?{quote(name)}={canary}", make_headers()), nothing
    for rule in rules:
        body = json.dumps(_placed(rule.steps, canary)).encode()
        sent = body if rule.applies_to != "response" else b"{}"
        got = body if rule.applies_to != "request" else b"{}"
        call = Request("POST", "/", make_headers([_JSON]), sent)
        yield f"at {rule.pointer}", call, Response(200, make_headers([_JSON]), got)


def _placed(steps: Iterable[str], value: Any) -> Any:
    """Build a JSON value that holds something at the place of a pointer."""
    for step in reversed(tuple(steps)):
        value = [value] if step == "*" else {step: value}
    return value


def _echoes(canary: str) -> Iterator[tuple[str, bytes]]:
    yield "as it is", json.dumps({"echo": canary}).encode()
    yield "in base64", json.dumps({"echo": base64.b64encode(canary.encode()).decode()}).encode()
    yield "URL-encoded", quote(canary, safe="").encode()
    yield "escaped", "".join(f"\\u{ord(char):04x}" for char in canary).encode()
