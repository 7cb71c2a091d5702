"""What may be stored, and the gate in front of everything that is written.

Default-deny: only allow-listed headers are kept, every other name is dropped. What is left is scanned for every
credential this process has seen, in the forms a service could echo it in, and for well-known token shapes. On a hit
nothing is written.
"""

import base64
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Final
from urllib.parse import quote, quote_plus, unquote_plus, unquote_to_bytes

from runproxy.errors import SecretFound
from runproxy.messages import Headers, Request, Response, make_headers
from runproxy.shapes import find_token

REDACTED: Final = "REDACTED"

REQUEST_HEADERS: Final = frozenset({"content-encoding", "content-type", "openai-beta"})
RESPONSE_HEADERS: Final = frozenset(
    {
        "allow",
        "content-encoding",
        "content-type",
        "deprecation",
        "openai-version",
        "retry-after",
        "retry-after-ms",
        "sunset",
        "www-authenticate",
        "x-request-id",
        "x-should-retry",
    }
)

MIN_CREDENTIAL_CHARS: Final = 8
"""Shorter credentials cannot be told from ordinary text, so they are not searched for."""

_SECRET_WORDS: Final = frozenset(
    """accesskey apikey auth authorization bearer code credential credentials jwt key passwd password pwd secret session
    sig signature token""".split()  # noqa: SIM905 - a list of words reads easier than a column of strings
)
_HARMLESS_QUERY_NAMES: Final = frozenset({"continuation_token", "next_page_token", "next_token", "page_token"})
_PAIR_SEPARATOR: Final = re.compile("([&;])")  # kept by split, so that a query can be put together again
_SECRET_HEADER_NAME: Final = re.compile(
    r"(?i)access|auth|cookie|credential|jwt|key|passw|secret|session|signature|token"
)
_ESCAPE: Final = re.compile("%[0-9A-F]{2}")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_JSON_ESCAPE: Final = re.compile(rb"\\+u([0-9A-Fa-f]{4})")
_COOKIES_KEPT: Final = 32
NO_CREDENTIALS: Final = frozenset({"application/json", "assistants=v2", "metadata", REDACTED})
"""What would be found in every recording: whoever sends this as a credential must not stop the recording of all."""

_HARMLESS_HEADERS: Final = frozenset({"idempotency-key", "sec-websocket-key"})


def kept_request_headers(headers: Headers) -> Headers:
    """Keep what may be stored of a request's headers, in order, names in lower case."""
    return _kept(headers, REQUEST_HEADERS)


def kept_response_headers(headers: Headers) -> Headers:
    """Keep what may be stored of an answer's headers, in order, names in lower case."""
    return _kept(headers, RESPONSE_HEADERS)


def dropped_names(headers: Headers, kept: Headers) -> list[str]:
    """Name the headers that were dropped, each once and in lower case, for reports; their values are not given."""
    return list(dict.fromkeys(name.lower() for name in headers if name not in kept))


def scrub(request: Request) -> Request:
    """Replace secrets in the parts of a request that matching compares.

    The same function runs before storing and before looking up, and running it twice changes nothing; so whatever
    was recorded matches itself.
    """
    query = request.query
    if not query:
        return request
    scrubbed = "".join(_scrub_pair(part) for part in _PAIR_SEPARATOR.split(query))
    return Request(request.method, f"{request.path}?{scrubbed}", request.headers, request.body)


def secrets_in_query(query: str) -> Iterator[str]:
    """Yield the raw values in a query whose names say that they are secret."""
    for pair in _PAIR_SEPARATOR.split(query) if query else ():
        name, _, value = pair.partition("=")
        if _is_secret_query_name(name):
            yield value


def storable_request(request: Request) -> Request:
    """Reduce a request to what may be stored of it."""
    scrubbed = scrub(request)
    return Request(scrubbed.method, scrubbed.target, kept_request_headers(scrubbed.headers), scrubbed.body)


def storable_response(response: Response) -> Response:
    """Reduce an answer to what may be stored of it."""
    return Response(response.status, kept_response_headers(response.headers), response.body)


def loggable(request: Request, texts: Mapping[str, str]) -> dict[str, str]:
    """Give texts about a request for a log, but none that holds a credential of it or what looks like one."""
    gate = WriteGate()
    gate.learn(request)
    return {name: text if gate.lets_pass(text) else "(holds a credential)" for name, text in texts.items()}


def loggable_path(request: Request) -> str:
    """Give the path of a request for a log, unless it holds a credential of that request or what looks like one."""
    return loggable(request, {"path": request.path})["path"]


