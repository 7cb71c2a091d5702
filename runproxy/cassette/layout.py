"""How the text of a cassette file is laid out, so that appending is one write over its last seven bytes.

    {                                   ─┐ HEAD
      "format": "runproxy/1",            │
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

from dataclasses import dataclass
from functools import partial
from typing import Final

import orjson

from runproxy.cassette.format import FORMAT, decode_document, decode_interaction, decode_key, encode_interaction
from runproxy.cassette.model import Cassette, Interaction
from runproxy.matching import MatchKey
from runproxy.redaction import PLAIN, Redactor

HEAD: Final = f'{{\n  "format": "{FORMAT}",\n  "interactions": ['.encode()
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


def element(encoded: bytes) -> bytes:
    """Indent an encoded interaction to its place in a file, without the comma before it."""
    return _INDENT + encoded.replace(b"\n", _INDENT)


def compose(elements: list[bytes]) -> bytes:
    """Lay out a whole text from indented interactions."""
    return HEAD + b",".join(elements) + TAIL


def split(text: bytes) -> list[bytes]:
    """Take a laid-out text apart into its indented interactions; raises `ValueError` when it is laid out otherwise."""
    if not (text.startswith(HEAD) and text.endswith(TAIL)):
        raise ValueError("not laid out as runproxy does")
    inner = text[len(HEAD) : -len(TAIL)]
    if not inner:
        return []
    parts = inner.split(_BETWEEN)
    elements = [parts[0], *(_INDENT + b"{" + part for part in parts[1:])]
    if not all(part.startswith(_INDENT + b"{") and part.endswith(END) for part in elements):
        raise ValueError("not laid out as runproxy does")
    return elements


def decode(text: bytes, where: str, redactor: Redactor = PLAIN) -> Cassette:
    """Read the text of a cassette; `where` names the file in errors. Raises what `decode_document` raises.

    Every interaction is checked. Where the layout allows it, what is kept is the text and where each one stands in it,
    so that a large cassette is never in memory as objects.
    """
    spans = _spans(text)
    if spans is None:
        return Cassette(decode_document(text, where), redactor)
    cassette, whole = Cassette((), redactor), _Text(text, where, redactor)
    for position, (start, end) in enumerate(spans):
        try:
            key = whole.key_at(position, start, end)
        except orjson.JSONDecodeError:
            return Cassette(decode_document(text, where), redactor)  # raises, with the place in the file
        cassette.add_unread(key, partial(whole.interaction_at, position, start, end))
    return cassette


@dataclass(frozen=True, slots=True)
class _Text:
    """A laid-out text, its name in errors, and what scrubs the requests in it."""

    text: bytes
    where: str
    redactor: Redactor

    def key_at(self, position: int, start: int, end: int) -> MatchKey:
        """Check the interaction that stands there, and give its key."""
        return decode_key(self._stored(start, end), self._place(position), self.redactor)

    def interaction_at(self, position: int, start: int, end: int) -> Interaction:
        """Read the interaction that stands there."""
        return decode_interaction(self._stored(start, end), self._place(position))

    def _stored(self, start: int, end: int) -> object:
        return orjson.loads(memoryview(self.text)[start:end])

    def _place(self, position: int) -> str:
        return f"{self.where}: interactions[{position}]"


def _spans(text: bytes) -> list[tuple[int, int]] | None:
    """Find where each interaction of a laid-out text starts and ends; None when it is laid out otherwise."""
    if not (text.startswith(HEAD) and text.endswith(TAIL)):
        return None
    spans, start, last = [], len(HEAD), len(text) - len(TAIL)
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
    return compose([element(encode_interaction(held)) for held in decode_document(text, where)])


def find_tear(text: bytes) -> Torn | None:
    """Recognise a text whose last write was cut off; None when it is whole, or wrong in another way.

    A text is torn when it has lost its closing brackets, but what stands whole in it closes to valid JSON. Brackets
    with something behind them were not torn: somebody has written there.
    """
    if TAIL in text or not text.startswith(HEAD):
        return None
    has_interaction = text[len(HEAD) :].lstrip().startswith(b"{")
    end = text.rfind(END) + len(END) if has_interaction and END in text else len(HEAD)
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
