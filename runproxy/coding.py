"""Content codings (RFC 9110 section 8.4.1): gzip, deflate, br and zstd, undone and applied, whole or piece by piece."""

import sys
import zlib
from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Final, Protocol

import brotli

from runproxy.errors import NotStorable, OpaqueBody, TooLongToRecord

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_DECOMPRESSED_BYTES: Final = 64 * 1024 * 1024
_NO_CODING: Final = ("", "identity")
_MAX_MEMBERS: Final = 1024
_FIRST_WINDOW_BYTES: Final = 64
_MAX_WINDOW_LOG: Final = 23  # RFC 9659 section 3: what uses more memory is no zstd as HTTP means it
_GZIP: Final = zlib.MAX_WBITS | 16
_BROTLI_QUALITY: Final = 5  # the best one takes a hundred times as long
_BROKEN: Final = (zlib.error, brotli.error, zstd.ZstdError)


class Undecodable(Exception):
    """A body that is not what its coding says, or in a coding that is not known here."""


class DecodesTooLong(Undecodable):
    """A body that says more than is kept."""


def not_storable(error: Undecodable, where: str, most_bytes: int) -> NotStorable:
    """Say why a body that cannot be decoded cannot be stored either."""
    return TooLongToRecord(most_bytes) if isinstance(error, DecodesTooLong) else OpaqueBody(where)


def known_coding(name: str) -> str:
    """Give the name of a coding as it is written here; empty for one that is not known, or for more than one."""
    name = name.strip().lower()
    return "gzip" if name == "x-gzip" else name if name in CODINGS else ""


def decompressed(body: bytes, coding: str, most_bytes: int = MAX_DECOMPRESSED_BYTES) -> bytes | None:
    """Undo a content coding; None when it is not known, when the body is broken, or says more than `most_bytes`.

    A body without a coding is given back as the same object.
    """
    if coding.lower() in _NO_CODING or not body:
        return body
    try:
        return decoded(body, coding, most_bytes)
    except Undecodable:
        return None


def decoded(body: bytes, coding: str, most_bytes: int) -> bytes:
    """Undo a content coding; raises `Undecodable`, of a body that says more than `most_bytes` `DecodesTooLong`."""
    decoder = Decoder(coding, most_bytes)
    plain = decoder.feed(body)
    decoder.finish()
    return plain


def encoded(body: bytes, coding: str) -> bytes:
    """Apply a coding that is known here; the same body gives the same bytes."""
    encoder = Encoder(coding)
    return encoder.feed(body) + encoder.finish()


class Decoder:
    """Undoes a coding, if there is one, piece by piece.

    Raises `Undecodable` where that cannot be done, and `DecodesTooLong` after `most_bytes`.
    """

    def __init__(self, coding: str, most_bytes: int) -> None:
        make = _Plain if coding.lower() in _NO_CODING else _READERS.get(known_coding(coding))
        if make is None:
            raise Undecodable(f"the coding {coding!r} is not known")
        self._reader = make()
        self._left_bytes = most_bytes

    def feed(self, data: bytes) -> bytes:
        """Give what can be read with this piece."""
        try:
            plain = self._reader.read(data, self._left_bytes + 1)
        except _BROKEN as error:
            raise Undecodable(str(error)) from error
        self._left_bytes -= len(plain)
        if self._left_bytes < 0:
            raise DecodesTooLong("the body says more than is kept")
        return plain

    def finish(self) -> None:
        """Raise `Undecodable` where the end is missing."""
        if not self._reader.is_whole:
            raise Undecodable("the end of the body is missing")


class Encoder:
    """Applies a coding piece by piece; whoever has a piece can read all of it."""

    def __init__(self, coding: str) -> None:
        self._write, self._end = _WRITERS[coding]()

    def feed(self, piece: bytes) -> bytes:
        """Give a piece as it is sent."""
        return self._write(piece)

    def finish(self) -> bytes:
        """Give what ends the body."""
        return self._end()


class _Library(Protocol):
    """What zlib and zstd share."""

    @property
    def eof(self) -> bool: ...  # pragma: no cover

    @property
    def unused_data(self) -> bytes: ...  # pragma: no cover

    def decompress(self, data: bytes, most_bytes: int, /) -> bytes: ...  # pragma: no cover


