"""TLS to the upstream: always verified, with authorities and a certificate of one's own where settings name them."""

import ssl
from typing import Final

from runproxy.pem import load_pair, reason_of, trust
from runproxy.upstream.settings import ConnectionSettings

_UNKNOWN_AUTHORITY: Final = frozenset({18, 19, 20, 21, 27})  # X509_V_ERR_* of OpenSSL, as those below
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_OTHER_HOST: Final = frozenset({62, 64})
_WANTS_CERTIFICATE: Final = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE")
_REFUSES_CERTIFICATE: Final = ("UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN", "ACCESS_DENIED")


def make_tls_context(settings: ConnectionSettings, place: str) -> ssl.SSLContext | None:
    """Make what connections are verified with; None where nothing is set, and the system's authorities are trusted.

    `place` is where the settings stand. Raises `ConfigError` for files that cannot be read or do not go together.
    """
    ca_file, cert, key = settings.ca_file, settings.client_cert, settings.client_key
    if not ca_file and not cert:
        return None
    context = trust(ca_file, f"{place}.ca_file") if ca_file else ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # some systems leave it to the peer
    context.set_alpn_protocols(["http/1.1"])  # as aiohttp does; some servers would speak HTTP/2 where nothing is said
    if cert:
        key_setting = f"{place}.client_key" if key else f"{place}.client_cert"
        load_pair(context, cert, f"{place}.client_cert", key or cert, key_setting)
    return context


def why_not_trusted(error: ssl.SSLCertVerificationError) -> str:
    """Say what is wrong with the certificate of an upstream, and what to do about it."""
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return (
            f"its certificate is of no authority that is trusted here ({error.verify_message}). Where it is your own, "
            "name the authority's certificate in ca_file (--ca-file)."
        )
    if error.verify_code in _OTHER_HOST:
        return f"{error.verify_message.rstrip('.')}. Use a name that it is for, or renew it for this one."
    if error.verify_code == _EXPIRED:
        return "its certificate has expired. Have it renewed; if it should be valid, the clock here is wrong."
    if error.verify_code == _NOT_YET_VALID:
        return "its certificate is not valid yet. Is the clock here right?"
    return f"its certificate is not valid: {error.verify_message}."


def why_no_handshake(error: ssl.SSLError) -> str:
    """Say why TLS could not be agreed upon, and what to do about it."""
    reason = str(error.reason or "")
    if reason.endswith(_WANTS_CERTIFICATE):
        return "it refuses connections without a certificate that it knows. Name one in client_cert (--client-cert)."
    if reason.endswith(_REFUSES_CERTIFICATE):
        return "it refuses the certificate in client_cert. Is that of an authority that it trusts?"
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return "what answers there does not speak TLS. Is it an http:// address?"
    if reason.endswith("PROTOCOL_VERSION") or reason == "UNSUPPORTED_PROTOCOL":
        return "it speaks no version of TLS from 1.2 on, and older ones are not safe."
    return f"TLS could not be agreed upon: {reason_of(error)}."


def is_refused_handshake(error: BaseException) -> bool:
    """Tell whether a peer has ended a connection because of our certificate, which TLS 1.3 tells late."""
    return isinstance(error, ssl.SSLError) and str(error.reason or "").endswith(
        (*_WANTS_CERTIFICATE, *_REFUSES_CERTIFICATE)
    )
