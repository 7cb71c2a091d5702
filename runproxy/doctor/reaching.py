"""The way to an upstream, step by step: its name, a connection, and TLS. No call is sent on it."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final

from yarl import URL

from runproxy.doctor.finding import Finding, fail, ok, warn
from runproxy.upstream import Wiring
from runproxy.upstream.tls import why_no_handshake, why_not_trusted

_SOON: Final = timedelta(days=14)
_MEANS: Final = "No call can be forwarded."


async def reach(origin: str, wiring: Wiring, connect_s: float, now: datetime) -> AsyncIterator[Finding]:
    """Go as far as it goes, and tell of every step; through an HTTP proxy that is the way to the proxy."""
    url = URL(wiring.proxy or origin)
    what = "proxy" if wiring.proxy else "upstream"
    host, port = url.host or "", url.port or 0
    try:
        async with asyncio.timeout(connect_s):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        yield _unknown_name(what, host, error)
        return
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    yield ok(f"{what} DNS", f"{host} is {'an address' if addresses == [host] else ', '.join(addresses)}")
    try:
        async with asyncio.timeout(connect_s):
            _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        yield _unconnected(what, f"{host}:{port}", error, connect_s)
        return
    await _closed(writer)
    yield ok(f"{what} TCP", f"{host}:{port} takes connections")
    if url.scheme == "https":
        yield await _over_tls(host, port, wiring, connect_s, now)


async def _over_tls(host: str, port: int, wiring: Wiring, connect_s: float, now: datetime) -> Finding:
    context = wiring.tls or ssl.create_default_context()
    try:
        async with asyncio.timeout(connect_s):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        why, _, do = why_not_trusted(error).partition(". ")
        return fail("upstream TLS", why, _MEANS, do or "Look at the certificate, and at ca_file.")
    except ssl.SSLError as error:
        why, _, do = why_no_handshake(error).partition(". ")
        return fail("upstream TLS", why.rstrip("."), _MEANS, do or "Look at what listens there.")
    except OSError as error:
        return _unconnected("upstream", f"{host}:{port}", error, connect_s, step="TLS")
    certificate, version = writer.get_extra_info("peercert"), writer.get_extra_info("ssl_object").version()
    await _closed(writer)
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    said = f"{version}, with a certificate that is trusted and valid until {ends:%Y-%m-%d}"
    if ends - now < _SOON:
        return warn("upstream TLS", said, "After that day no call can be forwarded.", "Have the certificate renewed.")
    return ok("upstream TLS", said)


def _unknown_name(what: str, host: str, error: OSError) -> Finding:
    why = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or type(error).__name__
    do = "Is the name right? Does this machine need a VPN, or an http_proxy, to find it?"
    return fail(f"{what} DNS", f"{host} cannot be found: {why}", _MEANS, do)


def _unconnected(what: str, where: str, error: OSError, connect_s: float, step: str = "TCP") -> Finding:
    is_slow = isinstance(error, TimeoutError)
    words = os.strerror(error.errno) if error.errno else "it closed the connection"
    why = f"nothing within {connect_s:g} seconds" if is_slow else words
    do = "Is it running, and is the port right? Does a firewall keep this machine from it, or does it need http_proxy?"
    return fail(f"{what} {step}", f"{where} does not take connections: {why}", _MEANS, do)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except (OSError, ssl.SSLError):  # how it ends says nothing of whether it can be reached
        return
