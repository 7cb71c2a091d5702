"""Secrets in queries: values whose names say so."""

import re
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import unquote_plus

from runproxy.messages import Request

REDACTED: Final = "REDACTED"

_SECRET_WORDS: Final = frozenset(
    """accesskey apikey auth authorization bearer code credential credentials jwt key passwd password pwd secret session
    sig signature token""".split()  # noqa: SIM905 - a list of words reads easier than a column of strings
)
_HARMLESS_NAMES: Final = frozenset({"continuation_token", "next_page_token", "next_token", "page_token"})
_PAIR_SEPARATOR: Final = re.compile("([&;])")  # kept by split, so that a query can be put together again


def scrub(request: Request) -> Request:
    """Replace secrets in the parts of a request that matching compares.

    The same function runs before storing and before looking up, and running it twice changes nothing; so whatever
    was recorded matches itself.
    """
    query = request.query
    if not query:
        return request
    scrubbed = "".join(_scrub_pair(part) for part in _PAIR_SEPARATOR.split(query))
    target = f"{request.path}?{scrubbed}"
    return Request(request.method, target, request.headers, request.body, digest=request.digest)


def secrets_in_query(query: str) -> Iterator[str]:
    """Yield the raw values in a query whose names say that they are secret."""
    for pair in _PAIR_SEPARATOR.split(query) if query else ():
        name, _, value = pair.partition("=")
        if _is_secret_name(name):
            yield value


def without_secrets(query: str) -> str:
    """Leave out what is named like a secret; a query without any is given back as it is."""
    parts = _PAIR_SEPARATOR.split(query)
    pairs = list(zip(["", *parts[1::2]], parts[::2], strict=True))
    kept = [(separator, pair) for separator, pair in pairs if not _is_secret_name(pair.partition("=")[0])]
    if len(kept) == len(pairs):
        return query
    return "".join(separator + pair for separator, pair in kept).lstrip("&;")


def replace_values(query: str, is_named: Callable[[str], bool], placeholder: Callable[[str], str]) -> str:
    """Put placeholders in place of values, by their decoded names; a placeholder is made of the decoded value."""
    return "".join(_replaced(pair, is_named, placeholder) for pair in _PAIR_SEPARATOR.split(query))


def _replaced(pair: str, is_named: Callable[[str], bool], placeholder: Callable[[str], str]) -> str:
    name, equals, value = pair.partition("=")
    if not equals or value == REDACTED or not is_named(unquote_plus(name)):
        return pair
    return f"{name}={placeholder(unquote_plus(value))}"


def _scrub_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}={REDACTED}" if equals and _is_secret_name(name) else pair


def _is_secret_name(raw_name: str) -> bool:
    """Tell whether a word of a query's name says that its value is a secret; a page token is none."""
    name = unquote_plus(raw_name).lower()
    return name not in _HARMLESS_NAMES and not _SECRET_WORDS.isdisjoint(re.split(r"[^a-z0-9]+", name))
