"""What is known of a body that passes: all of it where it is short, else its digest."""

from dataclasses import replace
from typing import Self

from runproxy.messages import Digest, Request, Stream
from runproxy.multipart import BodyHash


class Upload:
    """The body of a request as it passes; at most `max_bytes` of it are kept, and of a longer one its digest.

    It has passed when its end has; where the client has told the length in advance, that is its last piece.
    """

    def __init__(self, request: Request, stream: Stream, max_bytes: int) -> None:
        self._request = request
        self._stream = stream
        self._length = request.content_length
        self._max_bytes = max_bytes
        self._kept = None if (self._length or 0) > max_bytes else bytearray()
        self._hash = BodyHash()
        self._passed = 0
        self.has_passed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await anext(self._stream)
        except StopAsyncIteration:
            self.has_passed = True
            raise
        self._note(piece)
        return piece

    async def aclose(self) -> None:
        """Close the stream that passes."""
        await self._stream.aclose()

    @property
    def passing(self) -> Request:
        """The request with this body, to be sent on."""
        return replace(self._request, stream=self)

    def known(self) -> Request:
        """Give the request with what has passed of its body, or the digest of that."""
        if self._kept is not None:
            return replace(self._request, body=bytes(self._kept), stream=None)
        return replace(self._request, stream=None, digest=Digest(self._hash.hexdigest(), self._passed))

    def _note(self, piece: bytes) -> None:
        self._passed += len(piece)
        self._hash.update(piece)
        if self._passed > self._max_bytes:
            self._kept = None
        elif self._kept is not None:
            self._kept += piece
        self.has_passed = self._passed == self._length


async def gathered(request: Request, stream: Stream, max_bytes: int) -> Request:
    """Read a body to its end, and give the request with it or with its digest; raises what the stream raises."""
    upload = Upload(request, stream, max_bytes)
    try:
        async for _ in upload:
            pass
    finally:
        await upload.aclose()
    return upload.known()
