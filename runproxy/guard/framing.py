"""Headers and query of a guarded call: refused where two servers could read them differently."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_plus

from runproxy.errors import MediaTypeRefused, Refusal
from runproxy.messages import Headers
from runproxy.routes import lenient_name

_JSON_MEDIA_TYPE: Final = re.compile(r'application/json(?:[ \t]*;[ \t]*charset="?utf-8"?)?[ \t]*', re.IGNORECASE)
# The edge looks after Host and Content-Length.
_METHOD: Final = "_method"
_SHOWN_CHARS: Final = 80
_SINGLE_HEADERS: Final = (
    "Authorization",
    "Content-Type",
    "api-key",
    "x-api-key",
    "OpenAI-Organization",
    "OpenAI-Project",
)
_HARMLESS_CONNECTION: Final = frozenset({"close", "keep-alive", "te"})


def check_headers(headers: Headers) -> None:
    """Refuse headers that two servers could read differently."""
    for name in _SINGLE_HEADERS:
        if len(headers.getall(name, ())) > 1:
            raise Refusal(
                f"The header {name} stands more than once in your request; send it once.", code="duplicate_header"
            )
    if "_" in "".join(headers):
        raise Refusal(
            "A header name of your request holds an underscore, which some servers read as a dash. Leave it out, or "
            "write a dash.",
            code="ambiguous_header",
        )
    if "Connection" in headers and not _connection_tokens(headers) <= _HARMLESS_CONNECTION:
        raise Refusal(
            "The Connection header of your request names a header that must reach the service. Send none, or "
            "'close' or 'keep-alive'.",
            code="ambiguous_header",
        )
    _check_content_headers(headers)


def check_query(query: str, members: Iterable[str]) -> None:
    """Refuse a query that some servers read as these members of the body, or as another method."""
    if not query:
        return
    forbidden = set(map(lenient_name, members))
    for pair in re.split("[&;]", query):
        name = unquote_plus(pair.partition("=")[0])
        if lenient_name(name) in forbidden or name.strip().lower().startswith(_METHOD):
            raise Refusal(
                f"The query of your request holds {name[:_SHOWN_CHARS]!r}, which some servers take for a part of the "
                "body or for another method. Leave it out, and send metadata in the body.",
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
