"""Who called: the address of the client, its program and the version of that, from what a request says of itself."""

import re
from collections.abc import Callable
from typing import Final

from runproxy.messages import Headers, Request

_PRODUCT: Final = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+)/([^\s/;,()]+)")  # RFC 9110 section 10.1.5, name/version
_OPENAI: Final = re.compile(r"(?:Async)?(?:Azure)?OpenAI/(\w+) ([0-9]\S*)")  # as the official SDKs write it


def sdk_of(headers: Headers) -> tuple[str, str]:
    """Name the SDK or program that made a request, and its version; empty texts where it does not tell.

    The official SDKs say it in `x-stainless-*` headers, and older ones in their user agent, as other programs do.
    """
    language, agent = headers.get("X-Stainless-Lang", ""), headers.get("User-Agent", "")
    if language:
        return f"openai-{language}", headers.get("X-Stainless-Package-Version", "")
    if found := _OPENAI.match(agent):
        return f"openai-{found[1].lower()}", found[2]
    product = _PRODUCT.match(agent)
    return (product[1], product[2]) if product else ("", "")


def client_of(request: Request, trusts: Callable[[str], bool]) -> str:
    """Give the address a request came from; behind peers that are trusted, the last one that they do not vouch for."""
    client = request.peer
    if not trusts(client):
        return client
    hops = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    for hop in reversed(hops):
        client = hop.strip() or client
        if not trusts(client):
            break
    return client
