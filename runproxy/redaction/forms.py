"""Every form in which a credential could stand in what is written, and what of a header is a credential."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, quote_plus, unquote_plus, unquote_to_bytes

from runproxy.messages import Request
from runproxy.redaction.headers import carries_credential
from runproxy.redaction.query import REDACTED, secrets_in_query

MIN_CREDENTIAL_CHARS: Final = 8
"""Shorter credentials cannot be told from ordinary text, so they are not searched for."""

NO_CREDENTIALS: Final = frozenset({"application/json", "assistants=v2", "metadata", REDACTED})
"""What would be found in every recording: whoever sends this as a credential must not stop the recording of all."""

_SOUGHT_CHARS: Final = 256  # of a longer credential, this much is searched for: whoever writes it, writes its start
_ESCAPE: Final = re.compile("%[0-9A-F]{2}")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_PART_SEPARATOR: Final = re.compile(r"[^\s;,]+")
_LAST_JSON_ESCAPE: Final = re.compile(rb"\\u([0-9A-Fa-f]{4})")
_JSON_ESCAPE: Final = re.compile(rb"\\+u([0-9A-Fa-f]{4})")


def credentials_of(request: Request) -> Iterator[str]:
    """Yield the credentials of a request: headers that carry one, and query values named like one."""
    for name, value in request.headers.items():
        if carries_credential(name):
            yield from _in_header(value)
    for value in secrets_in_query(request.query):
        yield value
        yield unquote_plus(value)


def is_told_apart(credential: str) -> bool:
    """Tell whether a credential is long enough to be searched for, and no word of every recording."""
    return len(credential) >= MIN_CREDENTIAL_CHARS and credential not in NO_CREDENTIALS


def forms_of(credential: str) -> frozenset[bytes]:
    """Spell a credential as it could stand in a file: raw, URL-encoded, JSON-escaped, base64 at any offset."""
    return frozenset(_forms(credential[:_SOUGHT_CHARS]))


def views(data: bytes) -> Iterator[bytes]:
    """Yield data as it is, and as it reads once the escapes of JSON and of URLs are undone, in part or in full."""
    found = [data]
    if b"\\" in data:
        by_code_point = _JSON_ESCAPE.sub(_unescape, data)
        found += [by_code_point, by_code_point.replace(b"\\/", b"/")]
        if b"\\\\u" in data:  # the backslashes in front may be escaped ones of the text itself
            found.append(_LAST_JSON_ESCAPE.sub(_unescape, data))
    if b"%" in data:
        found += [unquote_to_bytes(view) for view in found]
    yield from dict.fromkeys(found)


def _in_header(value: str) -> Iterator[str]:
    """Take a header value apart: by scheme and token, by cookie pairs, and Basic's user and password.

    What holds a part that is searched for is not given itself: it cannot be written without that part.
    """
    scheme, _, token = value.partition(" ")
    is_scheme = bool(token) and _SCHEME.fullmatch(scheme) is not None  # "Negotiate" itself is no secret
    is_searched = False
    for found in _PART_SEPARATOR.finditer(token if is_scheme else value):
        narrow = _narrow(found[0])
        is_searched = is_searched or is_told_apart(narrow)
        yield narrow
    if not is_searched:
        yield token.strip()
        yield value
    if scheme.lower() == "basic":
        yield from _in_basic(token)


def _narrow(part: str) -> str:
    """Give the value of a pair, unless it is too short to be searched for, or no pair but a padded token."""
    value = part.partition("=")[2].strip('"')
    return value if is_told_apart(value) else part


def _in_basic(token: str) -> Iterator[str]:
    try:
        pair = base64.b64decode(token, validate=True).decode()
    except ValueError:
        return
    password = pair.partition(":")[2]
    yield password if is_told_apart(password) else pair


def _unescape(escape: re.Match[bytes]) -> bytes:
    return chr(int(escape[1], 16)).encode("utf-8", "surrogatepass")


def _forms(credential: str) -> Iterator[bytes]:
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
