"""Places to listen at: an address and port, the path of a unix socket, or sockets that another process has bound."""

import errno
import os
import socket
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from runproxy.errors import ConfigError

_REACHABLE: Final = MappingProxyType({"0.0.0.0": "127.0.0.1", "::": "::1"})  # noqa: S104 - shown, not bound to
"""Where a client on this machine finds a server that listens on all addresses."""

_NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})  # a machine without IPv6 resolves names to it
_PROBE_S: Final = 1.0


class Place(Protocol):
    """Where a server listens."""

    def bind(self) -> list[socket.socket]:
        """Give the sockets to listen on; raises `ConfigError`."""
        ...  # pragma: no cover

    def url(self, sockets: Sequence[socket.socket], scheme: str) -> str:
        """Give the origin that clients connect to."""
        ...  # pragma: no cover

    def leave(self) -> None:
        """Take away what `bind` has left behind, once nobody listens any more."""
        ...  # pragma: no cover


class HostPort:
    """A host and a port, 0 for any; `port_flag` is how a person chooses another port."""

    def __init__(self, host: str, port: int, port_flag: str) -> None:
        self._host = host
        self._port = port
        self._port_flag = port_flag

    def bind(self) -> list[socket.socket]:
        """Bind to all addresses of the host, on the same port; raises `ConfigError`."""
        try:
            return self._bound()
        except (OSError, UnicodeError) as error:
            raise ConfigError(f"Cannot listen on {self._host}:{self._port}: {self._reason(error)}") from error

    def _bound(self) -> list[socket.socket]:
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        bound: list[socket.socket] = []
        why_not: OSError | None = None
        for family, kind, protocol, _, address in dict.fromkeys(found):
            port = bound[0].getsockname()[1] if bound else self._port
            try:
                bound.append(_bind(socket.socket(family, kind, protocol), (address[0], port, *address[2:])))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    for held in bound:
                        held.close()
                    raise
                why_not = error
        if why_not and not bound:
            raise why_not
        return bound

    def _reason(self, error: OSError | UnicodeError) -> str:
        if getattr(error, "errno", None) != errno.EADDRINUSE:
            return f"{getattr(error, 'strerror', None) or 'no such address'}."
        return (
            "the address is in use. Is another runproxy running? "
            f"Choose another port with {self._port_flag} (0 takes any free one)."
        )

    def url(self, sockets: Sequence[socket.socket], scheme: str) -> str:
        """Give the origin, with the port that was really taken."""
        reachable = _REACHABLE.get(self._host, self._host)
        host = f"[{reachable}]" if ":" in reachable else reachable
        return f"{scheme}://{host}:{sockets[0].getsockname()[1] if sockets else self._port}"

    def leave(self) -> None:
        """Do nothing: an address is free once nobody listens on it."""


class UnixSocket:
    """A path in the file system; only those whom `mode` lets write to it can connect."""

    def __init__(self, path: str, mode: int = 0o600) -> None:
        self._path = Path(path)
        self._mode = mode
        self._made: os.stat_result | None = None

    def bind(self) -> list[socket.socket]:
        """Bind to the path, in place of a socket that a dead process has left there; raises `ConfigError`."""
        try:
            self._remove_stale()
            return [self._bound()]
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(f"Cannot listen on the unix socket {self._path}: {reason}.") from error

    def _bound(self) -> socket.socket:
        bound = socket.socket(socket.AF_UNIX)
        before = os.umask(0o777 & ~self._mode)  # so that at no instant more may connect
        try:
            bound.bind(str(self._path))
            self._made = self._path.stat()
        except BaseException:
            bound.close()
            raise
        finally:
            os.umask(before)
        return bound

    def _remove_stale(self) -> None:
        try:
            found = self._path.lstat()
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(found.st_mode):
            raise ConfigError(
                f"Cannot listen on the unix socket {self._path}: a file is there that is no socket. "
                "Remove it, or choose another path with --unix-socket."
            )
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_PROBE_S)
            try:
                probe.connect(str(self._path))
            except ConnectionRefusedError:  # nobody listens
                self._path.unlink(missing_ok=True)
                return
            except (TimeoutError, BlockingIOError):  # somebody listens, and is busy
                pass
        raise ConfigError(
            f"Cannot listen on the unix socket {self._path}: another process listens there. "
            "Is another runproxy running? Choose another path with --unix-socket."
        )

    def url(self, sockets: Sequence[socket.socket], scheme: str) -> str:
        """Give the origin that clients name; that they connect to the path is not part of a URL."""
        return f"{scheme}://localhost"

    def leave(self) -> None:
        """Remove the socket from the file system, unless somebody else's is there by now."""
        if self._made is None:
            return
        with suppress(OSError):
            if os.path.samestat(self._path.lstat(), self._made):
                self._path.unlink()


class Inherited:
    """Sockets that another process has bound and goes on to hold, reached by its clients at `origin`."""

    def __init__(self, sockets: Sequence[socket.socket], origin: str) -> None:
        self._sockets = list(sockets)
        self._origin = origin

    def bind(self) -> list[socket.socket]:
        """Give the sockets."""
        return list(self._sockets)

    def url(self, sockets: Sequence[socket.socket], scheme: str) -> str:
        """Give the origin."""
        return self._origin

    def leave(self) -> None:
        """Do nothing: the other process still listens."""


def _bind(made: socket.socket, address: tuple[object, ...]) -> socket.socket:
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if made.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made
