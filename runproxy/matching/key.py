"""The match key: what two requests share when one recording answers both."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeAlias

import orjson

from runproxy.messages import Digest, Request
from runproxy.multipart import BodyHash, without_boundary

MatchKey: TypeAlias = bytes
"""What two requests share when one recording answers both; derived at load, never stored."""

_DIGEST_MARK: Final = b"sha256 "
_FLOAT_LIKE: Final = re.compile(rb"[0-9][.eE]")  # every float is written with one of these, so most bodies hold none


def match_key(request: Request, headers: Sequence[str] = ()) -> MatchKey:
    """Derive the key of a scrubbed request; of its headers, only those named count."""
    target, body = request.target, request.body
    if "?" in target:
        path, _, query = target.partition("?")
        target = f"{path}?{'&'.join(sorted(query.split('&')))}" if query else path
    head = f"{request.method} {target}\n".encode("utf-8", "surrogateescape")
    if headers:
        head += _canonical_headers(request, headers)
    if body:
        return head + _canonical_body(body)
    return head if request.digest is None else head + _DIGEST_MARK + request.digest.sha256.encode()


def may_be_of_digest(key: MatchKey) -> bool:
    """Tell whether a key may be that of a request of which nothing but the digest of its body is known."""
    return b"\n" + _DIGEST_MARK in key


def digested(request: Request) -> Request:
    """Give a request of which no more is known than the digest of its body."""
    body_hash = BodyHash()
    body_hash.update(request.body)
    return replace(request, body=b"", digest=Digest(body_hash.hexdigest(), len(request.body)))


def address_parts(key: MatchKey) -> tuple[MatchKey, MatchKey]:
    """Give what keys share that are of the same address, and what those share that are of the same method."""
    method_and_path = key.partition(b"\n")[0].partition(b"?")[0]
    return method_and_path, method_and_path.partition(b" ")[0]


def by_value(value: object) -> object:
    """Give floats that are whole numbers as integers, so that `1.0` and `1` are one."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {name: by_value(held) for name, held in value.items()}
    if isinstance(value, list):
        return [by_value(held) for held in value]
    if isinstance(value, float) and value.is_integer() and -(2**63) <= value < 2**64:
        return int(value)
    return value


def _canonical_headers(request: Request, names: Sequence[str]) -> bytes:
    lines = (f"{name}: {', '.join(request.headers.getall(name, ()))}\n" for name in sorted(names))
    return "".join(lines).encode("utf-8", "surrogateescape")


def _canonical_body(body: bytes) -> bytes:
    """Print JSON in one way for all that are equal by value, and tell it from a text that happens to look alike."""
    try:
        value = orjson.loads(body)
        canonical = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # no JSON, or nested deeper than the printer goes
        return b"text " + without_boundary(body)
    if _FLOAT_LIKE.search(body):
        canonical = orjson.dumps(by_value(value), option=orjson.OPT_SORT_KEYS)
    return b"json " + canonical
