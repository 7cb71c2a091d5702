"""What a call tells of its team, and from whom that is believed."""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from runproxy.attribution.settings import AttributionSettings, parse_network
from runproxy.errors import Refusal
from runproxy.messages import Request
from runproxy.redaction import secrets_in_query

KEY_HEADERS: Final = ("api-key", "x-api-key")
"""Headers that hold nothing but an API key."""


def credential_in(request: Request, key_headers: Iterable[str] = KEY_HEADERS) -> str | None:
    """Take the credential out of a call: a bearer token, or an API key in one of `key_headers` or in the query.

    Raises `Refusal` where there are two, or one of another kind, for nobody can tell what the upstream makes of it.
    """
    headers = request.headers
    found = {value.strip() for name in key_headers for value in headers.getall(name, ())}
    found |= {_bearer_token(value.strip()) for value in headers.getall("Authorization", ())}
    found |= {value.strip() for value in secrets_in_query(request.query)}
    found.discard("")
    if len(found) > 1:
        raise Refusal(
            "Your request carries two different credentials; send one, because its team is told by it.",
            code="ambiguous_credential",
        )
    return next(iter(found), None)


def _bearer_token(value: str) -> str:
    """Take a token out of a header; one that is there without a scheme is taken as it is."""
    scheme, *tokens = value.split() or [""]
    if not tokens:
        return "" if scheme.lower() == "bearer" else scheme
    if scheme.lower() != "bearer" or len(tokens) > 1:
        raise Refusal(
            "The team of your request is told by its credential, which must be sent as 'Authorization: Bearer …' or as "
            "an API key.",
            code="ambiguous_credential",
        )
    return tokens[0]


def trusts_of(settings: AttributionSettings) -> Callable[[str], bool]:
    """Give what tells whether a client is believed when it says for whom it forwards a call."""
    networks = tuple(parse_network(network) for network in settings.trusted_networks)
    return (lambda peer: is_trusted(peer, networks)) if networks else (lambda _: False)


def is_trusted(peer: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    """Tell whether a client's address is in one of the networks; an IPv4 address may be written as IPv6."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)
