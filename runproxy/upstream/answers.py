"""The answer of an upstream: taken whole where it is short and there soon, else given as a stream."""

import asyncio
from typing import Final, Self

import aiohttp

from runproxy.errors import UpstreamError
from runproxy.messages import BODILESS, LENGTH_HEADER, Request, Response, make_headers, tells_length_alone
from runproxy.upstream.failures import UNKNOWN_OUTCOME, told
from runproxy.upstream.headers import to_return

_AHEAD_S: Final = 0.1
_AHEAD_BYTES: Final = 256 * 1024
_FIRST_FINAL_STATUS: Final = 200  # RFC 9110 section 15.2: lower ones announce an answer


async def taken(request: Request, answer: aiohttp.ClientResponse, origin: str, read_s: float) -> Response:
    """Read an answer whole, or as far as it is here; its connection is given back once its end is read."""
    if why := _why_invalid(answer):
        raise UpstreamError(f"The upstream {origin} {why}.", code="upstream_invalid", headers=UNKNOWN_OUTCOME)
    if request.method == "HEAD" or answer.status in BODILESS:
        has_length = tells_length_alone(request.method, answer.status)
        return Response(answer.status, to_return(answer.headers, with_length=has_length), await answer.read())
    headers = to_return(answer.headers, with_length=False)
    is_events = answer.content_type == "text/event-stream"
    if not is_events and (answer.content_length or _AHEAD_BYTES) < _AHEAD_BYTES:
        return Response(answer.status, headers, await answer.read())
    begun = b"" if is_events else await _read_ahead(answer.content)
    if answer.content.at_eof() and not is_events:
        return Response(answer.status, headers, begun)
    if (length := answer.headers.get(LENGTH_HEADER)) is not None:
        headers = make_headers([*headers.items(), ("Content-Length", length)])
    return Response(answer.status, headers, stream=AnswerStream(answer, begun, origin, read_s))


def _why_invalid(answer: aiohttp.ClientResponse) -> str:
    """Say what keeps an answer from being passed on that can be read all the same; empty for nothing."""
    if answer.status < _FIRST_FINAL_STATUS:
        return f"answered {answer.status}, which is no final answer"
    if answer.version not in (aiohttp.HttpVersion10, aiohttp.HttpVersion11):
        return "answered in another version of HTTP than 1.0 and 1.1"
    if answer.headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
        return "applied a transfer coding that nobody had asked for"  # RFC 9112 section 7.4
    return ""


class AnswerStream:
    """The body of an answer as it comes; between two pieces at most `read_s` seconds may pass."""

    def __init__(self, answer: aiohttp.ClientResponse, begun: bytes, origin: str, read_s: float) -> None:
        self._answer = answer
        self._begun = begun
        self._origin = origin
        self._read_s = read_s

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece, self._begun = self._begun, b""
        if not piece:
            with told(self._origin, self._read_s):
                async with asyncio.timeout(self._read_s):
                    piece = await self._answer.content.readany()
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Give the connection back, or close it where the end was not read."""
        self._answer.close()


async def _read_ahead(content: aiohttp.StreamReader) -> bytes:
    """Read what comes soon, up to some length; a short answer is whole then."""
    begun = bytearray()
    try:
        async with asyncio.timeout(_AHEAD_S):
            while len(begun) < _AHEAD_BYTES and (piece := await content.readany()):
                begun += piece
    except TimeoutError:  # it passes on as it comes
        pass
    return bytes(begun)
