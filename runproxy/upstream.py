"""The upstream: forwards a call over HTTP and gives back the answer as it came.

aiohttp's client is held back from what a proxy must not do: it follows no redirect, keeps no cookie, decodes no body,
adds no header of its own, and reads no proxy from the environment.
"""

import re
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import aiohttp
from yarl import URL

from runproxy.errors import ConfigError, Refusal, UpstreamError, UpstreamTimeout
from runproxy.messages import HOP_BY_HOP, OUTCOME_HEADER, Headers, Request, Response, make_headers

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
_OURS: Final = "x-runproxy-"
_FIRST_FINAL_STATUS: Final = 200  # RFC 9110 section 15.2: lower ones announce an answer
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

    `total_s` is the time for a whole call, `connect_s` that for a connection, both in seconds.
    """

    def __init__(self, address: Address, *, connect_s: float, total_s: float) -> None:
        self._origin = address.origin
        self._total_s = total_s
        self._timeout = aiohttp.ClientTimeout(total=total_s, sock_connect=connect_s)
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
        """Forward one call; raises `UpstreamError` when it cannot be reached and `UpstreamTimeout` when it is slow."""
        try:
            return await self._exchange(request)
        except aiohttp.ConnectionTimeoutError as error:
            raise UpstreamTimeout(
                f"The upstream {self._origin} did not accept a connection in time.", code="upstream_timeout"
            ) from error
        except TimeoutError as error:
            raise UpstreamTimeout(
                f"The upstream {self._origin} did not answer within {self._total_s:g} seconds.",
                code="upstream_timeout",
            ) from error
        except aiohttp.ClientConnectorError as error:
            raise UpstreamError(
                f"The upstream {self._origin} cannot be reached: {error.strerror or 'connection failed'}. "
                "Is it running, and is --upstream right?",
                code="upstream_unreachable",
            ) from error
        except aiohttp.ClientResponseError as error:
            raise UpstreamError(
                f"The upstream {self._origin} sent something that is no HTTP answer.", code="upstream_invalid"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamError(
                f"The upstream {self._origin} broke off its answer ({type(error).__name__}).",
                code="upstream_disconnected",
            ) from error

    async def _exchange(self, request: Request) -> Response:
        if self._session is None:
            raise RuntimeError("the upstream is used outside its context")
        async with self._session.request(
            request.method,
            URL(self._origin + request.target, encoded=True),
            headers=_to_send(request.headers),
            data=request.body or None,
            allow_redirects=False,
        ) as answer:
            body = await answer.read()
            if answer.status < _FIRST_FINAL_STATUS:
                raise UpstreamError(
                    f"The upstream {self._origin} answered {answer.status}, which is no final answer.",
                    code="upstream_invalid",
                )
            dropped = HOP_BY_HOP if request.method == "HEAD" else _NOT_RETURNED
            return Response(answer.status, _to_return(answer.headers, dropped), body)


def _to_send(headers: Headers) -> list[tuple[str, str]]:
    """Select what goes to the upstream. Its answers are asked for uncompressed, so that recordings can be read."""
    dropped = _NOT_SENT | _named_by_connection(headers)
    kept = [(name, value) for name, value in headers.items() if _passes(name.lower(), dropped)]
    if any(not value.isascii() and _LONE_SURROGATE.search(value) for _, value in kept):
        # aiohttp's writer would leave these bytes out, and send another value than the client did.
        raise Refusal("A header of your request is not UTF-8 text.", code="invalid_header")
    return [*kept, ("Accept-Encoding", "identity")]


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
