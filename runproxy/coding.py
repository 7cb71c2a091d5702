"""Content codings (RFC 9110 section 8.4.1): what a body says once it is decompressed."""

import zlib
from typing import Final

MAX_DECOMPRESSED_BYTES: Final = 64 * 1024 * 1024
_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32  # recognises either header


def decompressed(body: bytes, coding: str) -> bytes | None:
    """Undo a content coding; None when it is not gzip or deflate, broken, or more than a sane size.

    A body without a coding is given back as the same object.
    """
    if coding.lower() in ("", "identity") or not body:
        return body
    if coding.lower() not in ("gzip", "x-gzip", "deflate"):
        return None
    reader = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        plain = reader.decompress(body, MAX_DECOMPRESSED_BYTES)
    except zlib.error:
        return None
    return plain if reader.eof and not reader.unused_data else None
