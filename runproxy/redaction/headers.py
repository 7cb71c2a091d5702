"""Which headers may be stored: a short list, and what the settings add to it."""

import re
from collections.abc import Container
from functools import lru_cache
from typing import Final

from runproxy.messages import HOP_BY_HOP, Headers, make_headers

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
_SECRET_NAME: Final = re.compile(r"(?i)access|auth|cookie|credential|jwt|key|passw|secret|session|signature|token")
_HARMLESS: Final = frozenset({"idempotency-key", "sec-websocket-key"})
_NEVER_STORED: Final = HOP_BY_HOP | {"content-length"}
_OURS: Final = "x-runproxy-"


def kept_request_headers(headers: Headers, allowed: Container[str] = REQUEST_HEADERS) -> Headers:
    """Keep what may be stored of a request's headers, in order, names in lower case."""
    return _kept(headers, allowed)


def kept_response_headers(headers: Headers, allowed: frozenset[str] = RESPONSE_HEADERS) -> Headers:
    """Keep what may be stored of an answer's headers, in order, names in lower case."""
    return _kept(headers, allowed)


def dropped_names(headers: Headers, kept: Headers) -> list[str]:
    """Name the headers that were dropped, each once and in lower case, for reports; their values are not given."""
    return list(dict.fromkeys(name.lower() for name in headers if name not in kept))


@lru_cache(256)  # asked of every header of every call, and the names are always the same few
def carries_credential(name: str) -> bool:
    """Tell whether the name of a header says that its value is a credential."""
    return _SECRET_NAME.search(name) is not None and name.lower() not in _HARMLESS


def why_never_stored(name: str) -> str | None:
    """Say why a header may not be added to those that are stored; None when it may be."""
    name = name.lower()
    if name in REQUEST_HEADERS | RESPONSE_HEADERS:
        return None
    if carries_credential(name):
        return "by its name it carries a secret, and those are never stored"
    if name in _NEVER_STORED or name.startswith(_OURS):
        return "it is about the connection or made by runproxy, and no part of what was said"
    return None


def _kept(headers: Headers, allowed: Container[str]) -> Headers:
    return make_headers((name.lower(), _as_text(value)) for name, value in headers.items() if name.lower() in allowed)


def _as_text(value: str) -> str:
    """Spell out bytes that are no UTF-8, which aiohttp hands on as lone surrogates and JSON cannot hold."""
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
