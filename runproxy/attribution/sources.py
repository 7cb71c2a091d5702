"""What a call tells of its team, one function a source."""

from ipaddress import IPv4Network, IPv6Network, ip_address

from runproxy.errors import Refusal
from runproxy.messages import Headers

_KEY_HEADERS = ("api-key", "x-api-key")


def credential_in(headers: Headers) -> str | None:
    """Take the credential out of a call's headers: a bearer token, or an API key.

    Raises `Refusal` where there are two, for nobody can tell which one the upstream goes by.
    """
    found = {headers[name].strip() for name in _KEY_HEADERS if name in headers}
    if "Authorization" in headers:
        scheme, _, token = headers["Authorization"].strip().partition(" ")
        found.add(token.strip() if scheme.lower() == "bearer" else headers["Authorization"].strip())
    found.discard("")
    if len(found) > 1:
        raise Refusal("Your request carries two different credentials.", code="ambiguous_credential")
    return next(iter(found), None)


def is_trusted(peer: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    """Tell whether a client's address is in one of the networks; an IPv4 address may be written as IPv6."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)
