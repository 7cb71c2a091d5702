"""Bytes to a client, no faster than it takes them."""

import asyncio
import socket
import struct
from typing import Final

from aiohttp import web

_PART_BYTES: Final = 256 * 1024  # what is handed over at once: more of it would wait in memory for a slow client


class ClientStalled(ConnectionError):
    """The client has taken nothing of its answer for too long."""


def put(request: web.BaseRequest, data: bytes | memoryview) -> bool:
    """Hand bytes over, and tell whether some of them wait for the client; raises `ConnectionError` if it has gone."""
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client has gone")
    transport.write(data)
    return request.protocol.writing_paused


async def until_taken(request: web.BaseRequest, send_s: float) -> None:
    """Wait until the client has taken what waits for it, however long it takes, as long as it takes any of it.

    Raises `ClientStalled` when it takes nothing for `send_s` seconds, and `ConnectionError` when it goes.
    """
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client has gone")
    taken = asyncio.ensure_future(request.writer.drain())
    held = transport.get_write_buffer_size()
    try:
        while not (await asyncio.wait([taken], timeout=send_s))[0]:
            left = transport.get_write_buffer_size()
            if left >= held:
                raise ClientStalled("the client reads nothing")
            held = left
        if taken.exception() or request.transport is None:
            raise ConnectionResetError("the client has gone")
    finally:
        taken.cancel()


def is_reset(request: web.BaseRequest) -> bool:
    """Tell whether the system of the client has said that nobody is there; it does so for what is sent to nobody."""
    transport = request.transport
    if transport is None or transport.is_closing():
        return True
    held = transport.get_extra_info("socket")
    return held is not None and bool(held.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


async def write(request: web.BaseRequest, data: bytes, send_s: float) -> None:
    """Write bytes, many of them in parts; raises what `put` and `until_taken` raise."""
    view = memoryview(data)
    for start in range(0, len(data), _PART_BYTES):
        if put(request, view[start : start + _PART_BYTES]):
            await until_taken(request, send_s)


def reset(transport: asyncio.Transport | None) -> None:
    """Close a connection with a reset, which tells the client that something went wrong."""
    if transport is None:
        return
    held = transport.get_extra_info("socket")
    if held is not None and held.family != socket.AF_UNIX:  # which knows no resets, and is closed
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
