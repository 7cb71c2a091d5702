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

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import orjson

from runproxy.cassette.format import FORMAT, decode_document, decode_interaction, encode_interaction
from runproxy.cassette.model import Interaction

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


def decode(text: bytes, where: str) -> Iterator[Interaction]:
    """Read the text of a cassette, interaction by interaction; `where` names the file in errors.

    One at a time where the layout allows it, so that a large cassette is never in memory as a tree of objects. Raises
    what `decode_document` raises.
    """
    try:
        elements = split(text)
    except ValueError:
        yield from decode_document(text, where)
        return
    for position, held in enumerate(elements):
        try:
            stored = orjson.loads(held)
        except orjson.JSONDecodeError:
            yield from decode_document(text, where)  # raises, with the place in the file
            raise
        yield decode_interaction(stored, f"{where}: interactions[{position}]")


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
