"""`--runproxy-block-network`: this machine, and nothing else."""

import socket

import pytest

from runproxy.pytest_plugin.network import is_local
from tests.pytest_plugin.project import Project


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (None, True), ("", True), ("localhost", True), ("LOCALHOST.", True), (b"localhost", True),
        ("api.localhost", True), ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("::1%lo", True),
        ("::ffff:127.0.0.1", True), ("0.0.0.0", True), ("::", True),  # noqa: S104 - not bound to
        ("api.openai.com", False), ("localhost.example", False), ("192.0.2.1", False), ("::ffff:192.0.2.1", False),
        ("2001:db8::1", False), ("10.0.0.1", False), (b"api.openai.com", False), ("127.0.0.1.example", False),
    ],
)  # fmt: skip
def test_what_this_machine_is(host: object, expected: bool) -> None:
    """Loopback addresses, spelled in any way, and the names that stand for them."""
    assert is_local(host) is expected


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("socket.create_connection(('api.openai.com', 443), timeout=5)", "api.openai.com:443"),
        ("with socket.socket() as own: own.connect(('192.0.2.1', 80))", "192.0.2.1:80"),
        ("with socket.socket() as own: own.connect_ex(('192.0.2.1', 80))", "192.0.2.1:80"),
        ("with socket.socket(socket.AF_INET6) as own: own.connect(('2001:db8::1', 80))", "?2001:db8::1?:80"),
        (
            "with socket.socket(type=socket.SOCK_DGRAM) as own: own.sendto(b'x', ('192.0.2.1', 53))",
            "192.0.2.1:53",
        ),
        (
            "with socket.socket(type=socket.SOCK_DGRAM) as own: own.sendmsg([b'x'], [], 0, ('192.0.2.1', 53))",
            "192.0.2.1:53",
        ),
        ("asyncio.run(asyncio.open_connection('api.openai.com', 443))", "api.openai.com:443"),
        ("asyncio.run(asyncio.open_connection('192.0.2.1', 443))", "192.0.2.1:443"),
        ("urllib.request.urlopen('http://192.0.2.1/')", "192.0.2.1:80"),
    ],
)
def test_whatever_leads_elsewhere_is_refused(project: Project, source: str, where: str) -> None:
    """The error names the address, and the test fails though its code has swallowed it."""
    project.write(f"""
import asyncio, socket, warnings

def test_raised():
    {source}

def test_swallowed():
    try:
        {source}
    except Exception:
        pass
""")
    result = project.run("--runproxy-block-network")
    result.assert_outcomes(failed=2)
    told = f"A test tried to reach {where}, and --runproxy-block-network lets tests reach loopback addresses only.*"
    result.stdout.fnmatch_lines([f"E *NetworkBlocked: {told}", "*test_swallowed*", told])


@pytest.mark.parametrize("scope", ["function", "session"])
@pytest.mark.parametrize("name", ["gethostbyname", "gethostbyname_ex"])
def test_what_fixtures_try_is_refused_too(project: Project, scope: str, name: str) -> None:
    """Though they swallow it, while they are set up and in the end; nothing of their tests is recorded."""
    project.write(f"""
import socket

def look():
    try:
        socket.{name}("api.openai.com")
    except Exception:
        pass

@pytest.fixture(scope="{scope}")
def early():
    look()

@pytest.fixture(scope="{scope}")
def late():
    yield
    look()

@pytest.mark.runproxy
def test_early(early):
    call()

@pytest.mark.runproxy
def test_late(late):
    call()
""")
    result = project.record("--runproxy-block-network")
    result.assert_outcomes(passed=1, errors=2)
    told = "A test tried to reach api.openai.com, and *"
    result.stdout.fnmatch_lines(["*ERROR at setup of test_early*", told, "*ERROR at teardown of test_late*", told])
    assert project.cassettes == {}


def test_this_machine_can_be_reached(project: Project) -> None:
    """By name and by address, with and without asyncio, over unix sockets; runproxy itself may record."""
    project.write("""
import asyncio, socket

def test_one(runproxy):
    port = int(runproxy.url.rpartition(":")[2].partition("/")[0])
    assert call(base_url=runproxy.base_url) == 200
    socket.create_connection(("localhost", port)).close()

    async def connect():
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()

    asyncio.run(connect())
    one, two = socket.socketpair()
    one.sendall(b"x"), two.recv(1), one.close(), two.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.sendto(b"x", ("127.0.0.1", port))
        datagrams.connect(("127.0.0.1", port))
        datagrams.sendmsg([b"x"])
""")
    project.record("--runproxy-block-network").assert_outcomes(passed=1)


def test_nothing_is_left_behind(project: Project) -> None:
    """What was put in front of sockets is gone when pytest is done with it."""
    before = {**vars(socket.socket)}, {**vars(socket)}
    project.write("import socket\ndef test_one(): assert 'guarded' in socket.getaddrinfo.__qualname__\n")
    project.run("--runproxy-block-network").assert_outcomes(passed=1)
    assert ({**vars(socket.socket)}, {**vars(socket)}) == before
