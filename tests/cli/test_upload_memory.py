"""How much memory an upload takes: the same for one of any length, in every mode."""

import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.processes import Server, serving
from tests.parts import Report

PIECE = bytes(range(256)) * 4096
MAX_GROWTH_KB = 40 * 1024
OUTCOMES = {
    "passthrough": "forwarded",
    "record": "recorded",
    "replay": "replayed",
    "auto": "replayed",
    "verify": "verified",
}


class _Upstream(BaseHTTPRequestHandler):
    """Takes whatever comes, and keeps none of it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer when all of it has come."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while length := int(self.rfile.readline(), 16):
                self._skip(length + 2)
            self.rfile.readline()
        else:
            self._skip(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def _skip(self, length: int) -> None:
        while length:
            length -= len(self.rfile.read1(min(length, 2**20)))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the server uses
        """Say nothing."""


@contextmanager
def upstream() -> Iterator[str]:
    """Serve it in threads, and give its base URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Upstream) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def upload(server: Server, megabytes: int, *, is_chunked: bool) -> HTTPResponse:
    """Send so many MiB, and give the answer."""
    told = {} if is_chunked else {"Content-Length": str(megabytes * len(PIECE))}
    with closing(HTTPConnection(server.url.removeprefix("http://"), timeout=60)) as connection:
        body = (PIECE for _ in range(megabytes))
        connection.request("POST", f"/v1/files/{is_chunked}", body, told, encode_chunked=is_chunked)
        answer = connection.getresponse()
        answer.read()
        return answer


def peak_kb(server: Server) -> int:
    """Give the most memory that a process has had so far."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of another process is read from /proc")
@pytest.mark.parametrize(
    "megabytes", [pytest.param(64, id="64 MiB"), pytest.param(300, id="300 MiB", marks=pytest.mark.slow)]
)
def test_a_long_upload_takes_little_memory(tmp_path: Path, megabytes: int, report: Report) -> None:
    """Whether its length is told or not: of one that is not told, what could be recorded is kept for a while."""
    growth = {}
    with upstream() as base_url:
        for mode, outcome in OUTCOMES.items():
            where = [] if mode == "replay" else ["--upstream", base_url]
            with serving(tmp_path, "serve", "--mode", mode, *where) as server:
                before = peak_kb(server)
                for is_chunked in (False, True):
                    answer = upload(server, megabytes, is_chunked=is_chunked)
                    assert (answer.status, answer.getheader("x-runproxy-outcome")) == (200, outcome)
                    growth[f"{mode}, {'chunked' if is_chunked else 'length told'}"] = peak_kb(server) - before
    report(f"KiB of memory for uploads of {megabytes} MiB", growth)
    assert max(growth.values()) < MAX_GROWTH_KB
