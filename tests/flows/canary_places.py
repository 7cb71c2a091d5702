"""Where a secret can stand in a call: what the canary test puts one into."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from runproxy.coding import CODINGS, encoded
from runproxy.messages import Request, Response, make_headers

Pairs = tuple[tuple[str, str], ...]
JSON: Pairs = (("Content-Type", "application/json"),)
VALUE = "canary.of-a-person+1@example.org"
"""What the settings redact where it stands at /metadata/email."""
HELD = {"metadata": {"email": VALUE}}


@dataclass(frozen=True)
class Call:
    """What is sent, and what the upstream answers."""

    target: str = "/v1/canary/~N~"
    headers: Pairs = JSON
    body: bytes | None = None
    method: str = "POST"
    status: int = 200
    got_headers: Pairs = JSON
    got_body: bytes = b'{"ok":true}'

    def messages(self, number: int, always: Pairs) -> tuple[Request, Response]:
        """Make request and answer; `always` are headers of every call, unless it brings its own of the name."""
        own = {name.lower() for name, _ in self.headers}
        headers = [*self.headers, *(pair for pair in always if pair[0].lower() not in own)]
        body = _json(HELD) if self.body is None else self.body
        target = self.target.replace("~N~", str(number))
        return (
            Request(self.method, target, make_headers(headers), body),
            Response(self.status, make_headers(self.got_headers), self.got_body),
        )


def _sent(name: str, value: str = "SECRET") -> Callable[[str], Call]:
    return lambda secret: Call(headers=(*JSON, (name, value.replace("SECRET", secret))))


def _got(name: str, value: str = "SECRET") -> Callable[[str], Call]:
    return lambda secret: Call(got_headers=(*JSON, (name, value.replace("SECRET", secret))))


def _json(value: Any, **options: Any) -> bytes:
    return json.dumps(value, **options).encode()


def _body(
    make: Callable[[str], bytes], kind: str = "application/json", *more: tuple[str, str]
) -> Callable[[str], Call]:
    return lambda secret: Call(headers=(("Content-Type", kind), *more), body=make(secret))


def _answer(
    make: Callable[[str], bytes], kind: str = "application/json", *more: tuple[str, str], status: int = 200
) -> Callable[[str], Call]:
    return lambda secret: Call(got_headers=(("Content-Type", kind), *more), got_body=make(secret), status=status)


def _basic(secret: str) -> str:
    return "Basic " + base64.b64encode(f"user:{secret}".encode()).decode()


def _multipart(secret: str) -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="f"; filename="{secret}"\r\n\r\n{secret}\r\n--b--\r\n'.encode()


def _events(secret: str) -> bytes:
    return f'event: done\ndata: {{"metadata":{{"note":"x"}},"echo":{json.dumps(secret)}}}\n\ndata: [DONE]\n\n'.encode()


def _in_json(secret: str) -> bytes:
    return _json({"a": secret})


def _sent_in(coding: str) -> Callable[[str], Call]:
    def make(secret: str) -> bytes:
        return encoded(_json({"a": secret, **HELD}), coding)

    return _body(make, "application/json", ("Content-Encoding", coding))


def _answer_in(coding: str, say: Callable[[str], bytes], kind: str) -> Callable[[str], Call]:
    return _answer(lambda secret: encoded(say(secret), coding), kind, ("Content-Encoding", coding))


REQUEST_HEADERS = {
    "Authorization, bearer": _sent("Authorization", "Bearer SECRET"),
    "Authorization, bare": _sent("Authorization"),
    "Authorization, Basic": lambda secret: Call(headers=(*JSON, ("Authorization", _basic(secret)))),
    "Proxy-Authorization": _sent("Proxy-Authorization", "Bearer SECRET"),
    "X-Api-Key": _sent("X-Api-Key"),
    "api-key": _sent("api-key"),
    "Cookie": _sent("Cookie", "a=b; session=SECRET"),
    "User-Agent": _sent("User-Agent", "agent/1 (SECRET)"),
    "Referer": _sent("Referer", "https://host/?q=SECRET"),
    "a header of its own": _sent("X-Of-Its-Own"),
    "OpenAI-Organization": _sent("OpenAI-Organization"),
    "OpenAI-Project": _sent("OpenAI-Project"),
    "X-Request-Id": _sent("X-Request-Id"),
    "OpenAI-Beta, which is kept": _sent("OpenAI-Beta", "assistants=v2; SECRET"),
    "Content-Type, which is kept": lambda secret: Call(headers=(("Content-Type", f'a/b; p="{secret}"'),)),
    "Idempotency-Key": _sent("Idempotency-Key"),
    "Accept": _sent("Accept", "a/b; q=SECRET"),
    "Accept-Encoding": _sent("Accept-Encoding", "gzip, SECRET"),
    "X-Forwarded-For": _sent("X-Forwarded-For"),
}
ADDRESSES = {
    "query, a secret name": lambda secret: Call(f"/v1/canary/~N~?api-key={quote(secret, safe='')}"),
    "query, an ordinary name": lambda secret: Call(f"/v1/canary/~N~?q={quote(secret, safe='')}"),
    "query, the name itself": lambda secret: Call(f"/v1/canary/~N~?{quote(secret, safe='')}=1"),
    "query, no equals sign": lambda secret: Call(f"/v1/canary/~N~?a&{quote(secret)}"),
    "path": lambda secret: Call(f"/v1/canary/~N~/{quote(secret, safe='')}/runs"),
    "path, little escaped": lambda secret: Call(f"/v1/canary/~N~/{quote(secret, safe='+=~@')}"),
    "path of a GET": lambda secret: Call(f"/v1/canary/~N~/{quote(secret, safe='')}", method="GET", body=b""),
    "path outside the base": lambda secret: Call(f"/elsewhere/~N~/{quote(secret, safe='')}"),
    "path that climbs": lambda secret: Call(f"/v1/canary/~N~/../{quote(secret, safe='')}"),
    "cassette name, header": _sent("X-Runproxy-Cassette"),
    "cassette name, escaped in the prefix": lambda secret: Call(f"/@{quote(secret, safe='')}/v1/canary/~N~"),
    "cassette name that is none": _sent("X-Runproxy-Cassette", "../SECRET"),
}
REQUEST_BODIES = {
    "JSON, top level": _body(lambda secret: _json({"echo": secret, **HELD})),
    "JSON, nested": _body(lambda secret: _json({"a": [{"b": {"c": [1, secret]}}], **HELD}, indent=2)),
    "JSON, a name": _body(lambda secret: _json({secret: 1, **HELD})),
    "JSON in JSON": _body(lambda secret: _json({"arguments": _json({"a": secret}).decode(), **HELD})),
    "JSON, a bare text": _body(_json),
    "JSON, base64": _body(lambda secret: _json({"a": base64.b64encode(f"x{secret}y".encode()).decode(), **HELD})),
    "multipart": _body(_multipart, "multipart/form-data; boundary=b"),
    "text": _body(lambda secret: f"a text with {secret} in it".encode(), "text/plain"),
    "form": _body(lambda secret: f"a=1&b={quote(secret, safe='')}".encode(), "application/x-www-form-urlencoded"),
    "bytes": _body(lambda secret: b"\xff\xfe" + secret.encode() + b"\x00", "application/octet-stream"),
    **{coding: _sent_in(coding) for coding in CODINGS},
}


def _run(metadata: dict[str, Any]) -> Call:
    body = _json({"metadata": {**HELD["metadata"], **metadata}})
    return Call("/v1/threads/thread_~N~/runs/run_abc123", body=body, got_body=body)


METADATA = {
    "metadata, a value": lambda secret: _run({"team": secret}),
    "metadata, a name": lambda secret: _run({secret: "x"}),
    "metadata, a value at the pointer": lambda secret: _run({"email": secret}),
    "metadata, a name that is refused": lambda secret: _run({secret + "x" * 64: "x"}),
    "metadata, a value that is refused": lambda secret: _run({"team": secret * 30}),
    "metadata, a type that is refused": lambda secret: _run({secret: 1}),
}
RESPONSE_HEADERS = {
    "Set-Cookie": _got("Set-Cookie", "session=SECRET; Path=/"),
    "Location": lambda secret: Call(status=307, got_headers=(("Location", f"https://host/{secret}"),), got_body=b""),
    "x-request-id, which is kept": _got("x-request-id"),
    "WWW-Authenticate, an echo": lambda secret: Call(
        status=401, got_headers=(("WWW-Authenticate", f'Bearer error="{secret}"'),), got_body=b"{}"
    ),
    "a header of the answer": _got("X-Echo"),
    "openai-organization of the answer": _got("openai-organization"),
    "Retry-After, which is kept": _got("Retry-After"),
}


def _encoded_behind(before: str) -> Callable[[str], bytes]:
    return lambda secret: base64.b64encode(f"{before}{secret}..".encode())


RESPONSE_BODIES = {
    "answer, JSON": _answer(lambda secret: _json({"echo": secret}, indent=2)),
    "answer, a name": _answer(lambda secret: _json({"a": {secret: 1}})),
    "answer, text": _answer(lambda secret: f"it was {secret}.".encode(), "text/plain"),
    "answer, HTML": _answer(lambda secret: f"<p title='{secret}'>".encode(), "text/html"),
    "answer, SSE": _answer(_events, "text/event-stream"),
    **{f"answer, {coding}": _answer_in(coding, _in_json, "a/b") for coding in CODINGS},
    **{f"answer, SSE in {coding}": _answer_in(coding, _events, "text/event-stream") for coding in CODINGS},
    "answer, gzip in two members": _answer(
        lambda secret: gzip.compress(secret[:9].encode()) + gzip.compress(secret[9:].encode()),
        "a/b",
        ("Content-Encoding", "gzip"),
    ),
    "answer, gzip that is cut off": _answer(
        lambda secret: gzip.compress(_json({"a": secret}))[:-1], "a/b", ("Content-Encoding", "gzip")
    ),
    "answer, gzip that is none": _answer(lambda secret: secret.encode(), "a/b", ("Content-Encoding", "gzip")),
    "answer, two codings": _answer(
        lambda secret: encoded(gzip.compress(secret.encode()), "br"), "a/b", ("Content-Encoding", "gzip, br")
    ),
    "answer, a coding nobody knows": _answer(lambda secret: secret.encode(), "a/b", ("Content-Encoding", "compress")),
    "answer, URL-encoded": _answer(lambda secret: quote(secret, safe="").encode()),
    "answer, escaped in full": _answer(
        lambda secret: b'"' + "".join(f"\\u{ord(char):04x}" for char in secret).encode() + b'"'
    ),
    **{f"answer, base64 behind {len(before)} bytes": _answer(_encoded_behind(before)) for before in ("", ".", "..")},
    **{
        f"answer, error {status}": _answer(
            lambda secret: _json({"error": {"message": f"Incorrect API key provided: {secret}."}}, indent=2),
            status=status,
        )
        for status in (400, 401, 403, 404, 429, 500, 503)
    },
}
PLACES: dict[str, Callable[[str], Call]] = {
    **REQUEST_HEADERS,
    **ADDRESSES,
    **REQUEST_BODIES,
    **METADATA,
    **RESPONSE_HEADERS,
    **RESPONSE_BODIES,
}

RAW_PLACES: dict[str, str] = {
    "chunked body": "POST /v1/raw HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer AUTH\r\nTransfer-Encoding: chunked\r\n"
    "\r\nLEN\r\nSECRET\r\n0\r\n\r\n",
    "trailer": "POST /v1/raw HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    "1\r\nx\r\n0\r\nX-T: SECRET\r\n\r\n",
    "host": "GET /v1/raw HTTP/1.1\r\nHost: SECRET/\r\n\r\n",
    "scheme and host in the target": "GET http://SECRET/v1/raw HTTP/1.1\r\nHost: h\r\n\r\n",
    "Expect": "GET /v1/raw HTTP/1.1\r\nHost: h\r\nExpect: SECRET\r\n\r\n",
    "Upgrade": "GET /v1/raw HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: SECRET\r\n\r\n",
    "a line that is no header": "GET /v1/raw HTTP/1.1\r\nHost: h\r\nno header SECRET\r\n\r\n",
    "a method that is none": "SECRET /v1/raw HTTP/1.1\r\nHost: h\r\n\r\n",
    "a version that is none": "GET /v1/raw HTTP/SECRET\r\nHost: h\r\n\r\n",
    "a length that is none": "POST /v1/raw HTTP/1.1\r\nHost: h\r\nContent-Length: SECRET\r\n\r\n",
}


def raw_calls(secret: str, credential: str) -> Iterator[bytes]:
    """Give the bytes of calls that no client library would make."""
    for text in RAW_PLACES.values():
        length = f"{len(secret.encode()):x}"
        yield text.replace("SECRET", secret).replace("LEN", length).replace("AUTH", credential).encode()
