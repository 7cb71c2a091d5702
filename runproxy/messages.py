"""HTTP messages as values, and the one seam every mode is built on: `Backend.send(Request) -> Response`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from http import HTTPStatus
from typing import Protocol, TypeAlias

from multidict import CIMultiDict, CIMultiDictProxy, istr

Headers: TypeAlias = CIMultiDictProxy[str]
"""Ordered pairs with case-insensitive look-up; duplicates and spelling are kept."""

OUTCOME_HEADER = "x-runproxy-outcome"
"""On every answer: what runproxy did with the call."""

INTERACTION_HEADER = "x-runproxy-interaction"
"""On an answer from a cassette: where its recording stands, as `NAME[position]`."""

MISS_HEADER = "x-runproxy-miss"
"""On an answer that tells of a miss: its id, for `runproxy why`."""

WARNINGS_HEADER = "x-runproxy-warnings"
"""On an answer that is given all the same: what its call, or its recording, is warned of."""

UPSTREAM_OUTCOME_HEADER = "x-runproxy-upstream-outcome"
"""On an answer that tells of an upstream that failed after a call was sent: `unknown`, for it may have acted on it."""

DRIFT_HEADER = "x-runproxy-drift"
"""On an answer that differs from its recording: the kinds of drift."""

FAULT_HEADER = istr("x-runproxy-fault")  # looked for in every call, and found faster in this form
"""On a call: the names of faults that it asks for. On an answer: the names of those that struck it."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2
_UNSAFE_VALUE = re.compile(r"[\r\n\0]")  # RFC 9110 section 5.5
BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
"""Statuses whose answers end with their head (RFC 9112 section 6.3)."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that ask for no change (RFC 9110 section 9.2.1)."""

CODING_HEADER = "content-encoding"
"""Names the coding in which a body is sent (RFC 9110 section 8.4)."""

