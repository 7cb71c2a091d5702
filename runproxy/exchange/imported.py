"""What every reader of another tool's recordings makes: redacted interactions, and a count of what became of the rest.

A reader says what was heard, as `Heard`; `Import.add` redacts it, teaches the gate its credentials and checks that it
can be stored. Nothing that a reader leaves out or changes goes without a word in the `Import`.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import orjson
from pydantic import ValidationError

from runproxy.cassettes import Interaction, decode_interaction, encode_interaction
from runproxy.coding import known_coding
from runproxy.errors import CorruptCassette, NotStorable
from runproxy.messages import BODILESS, CODING_HEADER, Headers, Request, Response, coding_named, make_headers
from runproxy.redaction import Redactor, WriteGate, dropped_names, storable_request, storable_response

_NO_CREDENTIAL_PREFIXES: Final = (":", "access-control-")
"""Of HTTP/2 and of browsers' cross-origin checks: their names sound like credentials, and none is in them."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One call as another tool recorded it; `credentials` are those that stand neither in headers nor in the query.

    `is_decoded`: bodies that are text stand as they read, whatever content coding their headers name.
    """

    request: Request
    response: Response
    host: str
    recorded_at: datetime | None = None
    elapsed_ms: int = 0
    credentials: tuple[str, ...] = field(default=(), repr=False)
    is_decoded: bool = False


@dataclass(slots=True)
class Import:
    """What was read: the redacted interactions with their places in the file, and what was dropped and changed.

    `dropped` counts header names, `left_out` says what was not read and why, and the other counts are of interactions.
    """

    interactions: list[Interaction] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    hosts: set[str] = field(default_factory=set)
    left_out: list[str] = field(default_factory=list)
    changed: Counter[str] = field(default_factory=Counter)
    undated: int = 0
    decoded: int = 0
    redacted: int = 0

    def add(self, heard: Heard, gate: WriteGate, undated_at: datetime, where: str, place: str) -> None:
        """Redact and keep one call; raises `CorruptCassette` when it could not be read back from a cassette."""
        _teach(gate, heard)
        sent, got = _as_read(heard) if heard.is_decoded else (heard.request, heard.response)
        kept_sent, kept_got = storable_request(sent), storable_response(got, sent.method)
        if kept_got.status in BODILESS:
            kept_got = Response(kept_got.status, kept_got.headers)
        interaction = Interaction(kept_sent, kept_got, heard.recorded_at or undated_at, heard.elapsed_ms)
        decode_interaction(orjson.loads(encode_interaction(interaction)), f"{where}: {place}")
        self.dropped.update(dropped_names(sent.headers, kept_sent.headers))
        got_headers = _without_coding(got.headers) if kept_got.coding else got.headers
        self.dropped.update(dropped_names(got_headers, kept_got.headers))
        self.hosts.add(heard.host)
        self.undated += heard.recorded_at is None
        self.decoded += bool(coding_named(heard.response.headers)) and not coding_named(kept_got.headers)
        self.redacted += kept_sent.target != sent.target
        self.interactions.append(interaction)
        self.places.append(place)

    def redact(self, redactor: Redactor) -> None:
        """Redact as the settings ask, on top; what cannot be stored then is left out."""
        interactions, places = self.interactions, self.places
        self.interactions, self.places = [], []
        for place, held in zip(places, interactions, strict=True):
            try:
                sent, got = redactor.storable(held.request, held.response)
            except NotStorable as error:
                self.left_out.append(f"{place}: {error.reason}")
                continue
            self.interactions.append(replace(held, request=sent, response=got))
            self.places.append(place)

    def add_or_leave_out(self, heard: Heard, gate: WriteGate, undated_at: datetime, where: str, place: str) -> bool:
        """Keep one call, or say that a cassette cannot hold it; tells whether it was kept."""
        try:
            self.add(heard, gate, undated_at, where, place)
        except NotStorable as error:
            self.left_out.append(f"{place}: {error.reason}")
            return False
        except CorruptCassette as error:
            self.left_out.append(f"{error.message.removeprefix(f'{where}: ').rstrip('.')}, so no cassette can hold it")
            return False
        except (OverflowError, ValueError, orjson.JSONEncodeError):  # a date out of range, text that is no Unicode
            self.left_out.append(f"{place}: it holds a date or a text that no cassette can hold")
            return False
        return True


def read_address(url: str) -> tuple[str, str, tuple[str, ...]]:
    """Take a URL apart into target, host and the credentials in it; raises `ValueError` for one that is none.

    Letters beyond ASCII, which some tools show in the place of their escapes, are escaped as they were on the wire.
    """
    parts = urlsplit(url)
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    target = "".join(char if char.isascii() else quote(char) for char in target)
    credentials = tuple(unquote(part) for part in (parts.username, parts.password) if part)
    return target, parts.netloc.rpartition("@")[2], credentials


def read_date(written: str | datetime | None) -> datetime | None:
    """Read a date: RFC 1123 as Ruby writes it, ISO 8601, or one already read; None for any other."""
    moment = _parsed(written) if isinstance(written, str) else written
    try:
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC) if moment else None
    except OverflowError:  # the first or the last hours of the calendar, elsewhere
        return None


def first_problem(error: ValidationError, marks: frozenset[str] = frozenset()) -> str:
    """Say what is wrong first and where, without the value; `marks` are words of pydantic that stand in no file."""
    first = error.errors(include_url=False, include_input=False)[0]
    path = ".".join(str(part) for part in first["loc"] if part not in marks)
    return f"{path or 'all of it'}: {first['msg']}."


def _parsed(written: str) -> datetime | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, OverflowError):
            return parse(written)
    return None


def _teach(gate: WriteGate, heard: Heard) -> None:
    """Let the gate learn every credential of a call, and nothing that only sounds like one."""
    sent = heard.request
    gate.learn(Request(sent.method, sent.target, make_headers(_may_be_credentials(sent.headers))))
    gate.learn_cookies(heard.response)
    gate.remember(heard.credentials)


def _may_be_credentials(headers: Headers) -> Iterator[tuple[str, str]]:
    return (pair for pair in headers.items() if not pair[0].lower().startswith(_NO_CREDENTIAL_PREFIXES))


def _as_read(heard: Heard) -> tuple[Request, Response]:
    """Take bodies that are text for decoded by who recorded them, whatever content coding their headers name."""
    sent, got = heard.request, heard.response
    coding = coding_named(got.headers)
    if _is_text(sent.body):
        sent = replace(sent, headers=_without_coding(sent.headers))
    if coding and got.body and _is_text(got.body):
        got = replace(got, headers=_without_coding(got.headers), coding=known_coding(coding))
    return sent, got


def _without_coding(headers: Headers) -> Headers:
    return make_headers(pair for pair in headers.items() if pair[0].lower() != CODING_HEADER)


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
