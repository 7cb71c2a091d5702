"""The upstream: forwards a call over HTTP and gives back the answer as it came.

aiohttp's client is held back from what a proxy must not do: it follows no redirect, keeps no cookie, decodes no body,
adds no header of its own, and reads no proxy from the environment.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Final, Self

import aiohttp
from yarl import URL

from runproxy.errors import ConfigError, Refusal, UpstreamError, UpstreamTimeout
from runproxy.messages import (
    BODILESS,
    HOP_BY_HOP,
    OUTCOME_HEADER,
    UPSTREAM_OUTCOME_HEADER,
    Headers,
    Request,
    Response,
    make_headers,
)

# Headers by which some servers let a request change its method or its address.
OVERRIDES: Final = frozenset(
    {
        "x-forwarded-path",
        "x-forwarded-prefix",
        "x-forwarded-uri",
        "x-http-method",
        "x-http-method-override",
        "x-http-path-override",
        "x-method-override",
        "x-original-uri",
        "x-original-url",
        "x-override-url",
        "x-rewrite-uri",
        "x-rewrite-url",
    }
)
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")  # how aiohttp hands on a byte that is no UTF-8
_AHEAD_S: Final = 0.1
_AHEAD_BYTES: Final = 256 * 1024
_OURS: Final = "x-runproxy-"
_FIRST_FINAL_STATUS: Final = 200  # RFC 9110 section 15.2: lower ones announce an answer
_FORWARDED: Final = frozenset(
    {"forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-real-ip"}
)
"""What tells who the client was (RFC 7239); anybody can write it, so only some are believed."""
_VIA: Final = "1.1 runproxy"  # RFC 9110 section 7.6.3
_UNKNOWN: Final = MappingProxyType({UPSTREAM_OUTCOME_HEADER: "unknown"})
_NOT_SENT: Final = HOP_BY_HOP | OVERRIDES | {"accept-encoding", "content-length", "expect", "host"}
_NOT_RETURNED: Final = HOP_BY_HOP | {"content-length"}
_SELF_MADE: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


@dataclass(frozen=True, slots=True)
class Address:
    """Where an upstream is: `origin` (scheme, host, port) and the path that all its addresses start with."""

    origin: str
    base_path: str

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read a base URL such as `https://host/prefix/v1`; raises `ConfigError`."""
        try:
            url = URL(text)
            is_usable = url.scheme in ("http", "https") and bool(url.host)
        except ValueError:
            is_usable = False
        if not is_usable:
            shown = re.sub(r"//[^/]*@", "//…@", text)
            raise ConfigError(f"upstream: {shown!r} is no base URL; one like 'https://host/v1' was expected.")
        if url.user or url.password or url.raw_query_string or url.fragment:
            raise ConfigError("upstream: a base URL has no user, password, query or fragment.")
        return cls(str(url.origin()), url.raw_path.rstrip("/"))


