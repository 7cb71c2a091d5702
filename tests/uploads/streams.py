"""Streams for tests: bodies in pieces, that may break off."""

from collections.abc import Iterable, Iterator

from runproxy.errors import RunproxyError
from runproxy.messages import Request, make_headers


class Pieces:
    """A body in pieces; an error among them breaks it off. `is_closed` tells whether whoever took it has closed it."""

    def __init__(self, pieces: Iterable[bytes | RunproxyError]) -> None:
        self._pieces: Iterator[bytes | RunproxyError] = iter(pieces)
        self.is_closed = False

    def __aiter__(self) -> "Pieces":
        return self

    async def __anext__(self) -> bytes:
        piece = next(self._pieces, b"")
        if isinstance(piece, RunproxyError):
            raise piece
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Remember it."""
        self.is_closed = True


def request(stream: Pieces | None = None, length: int | None = None, body: bytes = b"") -> Request:
    """Make a request whose body is still to come, of a length that is told or not."""
    told = [] if length is None else [("Content-Length", str(length))]
    return Request("POST", "/v1/files", make_headers(told), body, stream=stream)
