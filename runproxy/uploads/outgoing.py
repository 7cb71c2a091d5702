"""A body on its way to the upstream, beside which the answer may come already."""

import asyncio
from dataclasses import replace
from typing import Self

from runproxy.errors import RunproxyError, UpstreamError
from runproxy.messages import Response, Stream


class Outgoing:
    """The body of a request for as long as it is sent; it remembers why it broke off.

    `limit` is the time that the upstream has, of `seconds`: it begins anew with every piece that comes, and does not
    run while the client is waited for.
    """

    def __init__(self, stream: Stream, limit: asyncio.Timeout, seconds: float) -> None:
        self._stream = stream
        self._limit: asyncio.Timeout | None = limit
        self._seconds = seconds
        self._answer: Stream | None = None
        self.failure: RunproxyError | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self._give_time(None)
        try:
            return await anext(self._stream)
        except RunproxyError as error:
            self.failure = error
            if self._answer is not None:
                await self._answer.aclose()  # whoever waits for more of it hears of the failure now
            raise
        finally:
            self._give_time(self._seconds)

    async def aclose(self) -> None:
        """Close the stream; what is left of it is not sent."""
        self._limit = None
        await self._stream.aclose()

    async def answered(self, response: Response) -> Response:
        """Take the answer: one that is whole ends the sending, beside any other it goes on."""
        self._limit = None
        if response.stream is None:
            await self.aclose()
            return response
        self._answer = response.stream
        return replace(response, stream=_Beside(self, response.stream))

    def _give_time(self, seconds: float | None) -> None:
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)


class _Beside:
    """An answer that comes while its request may still be on its way; where that breaks off, so does the answer."""

    def __init__(self, outgoing: Outgoing, answer: Stream) -> None:
        self._outgoing = outgoing
        self._answer = answer

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._answer)
        except UpstreamError:
            if self._outgoing.failure is not None:
                raise self._outgoing.failure from None
            raise

    async def aclose(self) -> None:
        """Close both."""
        await self._answer.aclose()
        await self._outgoing.aclose()
