"""How the text of a cassette file is laid out, so that appending is one write over its last seven bytes.

    {                                   ─┐
      "format": "runproxy/1",            │ the head; its second line is there where something is set
      "match": {…},                      │
      "interactions": [                 ─┘
        {
          …                              an interaction, indented by four spaces
        },
        {
          …
        }
      ]                                 ─┐ TAIL
    }                                   ─┘

No line inside an interaction starts with exactly four spaces and a closing brace, and none with two spaces and a
bracket, because strings in JSON hold no raw line breaks. So the end of the last whole interaction can be found in
text alone, however a write was torn.
"""

import json
import re
from dataclasses import dataclass
from functools import partial
from typing import Final

import orjson

from runproxy.cassettes.format import (
    FORMAT,
    decode_document,
    decode_interaction,
    decode_key,
    decode_match,
    encode_interaction,
)
from runproxy.cassettes.model import PLAIN_MATCHER, Cassette, Interaction
from runproxy.cassettes.reading import check_says_the_same
from runproxy.matching import Matcher, MatchKey, MatchSettings

_OPENING: Final = f'{{\n  "format": "{FORMAT}",\n'.encode()
_LIST: Final = b'  "interactions": ['
HEAD: Final = _OPENING + _LIST
"""The head of a cassette that says nothing of how its calls are compared."""
MAX_HEAD_BYTES: Final = 16 * 1024
_MATCH: Final = re.compile(re.escape(_OPENING) + rb'  "match": (\{[^\n]*\}),\n' + re.escape(_LIST))
TAIL: Final = b"\n  ]\n}\n"
EMPTY: Final = HEAD + TAIL

_INDENT: Final = b"\n    "
END: Final = _INDENT + b"}"
"""How every interaction ends."""
_BETWEEN: Final = b",\n    {"


@dataclass(frozen=True, slots=True)
class Torn:
    """A text whose last write was cut off: what stands whole, as a complete text, and the torn bytes after it."""

    whole: bytes
    torn: bytes


def head_of(text: bytes) -> bytes | None:
    """Give the head of a text that is laid out as runproxy does, of which the start will do; None for another text."""
    if text.startswith(HEAD):
        return HEAD
    found = _MATCH.match(text, 0, MAX_HEAD_BYTES)
    return found[0] if found else None


def make_head(match: MatchSettings) -> bytes:
    """Lay out the head of a cassette that says how its calls are compared."""
    if match == MatchSettings():
        return HEAD
    said = json.dumps(match.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False)
    return _OPENING + f'  "match": {said},\n'.encode() + _LIST


def _match_in(head: bytes, where: str) -> MatchSettings:
    """Read what a head says of how calls are compared; raises `CorruptCassette`."""
    found = _MATCH.match(head)
    if found is None:
        return MatchSettings()
    said = orjson.loads(found[1])
    check_says_the_same(found[1], said, where, "match")
    return decode_match(said, where)


def element(encoded: bytes) -> bytes:
    """Indent an encoded interaction to its place in a file, without the comma before it."""
    return _INDENT + encoded.replace(b"\n", _INDENT)


def compose(elements: list[bytes], head: bytes = HEAD) -> bytes:
    """Lay out a whole text from indented interactions."""
    return head + b",".join(elements) + TAIL


def split(text: bytes) -> list[bytes]:
    """Take a laid-out text apart into its indented interactions; raises `ValueError` when it is laid out otherwise."""
    head = head_of(text)
    if head is None or not text.endswith(TAIL):
        raise ValueError("not laid out as runproxy does")
    inner = text[len(head) : -len(TAIL)]
    if not inner:
        return []
    parts = inner.split(_BETWEEN)
    elements = [parts[0], *(_INDENT + b"{" + part for part in parts[1:])]
    if not all(part.startswith(_INDENT + b"{") and part.endswith(END) for part in elements):
        raise ValueError("not laid out as runproxy does")
    return elements


def decode(text: bytes, where: str, matcher: Matcher = PLAIN_MATCHER) -> Cassette:
    """Read the text of a cassette; `where` names the file in errors. Raises what `decode_document` raises.

    Calls are compared as `matcher` does and as the cassette says, too. Every interaction is checked. Where the layout
    allows it, what is kept is the text and where each one stands in it, so that a large cassette is never in memory as
    objects.
    """
    head, spans = head_of(text), _spans(text)
    if head is None or spans is None:
        return _decode_as_json(text, where, matcher)
    try:
        matcher = matcher.with_more(_match_in(head, where))
        cassette, whole = Cassette((), matcher), _Text(text, where, matcher)
        for position, (start, end) in enumerate(spans):
            key = whole.key_at(position, start, end)
            cassette.add_unread(key, partial(whole.interaction_at, position, start, end))
    except orjson.JSONDecodeError:
        return _decode_as_json(text, where, matcher)  # raises, with the place in the file
    return cassette


def _decode_as_json(text: bytes, where: str, matcher: Matcher) -> Cassette:
    document = decode_document(text, where)
    return Cassette(document.interactions, matcher.with_more(document.match))


@dataclass(frozen=True, slots=True)
class _Text:
    """A laid-out text, its name in errors, and what compares the requests in it."""

    text: bytes
    where: str
    matcher: Matcher

    def key_at(self, position: int, start: int, end: int) -> MatchKey:
        """Check the interaction that stands there, and give its key."""
        stored = self._stored(start, end)
        check_says_the_same(self.text[start:end], stored, self.where, f"interactions[{position}]")
        return decode_key(stored, self._place(position), self.matcher)

    def interaction_at(self, position: int, start: int, end: int) -> Interaction:
        """Read the interaction that stands there."""
        return decode_interaction(self._stored(start, end), self._place(position))

    def _stored(self, start: int, end: int) -> object:
        return orjson.loads(memoryview(self.text)[start:end])

    def _place(self, position: int) -> str:
        return f"{self.where}: interactions[{position}]"


def _spans(text: bytes) -> list[tuple[int, int]] | None:
    """Find where each interaction of a laid-out text starts and ends; None when it is laid out otherwise."""
    head = head_of(text)
    if head is None or not text.endswith(TAIL):
        return None
    spans, start, last = [], len(head), len(text) - len(TAIL)
    while start < last:
        found = text.find(_BETWEEN, start, last)
        end = last if found < 0 else found
        if not (text.startswith(_INDENT + b"{", start) and text.endswith(END, start, end)):
            return None
        spans.append((start, end))
        start = end + 1
    return spans


def reformat(text: bytes, where: str) -> bytes:
    """Lay out a cassette that another tool has printed in its own way; raises what `decode_document` raises."""
    document = decode_document(text, where)
    elements = [element(encode_interaction(held)) for held in document.interactions]
    return compose(elements, make_head(document.match))


def find_tear(text: bytes) -> Torn | None:
    """Recognise a text whose last write was cut off; None when it is whole, or wrong in another way.

    A text is torn when it has lost its closing brackets, but what stands whole in it closes to valid JSON. Brackets
    with something behind them were not torn: somebody has written there.
    """
    head = head_of(text)
    if TAIL in text or head is None:
        return None
    has_interaction = text[len(head) :].lstrip().startswith(b"{")
    end = text.rfind(END) + len(END) if has_interaction and END in text else len(head)
    whole = text[:end] + TAIL
    if _is_json(text) or not _is_json(whole):
        return None
    return Torn(whole, text[end:])


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
