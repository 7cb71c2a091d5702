"""Answers of the admin listener: JSON that a person can read, and what is sent as it is made."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress

import orjson
import structlog
from aiohttp import hdrs, web

from runproxy.errors import RunproxyError

_log = structlog.get_logger()


def as_json(value: Mapping[str, object], status: int = 200) -> web.Response:
    """Make an answer of a JSON object."""
    return web.Response(
        body=orjson.dumps(value, option=orjson.OPT_INDENT_2), status=status, content_type="application/json"
    )


async def as_stream(
    request: web.Request, headers: Mapping[str, str], pieces: AsyncGenerator[bytes, None]
) -> web.StreamResponse:
    """Send pieces as they come, and no more of them once the client has left.

    Raises what goes wrong before the first, while a status can still be sent. After that the connection is broken off:
    half an answer must not look like a whole one.
    """
    answer = web.StreamResponse(headers=headers)
    async with aclosing(pieces):
        first = await anext(pieces, b"")
        with suppress(ConnectionResetError):
            await answer.prepare(request)
            if first and request.method != hdrs.METH_HEAD:
                await answer.write(first)
                await _write_all(request, answer, pieces)
    return answer


async def _write_all(request: web.Request, answer: web.StreamResponse, pieces: AsyncGenerator[bytes, None]) -> None:
    try:
        async for piece in pieces:
            await answer.write(piece)
    except RunproxyError as error:
        _log.error("answer broken off", path=request.path, reason=error.message)
        if request.transport is not None:
            request.transport.abort()
