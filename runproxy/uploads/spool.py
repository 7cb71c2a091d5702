"""Bodies that are kept on disk until it is known where they go."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import Final, Self, TypeVar

from runproxy.errors import UploadNotKept
from runproxy.messages import Request, Stream
from runproxy.uploads.heard import Upload

_T = TypeVar("_T")
_IN_MEMORY_BYTES: Final = 256 * 1024
_PIECE_BYTES: Final = 256 * 1024


class _Spool:
    """A file without a name, which is gone with the process: written first, then read as a stream."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by whoever has the stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece = await _told(lambda: self._file.read(_PIECE_BYTES))
        if not piece:
            raise StopAsyncIteration
        return piece

    async def write(self, piece: bytes) -> None:
        """Keep a piece; raises `UploadNotKept`."""
        await _told(lambda: self._file.write(piece))

    async def rewind(self) -> None:
        """Let it be read from its start; raises `UploadNotKept`."""
        await _told(lambda: self._file.seek(0))

    async def aclose(self) -> None:
        """Give the room on the disk back."""
        self._file.close()


async def spooled(request: Request, stream: Stream, max_bytes: int) -> Request:
    """Read a body to its end; one that is too long to be kept in memory can be read again, and has its digest.

    Raises `UploadNotKept`, and what the stream raises.
    """
    upload, spool = Upload(request, stream, max_bytes), _Spool()
    try:
        async for piece in upload:
            await spool.write(piece)
        await spool.rewind()
    except BaseException:
        await spool.aclose()
        raise
    finally:
        await upload.aclose()
    known = upload.known()
    if known.digest is not None:
        return replace(known, stream=spool)
    await spool.aclose()
    return known


async def _told(work: Callable[[], _T]) -> _T:
    """Do something that blocks, and may find the disk full; raises `UploadNotKept`."""
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise UploadNotKept(error.strerror or type(error).__name__) from error
