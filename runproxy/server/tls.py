"""TLS for the listener: certificate and key from files, and only what is not broken of the protocol."""

import ssl
from typing import Final

from runproxy.pem import load_pair

_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Those of TLS 1.2 with forward secrecy that also authenticate (RFC 9325 section 4.2); all of TLS 1.3 do both."""


def server_context(cert: str, key: str) -> ssl.SSLContext:
    """Make what speaks TLS 1.2 and 1.3 with the chain in the file `cert` and the key in `key`, both PEM.

    Raises `ConfigError` that names the setting and the file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    load_pair(context, cert, "listen.tls_cert", key, "listen.tls_key")
    return context
