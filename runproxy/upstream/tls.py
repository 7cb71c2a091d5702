"""TLS to the upstream: always verified, with authorities and a certificate of one's own where settings name them."""

import ssl
from pathlib import Path
from typing import Final

from runproxy.errors import ConfigError
from runproxy.upstream.settings import ConnectionSettings

_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_KEY: Final = b"PRIVATE KEY-----"
_UNKNOWN_AUTHORITY: Final = frozenset({18, 19, 20, 21, 27})  # X509_V_ERR_* of OpenSSL, as those below
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_OTHER_HOST: Final = frozenset({62, 64})
_WANTS_CERTIFICATE: Final = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE")
_REFUSES_CERTIFICATE: Final = ("UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN", "ACCESS_DENIED")


class _EncryptedKey(Exception):
    """A key that asks for a passphrase."""


def make_tls_context(settings: ConnectionSettings, place: str) -> ssl.SSLContext | None:
    """Make what connections are verified with; None where nothing is set, and the system's authorities are trusted.

    `place` is where the settings stand. Raises `ConfigError` for files that cannot be read or do not go together.
    """
    if not settings.ca_file and not settings.client_cert:
        return None
    context = _trusting(settings.ca_file, f"{place}.ca_file")
    context.set_alpn_protocols(["http/1.1"])  # as aiohttp does; some servers would speak HTTP/2 where nothing is said
    if settings.client_cert:
        _load_client_certificate(context, settings, place)
    return context


def _trusting(ca_file: str, place: str) -> ssl.SSLContext:
    if not ca_file:
        return ssl.create_default_context()
    text = _read(ca_file, place).decode("ascii", "ignore")
    try:
        return ssl.create_default_context(cadata=text or "nothing")  # an empty text would mean the system's authorities
    except ssl.SSLError as error:
        raise ConfigError(f"{place}: {ca_file} holds no certificate in PEM form.") from error


def _load_client_certificate(context: ssl.SSLContext, settings: ConnectionSettings, place: str) -> None:
    key_name = "client_key" if settings.client_key else "client_cert"
    key_file = settings.client_key or settings.client_cert
    if _CERTIFICATE not in _read(settings.client_cert, f"{place}.client_cert"):
        raise ConfigError(f"{place}.client_cert: {settings.client_cert} holds no certificate in PEM form.")
    if _KEY not in _read(key_file, f"{place}.{key_name}"):
        more = "" if settings.client_key else " Name the file that does in client_key."
        raise ConfigError(f"{place}.{key_name}: {key_file} holds no private key in PEM form.{more}")
    try:
        context.load_cert_chain(settings.client_cert, key_file, password=_refuse_passphrase)
    except _EncryptedKey as error:
        raise ConfigError(
            f"{place}.{key_name}: the key in {key_file} asks for a passphrase, and nobody is there to give it. Write "
            f"one without into a file that only runproxy may read: openssl pkey -in {key_file} -out FILE"
        ) from error
    except ssl.SSLError as error:
        reason = "the key does not belong to the certificate" if "MISMATCH" in str(error.reason) else _reason(error)
        raise ConfigError(f"{place}.{key_name}: {settings.client_cert} and {key_file}: {reason}.") from error


def _read(path: str, place: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{place}: cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"{place}: {path!r} is no name for a file.") from error


def _refuse_passphrase() -> str:
    raise _EncryptedKey


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
    return f"TLS could not be agreed upon: {_reason(error)}."


def is_refused_handshake(error: BaseException) -> bool:
    """Tell whether a peer has ended a connection because of our certificate, which TLS 1.3 tells late."""
    return isinstance(error, ssl.SSLError) and str(error.reason or "").endswith(
        (*_WANTS_CERTIFICATE, *_REFUSES_CERTIFICATE)
    )


def _reason(error: ssl.SSLError) -> str:
    return str(error.reason or "unknown reason").replace("_", " ").lower()
