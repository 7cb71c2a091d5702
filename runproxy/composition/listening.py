"""Where a proxy listens, as the settings say."""

import ssl

from runproxy.config import ListenSettings
from runproxy.server import HostPort, Place, UnixSocket, server_context


def place_of(listen: ListenSettings) -> Place:
    """Give the place for calls; nothing is bound yet."""
    if listen.unix_socket:
        return UnixSocket(listen.unix_socket, int(listen.unix_socket_mode, 8))
    return HostPort(listen.host, listen.port, "--port")


def tls_of(listen: ListenSettings) -> ssl.SSLContext | None:
    """Make what speaks TLS, None for plain HTTP; raises `ConfigError`."""
    return server_context(listen.tls_cert, listen.tls_key) if listen.tls_cert else None
