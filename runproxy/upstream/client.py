"""The client of an upstream: forwards a call over HTTP and gives back the answer as it came.

aiohttp's client is held back from what a proxy must not do: it follows no redirect, keeps no cookie, decodes no body,
adds no header of its own, repeats no call, and reads no proxy from the environment.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

import aiohttp
from yarl import URL

from runproxy.messages import SAFE_METHODS, Request, Response, Stream
from runproxy.uploads import Outgoing
from runproxy.upstream.address import Address
from runproxy.upstream.answers import taken
from runproxy.upstream.connections import Answer, Connector, NoAnswer
from runproxy.upstream.failures import MAX_HEADER_BYTES, told
from runproxy.upstream.headers import to_send
from runproxy.upstream.payload import UploadPayload
from runproxy.upstream.unconnected import refused_by_proxy
from runproxy.upstream.wiring import DIRECT, Wiring

_SELF_MADE: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class Upstream:
    """Sends calls to one upstream over kept-alive connections; use it as an async context manager.

    `connect_s` is the time for a connection, `total_s` that for an answer that is read whole, or until a stream begins,
    and `read_s` that between two pieces of a stream; all in seconds. Of peers that `trusts` names, what they say of the
    client they forward for is passed on. Connections are made as `wiring` says.
    """

    def __init__(
        self,
        address: Address,
        *,
        connect_s: float,
        total_s: float,
        read_s: float = 600.0,
        trusts: Callable[[str], bool] = lambda _: False,
        wiring: Wiring = DIRECT,
    ) -> None:
        self._trusts = trusts
        self._wiring = wiring
        self._origin = address.origin
        self._url = URL(address.origin)
        self._total_s = total_s
        self._read_s = read_s
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=Connector(limit=0, ssl=self._wiring.tls or True),
            proxy=self._wiring.proxy_url,
            response_class=Answer,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_SELF_MADE,
            timeout=self._timeout,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, request: Request) -> Response:
        """Forward one call; raises `UpstreamError` when it cannot be reached and `UpstreamTimeout` when it is slow.

        An answer that is long, of events, or not whole soon after its head, is given as a stream. A call is sent once;
        one that changes nothing twice, where the first time went into a connection that the upstream had closed.
        A body that is a stream is sent as it comes; while more of it is waited for, the time does not run.
        """
        if request.stream is not None:
            return await self._send_stream(request, request.stream)
        with told(self._origin, self._total_s):
            async with asyncio.timeout(self._total_s):
                try:
                    return await self._exchange(request, request.body or None)
                except NoAnswer as error:
                    if not error.is_stale or request.method not in SAFE_METHODS or request.body:
                        raise
                return await self._exchange(request, None)

    async def _send_stream(self, request: Request, stream: Stream) -> Response:
        with told(self._origin, self._total_s):
            async with asyncio.timeout(self._total_s) as limit:
                outgoing = Outgoing(stream, limit, self._total_s)
                try:
                    body = UploadPayload(outgoing, request.content_length)
                    return await outgoing.answered(await self._exchange(request, body))
                except BaseException as error:
                    await outgoing.aclose()
                    if outgoing.failure is not None and isinstance(error, aiohttp.ClientError):
                        raise outgoing.failure from None
                    raise

    async def _exchange(self, request: Request, body: bytes | UploadPayload | None) -> Response:
        if self._session is None:
            raise RuntimeError("the upstream is used outside its context")
        answer = await self._session.request(
            request.method,
            # As a whole in the place of the path, where nothing is made of it: a query that is empty would be dropped.
            self._url.with_path(request.target, encoded=True),
            headers=to_send(request.headers, is_trusted=self._trusts(request.peer)),
            data=body,
            allow_redirects=False,
        )
        if answer.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and self._wiring.proxy:
            answer.close()
            raise refused_by_proxy(self._origin, answer.status)
        try:
            return await taken(request, answer, self._origin, self._read_s)
        except BaseException:
            answer.close()
            raise
