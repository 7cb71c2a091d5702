"""Finding secrets in what is on file already: in a cassette place by place, in any other text line by line.

What is searched for is what the gate in front of every write searches for. A finding names the place and the kind of
secret, never the secret, not even where it stands in a name on the way to the place.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from runproxy.cassettes.layout import decode
from runproxy.cassettes.model import Cassette, Interaction
from runproxy.cassettes.values import body_value, path_of, steps_in
from runproxy.coding import decompressed
from runproxy.errors import CorruptCassette, SecretFound, UnknownFormat
from runproxy.messages import Headers, Request, Response, make_headers
from runproxy.positions import Position, Steps, positions
from runproxy.redaction import (
    MIN_CREDENTIAL_CHARS,
    NO_CREDENTIALS,
    REDACTED,
    REQUEST_HEADERS,
    RESPONSE_HEADERS,
    WriteGate,
    secrets_in_query,
)

HIDDEN: Final = "(secret)"
"""Stands in a place for a name that is a secret, or holds one."""

OPAQUE: Final = "a body that is compressed in a way that cannot be looked into"
HEADER: Final = "a header that is named like a secret"
QUERY_VALUE: Final = "a query value that is named like a secret"

_FORMAT_MARK: Final = b'"runproxy/'
_LINE: Final = re.compile("line ([0-9]+)")
_IN_CASSETTE: Final = re.compile(r"interactions\[")
_IN_BODY: Final = 4  # interactions, its number, request or response, body
_PROBE: Final = "a-value-made-up-as-a-probe"


@dataclass(frozen=True, slots=True)
class Finding:
    """A secret on file: where it stands, as a path into a cassette or as a line, and what kind it is."""

    where: str
    kind: str


@dataclass(frozen=True, slots=True)
class Scanned:
    """What was found in a file, and where in its text; what stands over several lines has no position.

    `unread` says why a cassette could only be searched as plain text.
    """

    findings: tuple[Finding, ...]
    unread: str | None = None
    positions: Mapping[Finding, Position] = field(default_factory=dict)


class Scanner:
    """Searches for what has the shape of a secret, and for some credentials by name."""

    def __init__(self, credentials: Mapping[str, str]) -> None:
        """Raise `ValueError` for a credential that cannot be told from ordinary text."""
        self._shapes = WriteGate()
        self._named: dict[str, WriteGate] = {}
        for name, value in credentials.items():
            if len(value) < MIN_CREDENTIAL_CHARS or value in NO_CREDENTIALS:
                raise ValueError(
                    f"the value of {name} has fewer than {MIN_CREDENTIAL_CHARS} characters, or is a word of every "
                    "recording; it cannot be searched for"
                )
            gate = self._named[name] = WriteGate()
            gate.remember([value])

    def scan(self, text: bytes, where: str) -> Scanned:
        """Search a file, which `where` names: place by place if it is a cassette, else by line."""
        unread = None
        try:
            if found := tuple(self._in_cassette(decode(text, where))):
                return Scanned(found, positions=_positions(found, text))
        except (CorruptCassette, UnknownFormat) as error:
            unread = error.message if _FORMAT_MARK in text else None
        # A text can hold more than its reader sees, such as a member that stands twice.
        found = tuple(self._in_text(text))
        return Scanned(found, unread, _positions(found, text))

    def _in_text(self, text: bytes) -> Iterator[Finding]:
        kinds = self._kinds(text)
        if not kinds:
            return
        for number, line in enumerate(text.split(b"\n"), 1):
            for kind in self._kinds(line):
                kinds.pop(kind, None)
                yield Finding(f"line {number}", kind)
        yield from (Finding("over several lines", kind) for kind in kinds)

    def _in_cassette(self, cassette: Cassette) -> Iterator[Finding]:
        for position, interaction in enumerate(cassette):
            yield from self._in_interaction(f"interactions[{position}]", interaction)

    def _in_interaction(self, where: str, held: Interaction) -> Iterator[Finding]:
        sent, got = held.request, held.response
        yield from self._in_string(f"{where}.request.method", sent.method)
        yield from self._in_string(f"{where}.request.path", sent.path)
        yield from self._in_string(f"{where}.request.query", sent.query)
        if any(value != REDACTED for value in secrets_in_query(sent.query)):
            yield Finding(f"{where}.request.query", QUERY_VALUE)
        yield from self._in_message(f"{where}.request", sent, REQUEST_HEADERS)
        yield from self._in_message(f"{where}.response", got, RESPONSE_HEADERS)

    def _in_message(self, where: str, message: Request | Response, allowed: frozenset[str]) -> Iterator[Finding]:
        yield from self._in_headers(f"{where}.headers", message.headers, allowed)
        body = decompressed(message.body, message.headers.get("content-encoding", ""))
        if body is None:
            yield Finding(f"{where}.body", OPAQUE)
            body = message.body
        if kinds := self._kinds(body):
            found = list(self._in_value((), body_value(message), f"{where}.body"))
            left = kinds.keys() - {finding.kind for finding in found}
            yield from found
            yield from (Finding(f"{where}.body", kind) for kind in kinds if kind in left)

    def _in_headers(self, where: str, headers: Headers, allowed: frozenset[str]) -> Iterator[Finding]:
        for position, (name, value) in enumerate(headers.items()):
            place = path_of([self._shown(name)], f"{where}[{position}]")
            yield from self._in_string(f"{where}[{position}]", name)
            yield from self._in_string(place, value)
            if name.lower() not in allowed and value != REDACTED and _is_named_like_a_secret(name):
                yield Finding(place, HEADER)

    def _in_value(self, steps: Steps, value: object, where: str) -> Iterator[Finding]:
        """Search a JSON value for the places of what was found in it as a whole."""
        if isinstance(value, dict):
            for name, held in value.items():
                yield from self._in_string(path_of(steps, where), name)
                yield from self._in_value((*steps, self._shown(name)), held, where)
        elif isinstance(value, list):
            for position, held in enumerate(value):
                yield from self._in_value((*steps, position), held, where)
        elif isinstance(value, str):
            yield from self._in_string(path_of(steps, where), value)

    def _in_string(self, where: str, text: str) -> Iterator[Finding]:
        yield from (Finding(where, kind) for kind in self._kinds(text.encode("utf-8", "surrogateescape")))

    def _shown(self, name: str) -> str:
        return HIDDEN if self._kinds(name.encode("utf-8", "surrogateescape")) else name

    def _kinds(self, data: bytes) -> dict[str, None]:
        """Name the kinds of secrets that data holds, in order."""
        shape = _found(self._shapes, data)
        kinds = {shape: None} if shape else {}
        for name, gate in self._named.items():
            if _found(gate, data) not in (None, shape):
                kinds[f"the value of {name}"] = None
        return kinds


def _positions(findings: Collection[Finding], text: bytes) -> dict[Finding, Position]:
    lines = {finding: found for finding in findings if (found := _LINE.fullmatch(finding.where))}
    steps = {finding: _steps_on_file(finding.where) for finding in findings if _IN_CASSETTE.match(finding.where)}
    places = positions(text.decode(), steps.values()) if steps else {}
    return {finding: Position(int(found[1]), 1) for finding, found in lines.items()} | {
        finding: places[way] for finding, way in steps.items()
    }


def _steps_on_file(where: str) -> Steps:
    """Give the way to a place in the text of a cassette, where the value of a body stands below `json`."""
    steps = steps_in(where)
    return (*steps[:_IN_BODY], "json", *steps[_IN_BODY:]) if "body" in steps[:_IN_BODY] else steps


def _found(gate: WriteGate, data: bytes) -> str | None:
    try:
        gate.inspect("", data)
    except SecretFound as found:
        return found.shape
    return None


def _is_named_like_a_secret(name: str) -> bool:
    """Ask the gate, which learns the values of such headers."""
    gate = WriteGate()
    gate.learn(Request("GET", "/", make_headers([(name, _PROBE)])))
    return not gate.lets_pass(_PROBE)
