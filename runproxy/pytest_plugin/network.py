"""`--runproxy-block-network`: tests reach the loopback interface only, and are told what else they tried to reach."""

import ipaddress
import socket
import threading
from collections.abc import Callable, Generator
from typing import Any, Final, TypeAlias

import pytest

_OWN_THREADS: Final = "runproxy-"
"""How threads of runproxy are named, which records from an upstream; see `runproxy.testing.loop`."""

_LOCAL_NAMES: Final = frozenset({"", "localhost", "ip6-localhost"})
_INTERNET: Final = (socket.AF_INET, socket.AF_INET6)
Part: TypeAlias = Generator[None, object, object]
"""How pytest calls what wraps a part of a test."""

_Address = Any  # as `socket` takes it: a pair, or four values, of host and port and more


class NetworkBlocked(RuntimeError):
    """A test tried to reach another machine. No `OSError`, which clients take for a passing trouble."""


class NetworkGuard:
    """Stands in front of `socket`, and so of asyncio, too; what it has refused fails the test."""

    def __init__(self) -> None:
        self._refused: list[str] = []
        self._patches = pytest.MonkeyPatch()
        for name in ("connect", "connect_ex"):
            self._patches.setattr(socket.socket, name, self._connecting(getattr(socket.socket, name)))
        self._patches.setattr(socket.socket, "sendto", self._sending(socket.socket.sendto, -1, 2))
        self._patches.setattr(socket.socket, "sendmsg", self._sending(socket.socket.sendmsg, 3, 4))
        self._patches.setattr(socket, "getaddrinfo", self._resolving(socket.getaddrinfo))
        for name in ("gethostbyname", "gethostbyname_ex"):
            self._patches.setattr(socket, name, self._naming(getattr(socket, name)))

    def undo(self) -> None:
        """Leave `socket` as it was."""
        self._patches.undo()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Part:
        """Fail a test whose fixtures tried to reach another machine."""
        return (yield from self._watched())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Part:
        """Fail a test that tried to reach another machine."""
        return (yield from self._watched())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Part:
        """Fail a test whose fixtures tried to reach another machine in the end."""
        return (yield from self._watched())

    def _watched(self) -> Part:
        """Fail a part of a test, also where the code that was refused a connection made nothing of that."""
        self._refused.clear()
        result = yield
        if self._refused:
            pytest.fail("\n".join(dict.fromkeys(self._refused)), pytrace=False)
        return result

    def _connecting(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(own: socket.socket, address: _Address, /) -> Any:
            __tracebackhide__ = True  # the caller is of interest, here as below
            self._check(own, address)
            return connect(own, address)

        return guarded

    def _sending(self, send: Callable[..., Any], position: int, least: int) -> Callable[..., Any]:
        def guarded(own: socket.socket, *arguments: Any) -> Any:
            __tracebackhide__ = True
            if len(arguments) >= least and arguments[position] is not None:
                self._check(own, arguments[position])
            return send(own, *arguments)

        return guarded

    def _resolving(self, resolve: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(host: Any, port: Any, *arguments: Any, **named: Any) -> Any:
            __tracebackhide__ = True
            self._check_host(host, port)
            return resolve(host, port, *arguments, **named)

        return guarded

    def _naming(self, resolve: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(host: Any, /) -> Any:
            __tracebackhide__ = True
            self._check_host(host, None)
            return resolve(host)

        return guarded

    def _check(self, own: socket.socket, address: _Address) -> None:
        __tracebackhide__ = True
        if own.family in _INTERNET and isinstance(address, tuple):
            self._check_host(*address[:2])

    def _check_host(self, host: Any, port: Any) -> None:
        __tracebackhide__ = True
        if is_local(host) or threading.current_thread().name.startswith(_OWN_THREADS):
            return
        told = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        where = told if port is None else f"[{told}]:{port}" if ":" in told else f"{told}:{port}"
        message = (
            f"A test tried to reach {where}, and --runproxy-block-network lets tests reach loopback addresses only. "
            "Point the client to runproxy.base_url, or make it in the test, once runproxy_env has set OPENAI_BASE_URL."
        )
        self._refused.append(message)
        raise NetworkBlocked(message)


def is_local(host: object) -> bool:
    """Tell whether a host, as `socket` takes it, is a loopback address or a name for one, or stands for any address."""
    if host is None:
        return True
    name = (host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)).lower().rstrip(".")
    if name in _LOCAL_NAMES or name.endswith(".localhost"):  # RFC 6761 section 6.3
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)
