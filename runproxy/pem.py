"""Certificates and keys of TLS, in PEM files, with errors that name the setting and the file."""

import ssl
from pathlib import Path
from typing import Final, NoReturn

from runproxy.errors import ConfigError

_CERTIFICATE: Final = ("certificate", b"-----BEGIN CERTIFICATE-----")
_KEY: Final = ("private key", b"PRIVATE KEY-----")


def trust(ca_file: str, setting: str) -> ssl.SSLContext:
    """Make what verifies servers by the authorities in a file, and by no others; raises `ConfigError`."""
    text = _read(ca_file, setting, *_CERTIFICATE).decode("ascii", "ignore")
    try:
        return ssl.create_default_context(cadata=text)
    except ssl.SSLError as error:
        raise ConfigError(f"{setting}: {ca_file} holds no certificate that can be read.") from error


def load_pair(context: ssl.SSLContext, cert: str, cert_setting: str, key: str, key_setting: str) -> None:
    """Let a context show the certificates in the file `cert`, with the key in `key`; raises `ConfigError`."""
    _read(cert, cert_setting, *_CERTIFICATE)
    _read(key, key_setting, *_KEY)
    try:
        context.load_cert_chain(cert, key, password=lambda: _refuse_encrypted(key, key_setting))
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"{key_setting}: the key in {key} does not belong to the first certificate in {cert}."
            ) from error
        raise ConfigError(f"{cert_setting}: {cert} and {key} cannot be used: {reason_of(error)}.") from error


def reason_of(error: ssl.SSLError) -> str:
    """Give OpenSSL's reason in words."""
    return str(error.reason or "unknown reason").replace("_", " ").lower()


def _read(path: str, setting: str, what: str, mark: bytes) -> bytes:
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{setting}: cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"{setting}: {path!r} is no name for a file.") from error
    if mark not in text:
        raise ConfigError(f"{setting}: {path} holds no {what} in PEM form.")
    return text


def _refuse_encrypted(key: str, setting: str) -> NoReturn:
    raise ConfigError(
        f"{setting}: the key in {key} is encrypted, and there is nobody to ask for its password. "
        f"Give the key in plain, readable for this user only: openssl pkey -in {key} -out FILE"
    )
