"""Requests off the wire: what aiohttp parsed becomes a `Request`, or is refused before anything reads it."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from aiohttp import HttpVersion10, HttpVersion11, web

from runproxy.errors import (
    BodyTooSlow,
    ExpectationRefused,
    MethodRefused,
    Refusal,
    RunproxyError,
    Stopped,
    TooManyCalls,
    TooManyConnections,
)
from runproxy.messages import UPSTREAM_OUTCOME_HEADER, Delivery, Request, Response, Stream
from runproxy.replies import error_reply
from runproxy.server.incoming import TROUBLE, Incoming, told
from runproxy.server.turnstile import Turnstile
from runproxy.server.wire import DateHeader, WireResponse
from runproxy.uploads import BodyReader

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_TARGET: Final = re.compile(r"/[!\"$-~]*")  # RFC 9112 section 3.2.1: visible ASCII, no fragment
_LINGER_BYTES: Final = 64 * 1024  # a refused body of at most this size is read, so that the connection can live on


class Edge:
    """The handler of a low-level aiohttp server, in front of `answer`.

    `refuse` turns an error of the edge itself into an answer. A body of at most `max_body_bytes` bytes must arrive
    within `body_s` seconds. That of a request that `may_stream` may be of any length, is given as a stream where it is
    not here soon, and may pause for `body_s` seconds. A client must take some of its answer every `send_s` seconds. At
    most `max_concurrent` calls are answered at a time, and others wait for `queue_s` seconds at most. `new_id` names
    each request; an empty name is none. `delivered` hears what became of every answer on its way to the client.
    """

    def __init__(
        self,
        answer: Callable[[Request], Awaitable[Response]],
        refuse: Callable[[RunproxyError, Request], Response] = lambda error, _: error_reply(error),
        *,
        max_body_bytes: int,
        body_s: float,
        may_stream: Callable[[Request], bool] = lambda _: False,
        send_s: float = 30.0,
        max_concurrent: int = 1000,
        queue_s: float = 1.0,
        new_id: Callable[[], str] = lambda: "",
        delivered: Callable[[Request, Delivery], None] = lambda _, __: None,
    ) -> None:
        self._answer = answer
        self._refuse = refuse
        self._new_id = new_id
        self._bodies = BodyReader(max_body_bytes, body_s)
        self._body_s = body_s
        self._may_stream = may_stream
        self._send_s = send_s
        self._turnstile = Turnstile(max_concurrent, queue_s)
        self._delivered = delivered
        self.is_ending = False
        self._dates = DateHeader()

    async def __call__(self, received: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        request_id = self._new_id()
        try:
            _check_framing(received)
            request = await self._taken(received, request_id)
        except RunproxyError as error:
            must_close = _must_close(received) or isinstance(error, BodyTooSlow)
            return self.refused(error, received, request_id, close=must_close)
        try:
            await self._turnstile.enter()
        except TooManyCalls as error:
            return self.refused(error, received, request_id, close=request.stream is not None)
        try:
            return await self._answered(request, received)
        finally:
            self._turnstile.leave()

    async def _answered(self, request: Request, received: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, and see the answer on its way."""
        wire = None
        try:
            response = await self._answer(request)
            # aiohttp hands the last trailer of a chunked body on as a header of the next request of the connection.
            is_last = self.is_ending or "Transfer-Encoding" in received.headers or _is_unread(request, received)
            wire = WireResponse(response, self._dates, request.id, close=is_last, send_s=self._send_s)
            self._delivered(request, await wire.deliver(received))
        except asyncio.CancelledError:  # runproxy stops, and can wait no longer
            if wire is None:
                await self.refused(_stopped(), received, request.id, close=True).deliver(received)
            self._delivered(request, Delivery.BROKEN_OFF)
            raise
        if self.is_ending:
            wire.end()
        return wire

    async def turn_away(self, received: web.BaseRequest) -> web.StreamResponse:
        """Answer a request on a connection that is one too many."""
        return self.refused(TooManyConnections(), received, close=True)

    def refused(
        self, error: RunproxyError, received: web.BaseRequest, request_id: str | None = None, *, close: bool
    ) -> WireResponse:
        """Answer a request that was not read to its end, or that the parser could not make sense of."""
        request = _request(received, b"", request_id or self._new_id())
        if not _TARGET.fullmatch(request.target):
            request = replace(request, target="-")  # it may be anything, and no log would look for secrets in it
        return WireResponse(
            self._refuse(error, request), self._dates, request.id, close=close or self.is_ending, send_s=self._send_s
        )

    async def _taken(self, received: web.BaseRequest, request_id: str) -> Request:
        """Give a request with its whole body, or, where that may be, with what is still to come of it."""
        body, stream = await self._body(received)
        request = _request(received, body, request_id, stream)
        if self._bodies.has_read(request) or self._may_stream(request):
            return request
        return await self._bodies.whole(request)

    async def _body(self, received: web.BaseRequest) -> tuple[bytes, Stream | None]:
        """Give a body that is here, or soon here, as bytes, and any other as a stream."""
        if not received.body_exists:
            return b"", None
        content = received.content
        if content.is_eof():  # mostly all of it is here already
            try:
                return content.read_nowait(), None
            except TROUBLE as error:
                raise told(error, content) from error
        body = Incoming(received, self._body_s)
        is_here = await body.read_ahead()
        return (body.begun, None) if is_here else (b"", body)