class _Reader(Protocol):
    """Reads a body; gives less than `most_bytes`, unless there is more than that."""

    @property
    def is_whole(self) -> bool: ...  # pragma: no cover

    def read(self, data: bytes, most_bytes: int) -> bytes: ...  # pragma: no cover


class _Plain:
    """Reads what has no coding."""

    is_whole = True

    def read(self, data: bytes, _: int) -> bytes:
        return data


class _Members:
    """Reads one member after the other, as gzip (RFC 1952 section 2.2) and zstd (RFC 8878 section 3.1) may have them.

    A library hands back what comes after the end of a member, so that small members are read in small pieces: a copy
    of all the rest for each of them would take time without end.
    """

    def __init__(self, new: Callable[[], _Library]) -> None:
        self._new = new
        self._member = new()
        self._read_members = 1

    @property
    def is_whole(self) -> bool:
        return self._member.eof

    def read(self, data: bytes, most_bytes: int) -> bytes:
        plain, start, window = bytearray(), 0, len(data)
        while start < len(data) and len(plain) < most_bytes:
            if self._member.eof:
                self._next()
                window = _FIRST_WINDOW_BYTES
            piece = data[start : start + window]
            plain += self._member.decompress(piece, most_bytes - len(plain))
            start += len(piece) - len(self._member.unused_data)
            window *= 2
        return bytes(plain)

    def _next(self) -> None:
        self._read_members += 1
        if self._read_members > _MAX_MEMBERS:
            raise Undecodable("the body consists of too many parts")
        self._member = self._new()


class _Deflate:
    """Reads deflate as RFC 9110 has it, with the head of zlib, and as some servers send it, without."""

    def __init__(self) -> None:
        self._library: _Library | None = None

    @property
    def is_whole(self) -> bool:
        return self._library is not None and self._library.eof

    def read(self, data: bytes, most_bytes: int) -> bytes:
        if not data:
            return b""
        if self._library is None:
            has_head = data[0] & 0x0F == zlib.DEFLATED  # RFC 1950 section 2.2
            self._library = zlib.decompressobj(zlib.MAX_WBITS if has_head else -zlib.MAX_WBITS)
        plain = self._library.decompress(data, most_bytes)
        if self._library.unused_data:
            raise Undecodable("there is something after the end of the body")
        return plain


class _Brotli:
    """Reads br."""

    def __init__(self) -> None:
        self._library = brotli.Decompressor()

    @property
    def is_whole(self) -> bool:
        return bool(self._library.is_finished())

    def read(self, data: bytes, most_bytes: int) -> bytes:
        return bytes(self._library.process(data, output_buffer_limit=most_bytes))


def _new_zstd() -> _Library:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _MAX_WINDOW_LOG})


_Writer = tuple[Callable[[bytes], bytes], Callable[[], bytes]]
"""What writes a piece, and what ends the body."""


def _zlib_writer(window_bits: int) -> _Writer:
    library = zlib.compressobj(wbits=window_bits)  # its gzip names no time and no file, so it is always the same
    return lambda piece: library.compress(piece) + library.flush(zlib.Z_SYNC_FLUSH), library.flush


def _brotli_writer() -> _Writer:
    library = brotli.Compressor(quality=_BROTLI_QUALITY)
    return lambda piece: library.process(piece) + library.flush(), library.finish


def _zstd_writer() -> _Writer:
    library = zstd.ZstdCompressor()
    return lambda piece: library.compress(piece, library.FLUSH_BLOCK), library.flush


_READERS: Final = MappingProxyType[str, Callable[[], _Reader]](
    {
        "gzip": lambda: _Members(partial(zlib.decompressobj, _GZIP)),
        "deflate": _Deflate,
        "br": _Brotli,
        "zstd": lambda: _Members(_new_zstd),
    }
)
_WRITERS: Final = MappingProxyType[str, Callable[[], _Writer]](
    {
        "gzip": lambda: _zlib_writer(_GZIP),
        "deflate": lambda: _zlib_writer(zlib.MAX_WBITS),
        "br": _brotli_writer,
        "zstd": _zstd_writer,
    }
)
CODINGS: Final = tuple(_READERS)
"""The codings that are known here, in the order in which they are chosen from."""