class WriteGate:
    """Refuses what holds a credential; it learns credentials from the calls that pass."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._forms: list[bytes] = []
        self._cookies: deque[tuple[bytes, ...]] = deque(maxlen=_COOKIES_KEPT)

    def __repr__(self) -> str:
        return f"WriteGate({len(self._seen)} credentials seen)"

    def learn(self, request: Request) -> None:
        """Remember the credentials of a request: headers that carry one, and query values named like one."""
        for name, value in request.headers.items():
            if _SECRET_HEADER_NAME.search(name) and name.lower() not in _HARMLESS_HEADERS:
                self.remember(_credentials_in(value))
        for value in secrets_in_query(request.query):
            self.remember((value, unquote_plus(value)))

    def learn_cookies(self, response: Response) -> None:
        """Remember the last cookies that an upstream has handed out; there may be new ones with every answer."""
        for value in response.headers.getall("Set-Cookie", ()):
            cookie = value.partition(";")[0].partition("=")[2]
            if _is_told_apart(cookie):
                self._cookies.append(tuple(set(_forms(cookie))))

    def lets_pass(self, text: str) -> bool:
        """Tell whether a text holds no secret."""
        try:
            self.inspect("", text.encode("utf-8", "surrogateescape"))
        except SecretFound:
            return False
        return True

    def inspect(self, where: str, data: bytes) -> None:
        """Let data pass that holds no secret; raises `SecretFound`, which names the place and the kind."""
        for view in _views(data):
            self._inspect_view(where, view)

    def _inspect_view(self, where: str, data: bytes) -> None:
        for form in chain(self._forms, *self._cookies):
            if form in data:
                raise SecretFound("a credential this process has seen", where)
        if shape := find_token(data):
            raise SecretFound(f"what looks like a secret ({shape})", where)

    def remember(self, credentials: Iterable[str]) -> None:
        """Search for these from now on."""
        for credential in credentials:
            if credential not in self._seen and _is_told_apart(credential):
                self._seen.add(credential)
                self._forms.extend(set(_forms(credential)))


def _kept(headers: Headers, allowed: frozenset[str]) -> Headers:
    return make_headers((name.lower(), _as_text(value)) for name, value in headers.items() if name.lower() in allowed)


def _as_text(value: str) -> str:
    """Spell out bytes that are no UTF-8, which aiohttp hands on as lone surrogates and JSON cannot hold."""
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()


def _scrub_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}={REDACTED}" if equals and _is_secret_query_name(name) else pair


def _is_secret_query_name(raw_name: str) -> bool:
    """Tell whether a word of a query's name says that its value is a secret; a page token is none."""
    name = unquote_plus(raw_name).lower()
    return name not in _HARMLESS_QUERY_NAMES and not _SECRET_WORDS.isdisjoint(re.split(r"[^a-z0-9]+", name))


def _credentials_in(value: str) -> Iterator[str]:
    """Take a header value apart: whole, by scheme and token, by cookie pairs, and Basic's user and password."""
    yield value
    scheme, _, token = value.partition(" ")
    is_scheme = bool(token) and _SCHEME.fullmatch(scheme) is not None  # "Negotiate" itself is no secret
    yield token.strip()
    for part in re.split(r"[\s;,]+", token if is_scheme else value):
        yield part
        yield part.partition("=")[2].strip('"')
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(token, validate=True).decode()
        except ValueError:
            return
        yield pair
        yield pair.partition(":")[2]


def _is_told_apart(credential: str) -> bool:
    """Tell whether a credential is long enough to be searched for, and no word of every recording."""
    return len(credential) >= MIN_CREDENTIAL_CHARS and credential not in NO_CREDENTIALS


def _views(data: bytes) -> Iterator[bytes]:
    """Yield data as it is, and as it reads once the escapes of JSON and of URLs are undone, in part or in full."""
    views = [data]
    if b"\\" in data:
        by_code_point = _JSON_ESCAPE.sub(_unescape, data)
        views += [by_code_point, by_code_point.replace(b"\\/", b"/")]
    if b"%" in data:
        views += [unquote_to_bytes(view) for view in views]
    yield from dict.fromkeys(views)


def _unescape(escape: re.Match[bytes]) -> bytes:
    return chr(int(escape[1], 16)).encode("utf-8", "surrogatepass")


def _forms(credential: str) -> Iterator[bytes]:
    """Spell a credential as it could stand in a file: raw, URL-encoded, JSON-escaped, base64 at any offset."""
    raw = credential.encode("utf-8", "surrogateescape")
    yield raw
    for quoted in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield quoted.encode()
        yield _ESCAPE.sub(lambda escape: escape[0].lower(), quoted).encode()
    for ascii_only in (True, False):
        escaped = json.dumps(credential, ensure_ascii=ascii_only)[1:-1]
        yield escaped.encode("utf-8", "surrogateescape")
        yield json.dumps(escaped)[1:-1].encode()
        yield escaped.replace("/", "\\/").encode("utf-8", "surrogateescape")
    yield from _base64_forms(raw)


def _base64_forms(raw: bytes) -> Iterator[bytes]:
    """Encode at the three offsets a text can have inside base64, without the characters its neighbours share."""
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw)
        first = -(-offset * 8 // 6)
        last = (offset + len(raw)) * 8 // 6
        inner = encoded[first:last]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))
