"""Multipart bodies (RFC 2046 section 5.1) without their boundary, which is a fresh one in every call.

A boundary is told by the first line of a body and its last. A body has either both, or it is no multipart one.
"""

import re
from hashlib import sha256
from typing import Final

_FIRST_LINE: Final = re.compile(rb"--([0-9A-Za-z'()+_,./:=? -]{1,70})\r\n")
_MAX_FIRST_LINE_BYTES: Final = 74
_LINE_BREAK: Final = b"\r\n"
_IN_ITS_PLACE: Final = b"--boundary"


def without_boundary(body: bytes) -> bytes:
    """Put one and the same boundary into a multipart body; any other is given back as the same object."""
    found = _FIRST_LINE.match(body)
    if found is None or not body.rstrip(_LINE_BREAK).endswith(b"--" + found[1] + b"--"):
        return body
    return (_LINE_BREAK + body).replace(b"\r\n--" + found[1], _LINE_BREAK + _IN_ITS_PLACE)[2:]


class BodyHash:
    """Hashes a body that comes in pieces, as `without_boundary` would leave it; keeps a line of it at most."""

    def __init__(self) -> None:
        self._as_it_is = sha256()
        self._begun: bytes | None = b""  # until it is known whether the first line holds a boundary
        self._parts: _Parts | None = None

    def update(self, piece: bytes) -> None:
        """Take the next piece."""
        self._as_it_is.update(piece)
        if self._parts is not None:
            self._parts.update(piece)
        elif self._begun is not None:
            self._begun += piece
            if len(self._begun) >= _MAX_FIRST_LINE_BYTES:
                self._read_first_line(self._begun)

    def hexdigest(self) -> str:
        """Give the SHA-256 of a body whose last piece was taken, in hexadecimal."""
        if self._begun is not None:
            self._read_first_line(self._begun)
        is_multipart = self._parts is not None and self._parts.are_ended
        return self._parts.hexdigest() if self._parts and is_multipart else self._as_it_is.hexdigest()

    def _read_first_line(self, begun: bytes) -> None:
        self._begun = None
        if found := _FIRST_LINE.match(begun):
            self._parts = _Parts(found[1])
            self._parts.update(begun[found.end(1) :])


class _Parts:
    """Hashes what comes behind the first boundary, with all further ones replaced."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._last_line = b"--" + boundary + b"--"
        self._hash = sha256(_IN_ITS_PLACE)
        self._held = b""  # may be the start of a boundary that goes on in the next piece
        self._end = b""  # the last bytes, but for the line breaks behind them
        self._line_breaks = b""

    @property
    def are_ended(self) -> bool:
        """Tell whether what came last is the line that ends a multipart body."""
        return self._end.endswith(self._last_line)

    def update(self, piece: bytes) -> None:
        """Take the next piece."""
        self._note_end(piece)
        *whole, rest = (self._held + piece).split(self._delimiter)
        for part in whole:
            self._hash.update(part)
            self._hash.update(_LINE_BREAK + _IN_ITS_PLACE)
        start = self._start_of_delimiter(rest)
        self._hash.update(memoryview(rest)[:start])
        self._held = rest[start:]

    def hexdigest(self) -> str:
        """Give the hash of what has come."""
        found = self._hash.copy()
        found.update(self._held)
        return found.hexdigest()

    def _start_of_delimiter(self, rest: bytes) -> int:
        """Find where a delimiter may have begun that the end cuts off; a carriage return stands at its start alone."""
        start = rest.rfind(b"\r", max(0, len(rest) - len(self._delimiter) + 1))
        return start if start >= 0 and self._delimiter.startswith(rest[start:]) else len(rest)

    def _note_end(self, piece: bytes) -> None:
        kept = len(self._last_line)
        text = piece.rstrip(_LINE_BREAK)
        if text:
            self._end = (self._end + self._line_breaks + text[-kept:])[-kept:]
            self._line_breaks = b""
        self._line_breaks = (self._line_breaks + piece[len(text) :])[:kept]
