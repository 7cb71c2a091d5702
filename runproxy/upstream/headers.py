"""Which headers go on to the upstream, and which of its answer go back."""

import re
from typing import Final

from runproxy.errors import Refusal
from runproxy.messages import HOP_BY_HOP, LENGTH_HEADER, OUTCOME_HEADER, Headers, make_headers

# Headers by which some servers let a request change its method or its address.
OVERRIDES: Final = frozenset(
    {
        "x-forwarded-path",
        "x-forwarded-prefix",
        "x-forwarded-uri",
        "x-http-method",
        "x-http-method-override",
        "x-http-path-override",
        "x-method-override",
        "x-original-uri",
        "x-original-url",
        "x-override-url",
        "x-rewrite-uri",
        "x-rewrite-url",
    }
)
_FORWARDED: Final = frozenset(
    {"forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-real-ip"}
)
"""What tells who the client was (RFC 7239); anybody can write it, so only some are believed."""
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")  # how aiohttp hands on a byte that is no UTF-8
_ACCEPT_ENCODING: Final = "accept-encoding"
_VIA: Final = ("Via", "1.1 runproxy")  # RFC 9110 section 7.6.3
_OURS: Final = "x-runproxy-"
_NOT_SENT: Final = HOP_BY_HOP | OVERRIDES | {LENGTH_HEADER, "expect", "host"}
_NOT_SENT_FOR_STRANGERS: Final = _NOT_SENT | _FORWARDED
_NOT_RETURNED: Final = HOP_BY_HOP | {LENGTH_HEADER}


def to_send(headers: Headers, *, is_trusted: bool) -> list[tuple[str, str]]:
    """Select what goes to the upstream; of whom a call is forwarded for, only what a trusted peer says.

    Raises `Refusal` for a value that cannot be sent as it is.
    """
    dropped = (_NOT_SENT if is_trusted else _NOT_SENT_FOR_STRANGERS) | _named_by_connection(headers)
    spelled: dict[str, str] = {}  # one spelling for each name: of two, aiohttp would send one header alone
    kept = [
        (spelled.setdefault(name.lower(), name), value)
        for name, value in headers.items()
        if _passes(name.lower(), dropped)
    ]
    if any(not value.isascii() and _LONE_SURROGATE.search(value) for _, value in kept):
        # aiohttp's writer would leave these bytes out, and send another value than the client did.
        raise Refusal("A header of your request is not UTF-8 text.", code="invalid_header")
    if _ACCEPT_ENCODING not in spelled:
        # Without a word about it an upstream may choose any coding (RFC 9110 section 12.5.3), and a client that names
        # none does not look for one.
        kept.append(("Accept-Encoding", "identity"))
    return [*kept, _VIA]


def to_return(headers: Headers, *, with_length: bool) -> Headers:
    """Select what goes back to the client, and say that the call was forwarded."""
    dropped = (HOP_BY_HOP if with_length else _NOT_RETURNED) | _named_by_connection(headers)
    kept = [(name, value) for name, value in headers.items() if _passes(name.lower(), dropped)]
    return make_headers([*kept, (OUTCOME_HEADER, "forwarded")])


def _passes(name: str, dropped: frozenset[str]) -> bool:
    """Tell whether a header goes on; an underscore counts as the dash that many servers take it for."""
    name = name.replace("_", "-")
    return name not in dropped and not name.startswith(_OURS)


def _named_by_connection(headers: Headers) -> frozenset[str]:
    values = headers.getall("Connection", ())
    return frozenset(token.strip().lower() for value in values for token in value.split(","))
