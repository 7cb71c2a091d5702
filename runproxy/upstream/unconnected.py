"""Why there is no connection to the upstream, in words that say what to do: TLS, and the HTTP proxy on the way."""

import ssl
from typing import Final

import aiohttp

from runproxy.errors import UpstreamError
from runproxy.upstream.tls import is_refused_handshake, why_no_handshake, why_not_trusted

UNCONNECTED: Final = (aiohttp.ClientSSLError, aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError)
"""What aiohttp raises before there is a connection to the upstream, where TLS or a proxy is to blame."""
_PROXY_WANTS_CREDENTIAL: Final = 407  # RFC 9110 section 15.5.8


def unconnected(error: aiohttp.ClientError, origin: str) -> UpstreamError:
    """Turn one of `UNCONNECTED` into what is told; nothing of a call has been sent then."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return refused_by_proxy(origin, error.status)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return UpstreamError(
            f"The HTTP proxy {error.host}:{error.port} on the way to {origin} cannot be reached: "
            f"{error.os_error.strerror or 'connection failed'}. Is http_proxy right?",
            code="upstream_proxy",
        )
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return UpstreamError(
            f"The upstream {origin} is not trusted, and nothing was sent: {why_not_trusted(cause)}",
            code="upstream_untrusted",
        )
    return _no_tls(origin, why_no_handshake(cause) if isinstance(cause, ssl.SSLError) else "TLS failed.")


def why_unreachable(error: aiohttp.ClientConnectorError, origin: str) -> str:
    """Say why there is no connection, in the system's words where it has any."""
    over_tls = "it closed the connection before TLS was agreed upon"
    return error.strerror or (over_tls if origin.startswith("https:") else "connection failed")


def refused_certificate(error: BaseException, origin: str) -> UpstreamError | None:
    """Tell of an upstream that ends a connection because of our certificate; None where it was something else."""
    cause: BaseException | None = error
    while cause is not None and not is_refused_handshake(cause):
        cause = cause.__cause__
    if not isinstance(cause, ssl.SSLError):
        return None
    return UpstreamError(
        f"The upstream {origin} cannot be connected to: {why_no_handshake(cause)}", code="upstream_tls"
    )


def refused_by_proxy(origin: str, status: int) -> UpstreamError:
    """Tell of an HTTP proxy that does not let a call through."""
    why = (
        "it asks for a credential, or for another one: http_proxy_credential_env."
        if status == _PROXY_WANTS_CREDENTIAL
        else f"it answered {status}. Does it allow connections there?"
    )
    return UpstreamError(f"The HTTP proxy on the way to {origin} refused: {why}", code="upstream_proxy")


def _no_tls(origin: str, why: str) -> UpstreamError:
    return UpstreamError(f"The upstream {origin} cannot be connected to: {why}", code="upstream_tls")
