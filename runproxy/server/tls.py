"""TLS for the listener: certificate and key from files, and only what is not broken of the protocol."""

import ssl
from pathlib import Path
from typing import Final, NoReturn

from runproxy.errors import ConfigError

_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Those of TLS 1.2 with forward secrecy that also authenticate (RFC 9325 section 4.2); all of TLS 1.3 do both."""


def server_context(cert: str, key: str) -> ssl.SSLContext:
    """Make what speaks TLS 1.2 and 1.3 with the chain in the file `cert` and the key in `key`, both PEM.

    Raises `ConfigError` that names the setting and the file.
    """
    _check_pem("tls_cert", cert, "-----BEGIN CERTIFICATE-----", "certificate")
    _check_pem("tls_key", key, "PRIVATE KEY-----", "private key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(cert, key, password=lambda: _refuse_encrypted(key))
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"listen.tls_key: the key in {key} does not belong to the first certificate in {cert}."
            ) from error
        raise ConfigError(f"listen.tls_cert: {cert} and {key} cannot be used: {error.reason or error}.") from error
    return context


def _check_pem(setting: str, path: str, mark: str, what: str) -> None:
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"listen.{setting}: cannot read {path}: {error.strerror}.") from error
    if mark.encode() not in text:
        raise ConfigError(f"listen.{setting}: {path} holds no {what} in PEM form.")


def _refuse_encrypted(key: str) -> NoReturn:
    raise ConfigError(
        f"listen.tls_key: the key in {key} is encrypted, and there is nobody to ask for its password. "
        "Give the key in plain, readable for this user only."
    )