def _stopped() -> Stopped:
    return Stopped(
        "runproxy was told to stop, and this call did not end in time. If it was sent to an upstream, that may have "
        "acted on it.",
        code="stopped",
        headers={UPSTREAM_OUTCOME_HEADER: "unknown"},
    )


def _request(received: web.BaseRequest, body: bytes, request_id: str, stream: Stream | None = None) -> Request:
    peer = received.remote or ""
    return Request(received.method, received.raw_path, received.headers, body, peer, request_id, stream)


def _is_unread(request: Request, received: web.BaseRequest) -> bool:
    """Tell whether a body is still coming, which would be taken for the next request."""
    return request.stream is not None and not received.content.is_eof()


def _check_framing(received: web.BaseRequest) -> None:
    """Refuse requests that two HTTP parsers could read differently (RFC 9112 sections 2.3, 3.2 and 6.3)."""
    headers = received.headers
    if received.version not in (HttpVersion10, HttpVersion11):
        raise Refusal("Only HTTP/1.0 and HTTP/1.1 are spoken here.", code="unsupported_http_version")
    if received.method == "CONNECT":
        raise MethodRefused("No tunnels are made here.", code="method_not_allowed")
    if not _TARGET.fullmatch(received.raw_path):
        raise Refusal("The request target must be a path, without scheme, host or fragment.", code="invalid_target")
    if headers.get("Expect", "100-continue").lower() != "100-continue":
        raise ExpectationRefused("Nothing but 'Expect: 100-continue' can be met.", code="expectation_refused")
    if "Upgrade" in headers:
        raise Refusal(
            "Nothing but HTTP/1.1 is spoken here, neither WebSocket nor HTTP/2. Send no Upgrade.",
            code="upgrade_refused",
        )
    hosts = headers.getall("Host", ())
    needs_host = received.version == HttpVersion11
    if len(hosts) > 1 or (needs_host and not hosts) or (hosts and not _HOST.fullmatch(hosts[0])):
        raise Refusal("The request must have one valid Host header.", code="invalid_host")
    if "Transfer-Encoding" in headers:
        coding = headers.getall("Transfer-Encoding")
        is_plain = [value.strip().lower() for value in coding] == ["chunked"]
        if not is_plain or "Content-Length" in headers or not needs_host:
            raise Refusal("The length of the request body is ambiguous.", code="invalid_framing")


def _must_close(received: web.BaseRequest) -> bool:
    """Tell whether what is left of the request would be taken for the next one, or is too much to read."""
    length = received.content_length
    is_short = not received.body_exists or (length is not None and length <= _LINGER_BYTES)
    changes_protocol = "Upgrade" in received.headers or received.method == "CONNECT"
    return not is_short or changes_protocol or "Transfer-Encoding" in received.headers
