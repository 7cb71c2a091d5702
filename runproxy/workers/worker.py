"""One of several workers: a proxy on sockets that its supervisor holds."""

import asyncio
import signal
import socket
import sys
from contextlib import suppress

from runproxy.admin import Access
from runproxy.composition import Seat, running_proxy
from runproxy.composition.sharing import AmongWorkers
from runproxy.config import Settings
from runproxy.redaction import WriteGate
from runproxy.server import Inherited, UnixSocket
from runproxy.workers.order import Ended, Order, Ready, encode, read_settings


async def work(order: Order, settings: Settings, gate: WriteGate) -> int:
    """Answer calls until standard input ends, or until a signal, and give the exit code.

    Raises what `running_proxy` raises.
    """
    stopped = _watch()
    seat = Seat(
        Inherited([socket.socket(fileno=number) for number in order.sockets], order.origin),
        UnixSocket(str(order.admin_socket)),
        Access(),  # for whom the folder lets in
        AmongWorkers(settings.listen.workers, order.folder),
        str(order.number),
    )
    async with running_proxy(settings, lambda: read_settings(order.folder), gate, seat) as proxy:
        _tell(Ready(proxy.base_path, proxy.is_loaded))
        await stopped.wait()
    _tell(Ended(dict(proxy.service.outcomes), bool(proxy.drifts.latest)))
    return 0


def _watch() -> asyncio.Event:
    """Give what is set when the worker is to stop.

    Whatever runs services signals every process of one, and the supervisor too, which decides. So a signal that comes
    again means nothing here, and reading the rules anew is asked for over HTTP.
    """
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)

    def end() -> None:
        loop.remove_reader(sys.stdin.fileno())
        stopped.set()

    loop.add_reader(sys.stdin.fileno(), end)  # nothing more is sent, so what there is to read is the end
    return stopped


def _tell(told: Ready | Ended) -> None:
    with suppress(OSError):  # the supervisor has died, and so this worker ends, too
        sys.stdout.buffer.write(encode(told))
        sys.stdout.buffer.flush()
