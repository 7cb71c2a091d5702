"""The guard: what it admits has one reading, and in that reading is within the limits.

It stands in front of every mode. An admitted call to a guarded route goes to an address made of nothing but checked
words and ids, with its body printed anew. Calls to other addresses pass as they are, unless they only pretend to be
another address.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote, unquote_plus

from runproxy import metadata, strictjson
from runproxy.errors import BodyTooLarge, MediaTypeRefused, MethodRefused, Refusal
from runproxy.messages import Headers, Request
from runproxy.metadata import Violation
from runproxy.routes import Lookalike, Route, RouteTable

VIOLATIONS_HEADER: Final = "x-runproxy-violations"
MAX_BODY_BYTES: Final = 1024 * 1024
"""A guarded body at its limits is 37 KB, or 220 KB with every character escaped; more is no honest body."""

_SAFE_METHODS: Final = ("GET", "HEAD")
_JSON_MEDIA_TYPE: Final = re.compile(r'application/json(?:[ \t]*;[ \t]*charset="?utf-8"?)?[ \t]*', re.IGNORECASE)
_SINGLE_HEADERS: Final = ("Authorization", "Content-Type")  # the edge looks after Host and Content-Length
_HARMLESS_CONNECTION: Final = frozenset({"close", "keep-alive", "te"})
_MAX_LISTED_CHARS: Final = 4000
_MAX_LISTED_PARAM_CHARS: Final = 200


class Guard:
    """Admits or refuses calls; it holds the route table and nothing that changes."""

    def __init__(self, routes: RouteTable, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._routes = routes
        self._max_body_bytes = max_body_bytes

    def admit(self, request: Request) -> Request:
        """Give back the request to forward; raises `Refusal`."""
        if request.method in _SAFE_METHODS:
            return request
        found = self._routes.find(request.path)
        if found is None:
            return request
        if isinstance(found, Lookalike):
            raise Refusal(
                f"The path of your request is refused: {found.value}. Send the plain path, without encoding.",
                code="invalid_path",
            )
        return self._admit_guarded(request, found)

    def _admit_guarded(self, request: Request, route: Route) -> Request:
        if request.method != route.method:
            raise MethodRefused(
                f"Not allowed to {request.method} on {route.template}.",
                code="method_not_allowed",
                headers={"Allow": ", ".join((*_SAFE_METHODS, route.method))},
            )
        _check_headers(request.headers)
        _check_query(request.query)
        if len(request.body) > self._max_body_bytes:
            raise BodyTooLarge(self._max_body_bytes)
        body = _checked_body(request.body)
        return request if body == request.body else replace(request, body=body)


def find_violations(text: bytes, kind: str = "body") -> list[Violation]:
    """Check JSON text as the guard would: a whole `body`, a `metadata` object, or `auto`, whichever it looks like.

    Raises `Refusal` for text that is refused before limits are looked at.
    """
    value = strictjson.parse(text)
    if kind == "auto":
        is_body = isinstance(value, dict) and isinstance(value.get("metadata", ""), dict | None)
        kind = "body" if is_body else "metadata"
    return metadata.check(value) if kind == "metadata" else metadata.check_body(_object(value))


def _checked_body(body: bytes) -> bytes:
    value = _object(strictjson.parse(body))
    violations = metadata.check_body(value)
    if violations:
        raise refusal_for(violations)
    return strictjson.canonical(value)


def _object(value: object) -> dict[str, object]:
    if isinstance(value, dict):
        return value
    words = metadata.type_in_words(value)
    raise Refusal(
        f"Invalid type for the request body: expected an object, but got {words} instead.",
        code="invalid_type",
    )


def refusal_for(violations: Sequence[Violation]) -> Refusal:
    """Refuse with the first violation, as the service would, and list them all in a header."""
    first = violations[0]
    return Refusal(first.message, code=first.code, param=first.param, headers={VIOLATIONS_HEADER: listed(violations)})


def listed(violations: Sequence[Violation]) -> str:
    """List codes and params for a header: `code;param="…"`, comma-separated, params percent-encoded.

    Bounded, because clients refuse long header lines: what does not fit is counted in a last item `more;count=N`.
    """
    text = ""
    for position, found in enumerate(violations):
        param = quote(found.param[:_MAX_LISTED_PARAM_CHARS], safe=".")
        item = f'{found.code};param="{param}"'
        if len(text) + len(item) > _MAX_LISTED_CHARS:
            return f"{text}, more;count={len(violations) - position}"
        text = f"{text}, {item}" if text else item
    return text


def _check_headers(headers: Headers) -> None:
    """Refuse headers that two servers could read differently."""
    for name in _SINGLE_HEADERS:
        if len(headers.getall(name, ())) > 1:
            raise Refusal(f"The header {name} stands more than once in your request.", code="duplicate_header")
    if "_" in "".join(headers):
        raise Refusal(
            "A header name of your request holds an underscore, which some servers read as a dash.",
            code="ambiguous_header",
        )
    if "Connection" in headers and not _connection_tokens(headers) <= _HARMLESS_CONNECTION:
        raise Refusal(
            "The Connection header of your request names a header that must reach the service.",
            code="ambiguous_header",
        )
    _check_content_headers(headers)


def _check_query(query: str) -> None:
    """Refuse a query that some servers read as a part of the body, or as another method."""
    for pair in re.split("[&;]", query) if query else ():
        name = unquote_plus(pair.partition("=")[0]).strip().lower()
        if name.startswith("metadata") or name == "_method":
            raise Refusal(
                f"The query of your request holds {name!r}, which some servers take for a part of the call. "
                "Metadata goes into the body.",
                code="ambiguous_query",
            )


def _check_content_headers(headers: Headers) -> None:
    if "Content-Encoding" in headers:
        raise MediaTypeRefused(
            "The body of your request is compressed; send it as plain JSON, without Content-Encoding.",
            code="unsupported_content_encoding",
        )
    media_type = headers.get("Content-Type", "")
    if media_type != "application/json" and not _JSON_MEDIA_TYPE.fullmatch(media_type):
        raise MediaTypeRefused(
            "The body of your request must be sent as 'Content-Type: application/json' in UTF-8.",
            code="unsupported_media_type",
        )


def _connection_tokens(headers: Headers) -> set[str]:
    return {token.strip().lower() for value in headers.getall("Connection", ()) for token in value.split(",")} - {""}
