"""The body of a request in the form in which aiohttp's client sends one that comes in pieces."""

import asyncio
import select
from typing import Final

from aiohttp import Payload
from aiohttp.abc import AbstractStreamWriter

from runproxy.uploads import Outgoing

_TURNS: Final = 4  # of the event loop, in which an answer that is here comes to whoever waits for it


class UploadPayload(Payload):
    """Sends a body piece by piece; without a `length`, in chunks."""

    _autoclose = True

    def __init__(self, body: Outgoing, length: int | None) -> None:
        super().__init__(body)
        self._body = body
        self._size = length

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Raise `TypeError`: nothing of it is kept."""
        raise TypeError("a body that comes in pieces is not kept")

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send all of it."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Send all of it; the server has seen to it that its length is the one that was told."""
        self._consumed = True  # so that nobody tries to send it once more
        async for piece in self._body:
            await _hear_answer(writer)
            await writer.write(piece)


async def _hear_answer(writer: AbstractStreamWriter) -> None:
    """Let an answer in that is here already.

    An upstream may answer in the middle of an upload and close the connection. What was not read of it by then would
    be lost with the next write.
    """
    transport: asyncio.Transport | None = getattr(writer, "transport", None)
    held = transport.get_extra_info("socket") if transport else None
    if held is None or held.fileno() < 0:
        return
    waiting = select.poll()
    waiting.register(held.fileno(), select.POLLIN)
    for _ in range(_TURNS):
        if not waiting.poll(0):
            return
        await asyncio.sleep(0)
