"""Where the command listens, as real processes: TLS, a unix socket, and what it says when it cannot."""

import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import urllib.request
from http.client import HTTPConnection
from pathlib import Path

import pytest
import trustme

from tests.cli.processes import DEADLINE_S, run, serving, wait_until

QUICKSTART = Path(__file__).parents[2] / "cassettes"
REPLAYING = ("replay", "--cassette", "quickstart", "--dir", str(QUICKSTART))
FREE_PORTS = ("--port", "0", "--admin-port", "0")
CALL = "/v1/threads/thread_abc123/runs/run_abc123"
BODY = b'{"metadata": {"user_id": "user_abc123"}}'
JSON = {"Content-Type": "application/json"}


class UnixConnection(HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=DEADLINE_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the path."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE_S)
        self.sock.connect(str(self._path))


def call_through(path: Path) -> int:
    """Make the recorded call over a unix socket and give the status."""
    connection = UnixConnection(path)
    try:
        connection.request("POST", CALL, BODY, JSON)
        with connection.getresponse() as response:
            response.read()
            return response.status
    finally:
        connection.close()


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    """Write cert.pem and key.pem into the folder of the test, and give the authority that issued them."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    return authority


def test_a_proxy_with_a_certificate_speaks_tls(tmp_path: Path, authority: trustme.CA) -> None:
    """The banner, the ready file and the answer all say https; what is not TLS gets no answer."""
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with serving(tmp_path, *REPLAYING, "--tls-cert", "cert.pem", "--tls-key", "key.pem") as server:
        assert server.url.startswith("https://127.0.0.1:")
        server.wait_for_text(f"  export OPENAI_BASE_URL={server.url}/v1\n")
        request = urllib.request.Request(f"{server.url}{CALL}", BODY, JSON)  # noqa: S310 - https on loopback
        with urllib.request.urlopen(request, timeout=DEADLINE_S, context=trusting) as answer:  # noqa: S310 - as above
            assert answer.status == 200
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), DEADLINE_S) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert not plain.recv(100).startswith(b"HTTP/")
        assert server.stop() == 0
        assert "Traceback" not in server.stderr()


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(
            ("--tls-cert", "cert.pem"),
            "listen: TLS needs both a certificate and its key; tls_key is missing.",
            id="no-key",
        ),
        pytest.param(
            ("--tls-key", "key.pem"),
            "listen: TLS needs both a certificate and its key; tls_cert is missing.",
            id="no-certificate",
        ),
        pytest.param(
            ("--tls-cert", "cert.pem", "--tls-key", "absent.pem"),
            "listen.tls_key: cannot read absent.pem: No such file or directory.",
            id="absent",
        ),
        pytest.param(
            ("--tls-cert", "cert.pem", "--tls-key", "key.pem", "--unix-socket", "s"),
            "listen: TLS is for addresses; a unix socket is guarded by unix_socket_mode.",
            id="unix-socket",
        ),
        pytest.param(("--unix-socket", "s", "--unix-socket-mode", "rw"), "--unix-socket-mode: ", id="mode"),
        pytest.param(("--unix-socket", "cert.pem"), "a file is there that is no socket", id="no-socket"),
    ],
)
@pytest.mark.usefixtures("authority")
def test_what_cannot_be_listened_on_ends_the_start(tmp_path: Path, args: tuple[str, ...], told: str) -> None:
    """With exit code 2, the setting or the file, and the reason."""
    ended = run(tmp_path, "replay", *FREE_PORTS, *args)
    assert ended.returncode == 2
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_proxy_listens_on_a_unix_socket(tmp_path: Path) -> None:
    """For this user only; the ready file tells the path, and with the end it is gone."""
    path = tmp_path / "proxy.sock"
    with serving(tmp_path, *REPLAYING, "--unix-socket", "proxy.sock") as server:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert (server.url, server.ready["unix_socket"]) == ("http://localhost", "proxy.sock")
        assert call_through(path) == 200
        assert server.stop() == 0
    assert not path.exists()


def test_the_banner_tells_how_to_use_a_unix_socket(tmp_path: Path) -> None:
    """The curl command in it reaches the proxy."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    with serving(tmp_path, *REPLAYING, "--unix-socket", "proxy.sock") as server:
        server.wait_for_text("curl ")
        found = re.search(r"^  curl (--unix-socket \S+ http://localhost/v1)/…$", server.stderr(), re.MULTILINE)
        assert found
        *flags, url = found[1].split()
        command = [curl, "-s", "-w", "%{http_code}", *flags, url + CALL.removeprefix("/v1"), "-d", BODY.decode()]
        asked = subprocess.run(
            [*command, "-H", "Content-Type: application/json"],
            cwd=tmp_path,
            capture_output=True,
            timeout=DEADLINE_S,
            check=True,
        )
    assert asked.stdout.endswith(b"200")


def test_a_unix_socket_outlives_a_kill_and_is_taken_over(tmp_path: Path) -> None:
    """What a killed proxy leaves behind is in nobody's way; what a running one listens on is not taken from it."""
    path = tmp_path / "proxy.sock"
    with serving(tmp_path, *REPLAYING, "--unix-socket", "proxy.sock") as server:
        server.stop(signal.SIGKILL)
    assert path.exists()
    with serving(tmp_path, *REPLAYING, "--unix-socket", "proxy.sock") as server:
        second = run(tmp_path, *REPLAYING, *FREE_PORTS, "--unix-socket", "proxy.sock")
        assert second.returncode == 2
        assert "another process listens there" in second.stderr
        assert call_through(path) == 200
        server.stop()
    wait_until(lambda: not path.exists(), "the socket being removed")
