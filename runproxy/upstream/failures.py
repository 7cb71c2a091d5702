"""What goes wrong with an upstream, as errors that say what happened and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

import aiohttp
from aiohttp.http_exceptions import LineTooLong

from runproxy.errors import UpstreamError, UpstreamTimeout
from runproxy.messages import UPSTREAM_OUTCOME_HEADER
from runproxy.upstream.connections import NoAnswer
from runproxy.upstream.unconnected import UNCONNECTED, refused_certificate, unconnected, why_unreachable

MAX_HEADER_BYTES: Final = 64 * 1024
"""So long may a header of an answer be; it is twice what is common among servers."""

UNKNOWN_OUTCOME: Final = MappingProxyType({UPSTREAM_OUTCOME_HEADER: "unknown"})
"""Headers of an error after a call was sent: the upstream may have acted on it."""


@contextmanager
def told(origin: str, limit_s: float) -> Iterator[None]:
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
            headers=UNKNOWN_OUTCOME,
        ) from error
    except UNCONNECTED as error:
        raise unconnected(error, origin) from error
    except aiohttp.ClientConnectorError as error:
        raise UpstreamError(
            f"The upstream {origin} cannot be reached: {why_unreachable(error, origin)}. "
            "Is it running, and is its base URL right?",
            code="upstream_unreachable",
        ) from error
    except aiohttp.ClientResponseError as error:
        raise UpstreamError(
            f"The upstream {origin} sent {_what_was_sent(error)}.", code="upstream_invalid", headers=UNKNOWN_OUTCOME
        ) from error
    except (aiohttp.ClientError, OSError) as error:
        what = "closed the connection without an answer" if isinstance(error, NoAnswer) else "broke off its answer"
        raise refused_certificate(error, origin) or UpstreamError(
            f"The upstream {origin} {what}.", code="upstream_disconnected", headers=UNKNOWN_OUTCOME
        ) from error


def _what_was_sent(error: BaseException) -> str:
    """Say what was wrong, without repeating any of it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, LineTooLong):
            return f"a header of more than {MAX_HEADER_BYTES} bytes"
        cause = cause.__cause__
    return "something that is no HTTP answer"