LENGTH_HEADER = "content-length"
"""Tells the length of a body; without one, that of the body there would be (RFC 9110 section 8.6)."""

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers of one connection, never of a message (RFC 9110 section 7.6.1); Proxy-Connection is a relic of the kind."""


def tells_length_alone(method: str, status: int) -> bool:
    """Tell whether an answer may name a length and have no body (RFC 9110 section 8.6)."""
    return status == HTTPStatus.NOT_MODIFIED or (method == "HEAD" and status != HTTPStatus.NO_CONTENT)


def make_headers(pairs: Iterable[tuple[str, str]] = ()) -> Headers:
    """Freeze header pairs in their order."""
    return CIMultiDictProxy(CIMultiDict(pairs))


def coding_named(headers: Headers) -> str:
    """Give what headers say of the coding of a body, in lower case; empty where it has none."""
    named = ", ".join(headers.getall(CODING_HEADER, ())).strip().lower()
    return "" if named == "identity" else named


def is_token(name: str) -> bool:
    """Tell whether a name is an RFC 9110 token."""
    return _TOKEN.fullmatch(name) is not None


def is_header_value(value: str) -> bool:
    """Tell whether a value can stand on one header line."""
    return _UNSAFE_VALUE.search(value) is None


class Stream(Protocol):
    """A body that comes piece by piece. Whoever has taken one closes it, also when it was not read to its end."""

    def __aiter__(self) -> "Stream":
        """Give the stream itself."""
        ...  # pragma: no cover

    async def __anext__(self) -> bytes:
        """Give the next piece, never an empty one; raises `RunproxyError` where the body breaks off."""
        ...  # pragma: no cover

    async def aclose(self) -> None:
        """Give back what the stream holds; a second time does nothing."""
        ...  # pragma: no cover


@dataclass(frozen=True, slots=True)
class Digest:
    """What is known of a body that was too long to be kept: its SHA-256 in hexadecimal, and its length in bytes.

    Of a multipart body it is the hash with the boundary `boundary`, for there is a fresh one in every call; so two
    digests of the same parts are equal, though the lengths may differ.
    """

    sha256: str
    length: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as received: `target` is the raw path and query, never percent-decoded; `peer` is who sent it.

    The body is `body`; or it is still to come as `stream`; or nothing is known of it but its `digest`. One that has
    both a stream and a digest was heard once, and can be sent on. `id` names the call in the log, and in its answer
    where the upstream gave no id. Query, headers and body stay out of `repr`, because they may hold credentials.
    """

    method: str
    target: str
    headers: Headers
    body: bytes = b""
    peer: str = ""
    id: str = field(default="", compare=False)
    stream: Stream | None = field(default=None, compare=False)
    digest: Digest | None = None

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path})"

    @property
    def path(self) -> str:
        """The raw path, without the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The raw query, without its question mark; empty when there is none."""
        return self.target.partition("?")[2]

    @property
    def content_length(self) -> int | None:
        """The length of the body in bytes as its sender has told it; None where it has not."""
        told = self.headers.get(LENGTH_HEADER)
        return int(told) if told else None


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a streamed body: its length in bytes, and how long after the one before it came."""

    length: int
    after_ms: int


@dataclass(frozen=True, slots=True)
class Source:
    """Which recording an answer is: the `nth` of `count` recordings of its call, from 1, and why it was chosen."""

    cassette: str
    position: int
    nth: int
    count: int
    recorded_at: datetime
    elapsed_ms: int
    because: str


@dataclass(frozen=True)  # no slots: `wire_head` is remembered on the object
class Response:
    """An answer; an object that is sent again and again renders its head once.

    The body is `body`, which came in `pieces` where it was streamed and recorded; or it is still to come as `stream`.
    Of an answer that has no head nothing is sent but what its stream gives, if anything.
    With a `coding`, it came compressed, and is held as it reads; headers say nothing of that then. `upstream_s` tells
    how many seconds an upstream took for it, or for its head.
    """

    status: int
    headers: Headers = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    pieces: tuple[Piece, ...] = field(default=(), repr=False)
    stream: Stream | None = field(default=None, repr=False, compare=False)
    source: Source | None = field(default=None, repr=False, compare=False)
    has_head: bool = field(default=True, repr=False)
    coding: str = field(default="", repr=False)
    upstream_s: float | None = field(default=None, repr=False, compare=False)

    def with_header(self, name: str, value: str) -> "Response":
        """Copy this answer with one header more, in place of any of the same name."""
        pairs = [(key, held) for key, held in self.headers.items() if key.lower() != name.lower()]
        return replace(self, headers=make_headers([*pairs, (name, value)]))

    def decoded(self, body: bytes, coding: str, pieces: tuple[Piece, ...] = ()) -> "Response":
        """Copy this answer with its body as it reads, and a note of the coding it came in, if any."""
        headers = self.headers
        if coding:
            headers = make_headers((name, value) for name, value in headers.items() if name.lower() != CODING_HEADER)
        return replace(self, headers=headers, body=body, pieces=pieces, stream=None, coding=coding)

    @cached_property
    def variants(self) -> dict[str, "Response"]:
        """This answer by coding, as clients that accept it are given it; each is made once."""
        return {}

    @cached_property
    def has_date(self) -> bool:
        """Tell whether the answer brings a date of its own, as forwarded ones do."""
        return "Date" in self.headers

    @cached_property
    def has_request_id(self) -> bool:
        """Tell whether the answer brings an id of its call, as the service's answers do."""
        return "X-Request-Id" in self.headers

    @cached_property
    def wire_length(self) -> bytes:
        """The line that tells the length of the body; empty where there must be none, or the headers tell it."""
        if self.status in BODILESS or "Content-Length" in self.headers:
            return b""
        return f"Content-Length: {len(self.body)}\r\n".encode()

    @cached_property
    def wire_head(self) -> bytes:
        """Status line and header lines of HTTP/1.1, without length, `Date`, `Connection` and the closing empty line."""
        lines = [f"HTTP/1.1 {self.status} {_reason(self.status)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def cut_anew(before: bytes, pieces: Sequence[Piece], after: bytes) -> tuple[Piece, ...]:
    """Give the pieces of a body that was changed in some places.

    The lines of both must be as many, and pieces must end with lines, as events do; else it is one piece.
    """
    if before == after or not pieces:
        return tuple(pieces)
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    ends = _ends(map(len, old))
    if len(old) != len(new):
        return (Piece(len(after), sum(piece.after_ms for piece in pieces)),)
    place_of = {end: place for place, end in enumerate(ends)}
    new_ends, cut, start, reached = _ends(map(len, new)), [], 0, 0
    for piece in pieces:
        reached += piece.length
        if reached not in place_of:
            return (Piece(len(after), sum(piece.after_ms for piece in pieces)),)
        end = new_ends[place_of[reached]]
        cut.append(Piece(end - start, piece.after_ms))
        start = end
    return tuple(cut)


def _ends(lengths: Iterable[int]) -> list[int]:
    ends, total = [], 0
    for length in lengths:
        total += length
        ends.append(total)
    return ends


class Delivery(StrEnum):
    """What became of an answer on its way to the client, which is another fact than what became of the call."""

    COMPLETE = "complete"
    """All of it was handed to the connection, and the client was still there."""
    CLIENT_GONE = "client_gone"
    """The client closed the connection before that; what it had sent was done all the same."""
    CLIENT_STALLED = "client_stalled"
    """The client took nothing for too long, and was let go."""
    BROKEN_OFF = "broken_off"
    """The answer ended before its end: the upstream broke it off, or runproxy was stopped."""


class Backend(Protocol):
    """What answers a call. A mode is an object of this shape, composed at start-up."""

    async def send(self, request: Request) -> Response:
        """Answer one call; raises `RunproxyError`."""
        ...  # pragma: no cover
