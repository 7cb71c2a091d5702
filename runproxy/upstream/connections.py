"""Connections to the upstream, with what aiohttp's client would do on its own taken from it.

Its session sends a call again when a connection breaks, whatever had come of an answer, and takes whatever comes on an
idle connection for the answer to the next call.
"""

import asyncio
import functools
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader


class NoAnswer(aiohttp.ClientConnectionError):
    """A connection that ended before an answer had begun.

    `is_stale`: it had been used before, and nothing of this answer had come; so the upstream has most likely closed it
    while the call was on its way.
    """

    def __init__(self, *, is_stale: bool) -> None:
        super().__init__("the connection was closed")
        self.is_stale = is_stale


class Connector(aiohttp.TCPConnector):
    """Makes the connections."""

    def __init__(self, **choices: Any) -> None:
        super().__init__(**choices)
        self._factory = functools.partial(_new_connection, self._loop)


class _Connection(ResponseHandler):
    """One connection, used for one call after the other.

    What comes on it while it is idle was asked for by nobody, and ends it: it must not be taken for the answer to the
    next call (RFC 9112 section 6.3).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.calls = 0
        self.has_received = False
        self._is_idle = True

    def set_response_params(self, **choices: Any) -> None:
        """Begin with a call."""
        self.calls += 1
        self.has_received = self._is_idle = False
        super().set_response_params(**choices)

    def rest(self) -> None:
        """Hear that the answer has come to its end."""
        self._is_idle = True

    def data_received(self, data: bytes) -> None:
        """Take in what has come; nothing at all is how aiohttp goes on with what it had put aside."""
        if self._is_idle and data:
            self.abort()
            return
        self.has_received = self.has_received or bool(data)
        super().data_received(data)

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Take in the head of an answer; one more may have come together with the end of the last."""
        if self._is_idle:
            self.abort()
            return
        super().feed_data(data, size)


def _new_connection(loop: asyncio.AbstractEventLoop) -> ResponseHandler:
    return _Connection(loop)


class Answer(aiohttp.ClientResponse):
    """An answer on one of these connections."""

    async def start(self, connection: Connection) -> "Answer":
        """Wait for the head of the answer; raises `NoAnswer`, which the session does not take for a reason to retry."""
        used = connection.protocol
        if not isinstance(used, _Connection):
            raise TypeError("the connection is none of a Connector")
        try:
            await super().start(connection)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise NoAnswer(is_stale=used.calls > 1 and not used.has_received) from error
        self.content.on_eof(used.rest)
        return self