class Upstream:
    """Sends calls to one upstream over kept-alive connections; use it as an async context manager.

    `connect_s` is the time for a connection, `total_s` that for an answer that is read whole, or until a stream begins,
    and `read_s` that between two pieces of a stream; all in seconds. Of peers that `trusts` names, what they say of the
    client they forward for is passed on.
    """

    def __init__(
        self,
        address: Address,
        *,
        connect_s: float,
        total_s: float,
        read_s: float = 600.0,
        trusts: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._trusts = trusts
        self._origin = address.origin
        self._total_s = total_s
        self._read_s = read_s
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_SELF_MADE,
            timeout=self._timeout,
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

        An answer that is long, of events, or not whole soon after its head, is given as a stream.
        """
        with _told(self._origin, self._total_s):
            async with asyncio.timeout(self._total_s):
                return await self._exchange(request)

    async def _exchange(self, request: Request) -> Response:
        if self._session is None:
            raise RuntimeError("the upstream is used outside its context")
        answer = await self._session.request(
            request.method,
            URL(self._origin + request.target, encoded=True),
            headers=_to_send(request.headers, _NOT_SENT if self._trusts(request.peer) else _NOT_SENT | _FORWARDED),
            data=request.body or None,
            allow_redirects=False,
        )
        try:
            return await self._taken(request, answer)
        except BaseException:
            answer.close()
            raise

    async def _taken(self, request: Request, answer: aiohttp.ClientResponse) -> Response:
        """Read an answer whole, or as far as it is here; its connection is given back once its end is read."""
        if answer.status < _FIRST_FINAL_STATUS:
            raise UpstreamError(
                f"The upstream {self._origin} answered {answer.status}, which is no final answer.",
                code="upstream_invalid",
                headers=_UNKNOWN,
            )
        if request.method == "HEAD" or answer.status in BODILESS:
            return Response(answer.status, _to_return(answer.headers, HOP_BY_HOP), await answer.read())
        headers = _to_return(answer.headers, _NOT_RETURNED)
        is_events = answer.content_type == "text/event-stream"
        if not is_events and (answer.content_length or _AHEAD_BYTES) < _AHEAD_BYTES:
            return Response(answer.status, headers, await answer.read())
        begun = b"" if is_events else await _read_ahead(answer.content)
        if answer.content.at_eof() and not is_events:
            return Response(answer.status, headers, begun)
        if (length := answer.headers.get("Content-Length")) is not None:
            headers = make_headers([*headers.items(), ("Content-Length", length)])
        return Response(answer.status, headers, stream=AnswerStream(answer, begun, self._origin, self._read_s))


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
            with _told(self._origin, self._read_s):
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


@contextmanager
def _told(origin: str, limit_s: float) -> Iterator[None]:
    """Turn what goes wrong with an upstream into `UpstreamError`."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise UpstreamTimeout(
            f"The upstream {origin} did not accept a connection in time.", code="upstream_timeout"
        ) from error
    except TimeoutError as error:
        raise UpstreamTimeout(
            f"The upstream {origin} did not answer within {limit_s:g} seconds.",
            code="upstream_timeout",
            headers=_UNKNOWN,
        ) from error
    except aiohttp.ClientConnectorError as error:
        raise UpstreamError(
            f"The upstream {origin} cannot be reached: {error.strerror or 'connection failed'}. "
            "Is it running, and is --upstream right?",
            code="upstream_unreachable",
        ) from error
    except aiohttp.ClientResponseError as error:
        raise UpstreamError(
            f"The upstream {origin} sent something that is no HTTP answer.", code="upstream_invalid", headers=_UNKNOWN
        ) from error
    except (aiohttp.ClientError, OSError) as error:
        raise UpstreamError(
            f"The upstream {origin} broke off its answer ({type(error).__name__}).",
            code="upstream_disconnected",
            headers=_UNKNOWN,
        ) from error


def _to_send(headers: Headers, not_sent: frozenset[str]) -> list[tuple[str, str]]:
    """Select what goes to the upstream. Its answers are asked for uncompressed, so that recordings can be read."""
    dropped = not_sent | _named_by_connection(headers)
    kept = [(name, value) for name, value in headers.items() if _passes(name.lower(), dropped)]
    if any(not value.isascii() and _LONE_SURROGATE.search(value) for _, value in kept):
        # aiohttp's writer would leave these bytes out, and send another value than the client did.
        raise Refusal("A header of your request is not UTF-8 text.", code="invalid_header")
    return [*kept, ("Accept-Encoding", "identity"), ("Via", _VIA)]


def _to_return(headers: Headers, dropped: frozenset[str]) -> Headers:
    dropped = dropped | _named_by_connection(headers)
    kept = [(name, value) for name, value in headers.items() if _passes(name.lower(), dropped)]
    return make_headers([*kept, (OUTCOME_HEADER, "forwarded")])


def _passes(name: str, dropped: frozenset[str]) -> bool:
    """Tell whether a header goes on; an underscore counts as the dash that many servers take it for."""
    name = name.replace("_", "-")
    return name not in dropped and not name.startswith(_OURS)


def _named_by_connection(headers: Headers) -> frozenset[str]:
    values = headers.getall("Connection", ())
    return frozenset(token.strip().lower() for value in values for token in value.split(","))
