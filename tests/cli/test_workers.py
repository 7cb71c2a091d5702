"""Several workers, as real processes: they answer, die, are started again, drain, and are told of as one."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.processes import COMMAND, DEADLINE_S, Answer, Server, environment, fetch, run, serving, wait_until
from tests.cli.test_listening import call_through

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at as Linux tells of them")

QUICKSTART = Path(__file__).parents[2] / "cassettes"
REPLAYING = ("replay", "--cassette", "quickstart", "--dir", str(QUICKSTART), "--workers", "2")
FREE_PORTS = ("--port", "0", "--admin-port", "0")
PATH = "/threads/thread_abc123/runs/run_abc123"
BODY = b'{"metadata": {"user_id": "user_abc123"}}'


def call(server: Server, name: str = "", path: str = PATH, body: bytes = BODY) -> Answer:
    """Make a call on a connection of its own; a name makes it another call than others."""
    if name:
        body = json.dumps({"metadata": {"name": name}}).encode()
    headers = {"Content-Type": "application/json"}
    return fetch(f"{server.ready['base_url']}{path}", method="POST", headers=headers, body=body)


def status(server: Server) -> dict[str, object]:
    """Ask the admin listener."""
    return dict(fetch(f"{server.admin_url}/api/status").json())


def worker_pids(server: Server) -> list[int]:
    """Give the process ids of the workers."""
    workers = status(server)["workers"]
    assert isinstance(workers, list)
    return [worker["pid"] for worker in workers]


def is_running(pid: int) -> bool:
    """Tell whether there is such a process, and it has not ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class Upstream:
    """Answers with the name that it was sent, counts, and holds back calls of the name `slow`."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.arrived = threading.Event()
        self.opened = threading.Event()
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                name = sent["metadata"].get("name", "")
                upstream.seen[name] += 1
                if name == "slow":
                    upstream.arrived.set()
                    upstream.opened.wait(DEADLINE_S)
                body = json.dumps({"said": name}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/v1"

    @contextmanager
    def running(self) -> Iterator["Upstream"]:
        """Serve for as long as the context lasts."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.opened.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def test_workers_are_told_of_as_one(tmp_path: Path) -> None:
    """Status, figures and misses are those of all; sessions are refused with the reason; all of them end in the end."""
    with serving(tmp_path, *REPLAYING) as server:
        server.wait_for_text("2 workers)")
        assert server.ready["pid"] == server.pid
        pids = worker_pids(server)
        assert len(set(pids) | {server.pid}) == 3
        names = Counter(call(server).headers["x-request-id"].rpartition("_")[0] for _ in range(40))
        missed = [call(server, str(number)).headers["x-runproxy-miss"] for number in range(12)]
        assert len(set(missed)) == 12
        told = status(server)
        figures = fetch(f"{server.admin_url}/metrics").body.decode()
        latest = fetch(f"{server.admin_url}/api/misses").json()["misses"]
        one = fetch(f"{server.admin_url}/api/misses/{missed[0]}").json()
        hits = fetch(f"{server.admin_url}/api/hits").json()["hits"]
        session = fetch(f"{server.admin_url}/api/sessions", method="POST", body=b'{"cassette": "quickstart"}')
        assert fetch(f"{server.admin_url}/readyz").json() == {"status": "ready"}
        assert fetch(f"{server.admin_url}/api/openapi.json").status == 200
        assert server.stop() == 0
        assert "Stopped: 12 miss, 40 replayed; everything acknowledged is on file." in server.stderr()
        assert "Traceback" not in server.stderr()
    assert sum(names.values()) == 40
    assert (told["calls"], told["pid"], told["mode"]) == ({"replayed": 40, "miss": 12}, server.pid, "replay")
    assert (
        'runproxy_requests_total{mode="replay",outcome="replayed",route="modify_run",status_class="2xx",team=""} 40.0'
        in figures
    )
    assert "runproxy_info{" in figures
    assert "runproxy_workers 2.0" in figures
    assert [miss["id"] for miss in latest] == missed[::-1]
    assert one["id"] == missed[0]
    assert len(hits) == 40
    assert (session.status, "--workers 1" in session.json()["error"]) == (409, True)
    assert not any(map(is_running, pids))


def test_pages_tell_of_all_workers(tmp_path: Path) -> None:
    """The pages of the supervisor have the calls, misses and last uses of all, and the address that clients use."""
    with serving(tmp_path, *REPLAYING) as server:
        server.wait_for_text("2 workers)")
        for _ in range(10):
            call(server)
        missed = [call(server, str(number)).headers["x-runproxy-miss"] for number in range(8)]
        paths = ("/", "/misses", f"/misses/{missed[0]}", "/cassettes", "/cassettes/quickstart/0")
        now, misses, miss, cassettes, interaction = (fetch(f"{server.admin_url}{path}").body.decode() for path in paths)
        assert server.stop() == 0
    assert "<dd>18</dd>" in now
    assert all(f'href="/misses/{name}"' in misses for name in missed)
    assert "no_match" in miss
    assert cassettes.count("not yet") == cassettes.count('<th scope="row"') - 1
    assert f"curl -X POST {server.url}/v1/threads" in interaction


def test_a_worker_that_dies_is_started_again_and_no_connection_is_lost(tmp_path: Path) -> None:
    """New connections wait for whoever is there to take them; calls that had been answered stay counted."""
    with serving(tmp_path, *REPLAYING) as server:
        before = worker_pids(server)
        assert call(server).status == 200
        assert status(server)["calls"] == {"replayed": 1}
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        assert [call(server).status for _ in range(5)] == [200] * 5  # while there may be no worker at all
        wait_until(lambda: len(worker_pids(server)) == 2, "both workers")
        assert not set(worker_pids(server)) & set(before)
        assert status(server)["calls"] == {"replayed": 6}
        assert server.stderr().count("worker ended") == 2
        assert "how=SIGKILL" in server.stderr()
        assert server.stop() == 0
        assert "Not counted: the calls of 2 workers that died.\nStopped: 5 replayed;" in server.stderr()


def test_a_call_in_flight_is_answered_whoever_is_signalled(tmp_path: Path) -> None:
    """What ends services signals every process of them at once; readiness says so before anything else does."""
    with (
        ThreadPoolExecutor(1) as pool,
        Upstream().running() as upstream,
        serving(tmp_path, "record", "--upstream", upstream.base_url, "--workers", "2") as server,
    ):
        pids = worker_pids(server)
        pending = pool.submit(call, server, "slow")
        assert upstream.arrived.wait(DEADLINE_S)
        for pid in (*pids, server.pid):
            os.kill(pid, signal.SIGTERM)
        server.wait_for_text("Stopping: ")
        readiness = fetch(f"{server.admin_url}/readyz")
        assert (readiness.status, readiness.json()["reason"]) == (503, "stopping")
        upstream.opened.set()
        assert pending.result(DEADLINE_S).status == 200
        assert server.wait() == 0
        assert "Stopped: 1 recorded; everything acknowledged is on file." in server.stderr()
    assert len(recorded(tmp_path)) == 1


@pytest.mark.slow
def test_a_worker_that_is_told_to_end_alone_drains_and_is_replaced(tmp_path: Path) -> None:
    """Its calls end well, and others take its place."""
    with (
        ThreadPoolExecutor(1) as pool,
        Upstream().running() as upstream,
        serving(tmp_path, "record", "--upstream", upstream.base_url, "--workers", "2") as server,
    ):
        before = worker_pids(server)
        pending = pool.submit(call, server, "slow")
        assert upstream.arrived.wait(DEADLINE_S)
        for pid in before:
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: sum(map(is_running, before)) == 1, "the idle worker to end")
        assert call(server, "meanwhile").status == 200
        upstream.opened.set()
        assert pending.result(DEADLINE_S).status == 200
        wait_until(lambda: len(set(worker_pids(server)) - set(before)) == 2, "two new workers")
        assert call(server, "after").status == 200
        assert server.stop() == 0
    assert sorted(recorded(tmp_path)) == ["after", "meanwhile", "slow"]


def recorded(folder: Path) -> list[str]:
    """Give what is on file, by name."""
    text = (folder / "cassettes" / "default.json").read_bytes()
    return [held["request"]["body"]["json"]["metadata"]["name"] for held in json.loads(text)["interactions"]]


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGTERM, id="second-signal", marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, id="killed"),
    ],
)
def test_no_worker_outlives_its_supervisor(tmp_path: Path, number: signal.Signals) -> None:
    """Neither where a second signal ends all at once, nor where the supervisor is killed and can tell nobody."""
    with (
        ThreadPoolExecutor(1) as pool,
        Upstream().running() as upstream,
        serving(tmp_path, "record", "--upstream", upstream.base_url, "--workers", "2") as server,
    ):
        pids = worker_pids(server)
        pending = pool.submit(call, server, "slow")
        assert upstream.arrived.wait(DEADLINE_S)
        if number == signal.SIGTERM:
            server.tell(number)
            server.wait_for_text("Stopping: ")
        assert server.stop(number) != 0
        if number == signal.SIGKILL:
            upstream.opened.set()  # the call ends, and with it the worker
            assert pending.result(DEADLINE_S).status == 200
        else:
            assert isinstance(pending.exception(DEADLINE_S), OSError | HTTPException)
        wait_until(lambda: not any(map(is_running, pids)), "the end of all workers")


@pytest.mark.slow
def test_several_workers_record_into_one_new_cassette(tmp_path: Path) -> None:
    """All is on file once; one that is started again goes on; recording again is left to one process."""
    names = [f"call-{number}" for number in range(40)]
    args = ("record", "--workers", "2", "--cassette", "default")
    with Upstream().running() as upstream, serving(tmp_path, *args, "--upstream", upstream.base_url) as server:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda name: call(server, name), names[:30]))
        os.kill(worker_pids(server)[0], signal.SIGKILL)
        server.wait_for_text("worker ended")
        wait_until(lambda: len(worker_pids(server)) == 2, "both workers")
        answers += [call(server, name) for name in names[30:]]
        assert server.stop() == 0
        again = run(tmp_path, *args, "--upstream", upstream.base_url, *FREE_PORTS)
    assert [(answer.status, answer.headers["x-runproxy-outcome"]) for answer in answers] == [(200, "recorded")] * 40
    assert sorted(recorded(tmp_path)) == sorted(names)
    assert again.returncode == 2
    assert "cassette 'default' holds 40 recordings from before" in again.stderr
    assert again.stderr.count("Error: ") == 2  # the reason, and that the worker has not started
    with serving(tmp_path, "replay", "--workers", "2") as server:
        assert {call(server, name).status for name in names} == {200}


def test_in_auto_a_call_that_one_has_recorded_is_known_to_all(tmp_path: Path) -> None:
    """It reaches the upstream once, whichever worker answers."""
    args = ("serve", "--mode", "auto", "--workers", "3")
    with Upstream().running() as upstream, serving(tmp_path, *args, "--upstream", upstream.base_url) as server:
        outcomes = [
            call(server, f"call-{number}").headers["x-runproxy-outcome"] for number in range(4) for _ in range(8)
        ]
        assert server.stop() == 0
    assert outcomes == (["recorded"] + ["replayed"] * 7) * 4
    assert set(upstream.seen.values()) == {1}


def test_sequences_are_left_to_one_process(tmp_path: Path) -> None:
    """At the start with exit code 2, and for a cassette that a call names with 409; both say why."""
    folder = tmp_path / "cassettes"
    folder.mkdir()
    document = json.loads((QUICKSTART / "quickstart.json").read_bytes())
    again = json.loads(json.dumps(document["interactions"][0]))
    again["response"]["body"] = {"json": {"id": "another"}}
    document["interactions"].append(again)
    (folder / "sequence.json").write_text(json.dumps(document), encoding="utf-8")
    ended = run(tmp_path, "replay", "--cassette", "sequence", "--workers", "2", *FREE_PORTS)
    assert ended.returncode == 2
    assert "cassette 'sequence' holds 2 recordings of one call" in ended.stderr
    assert "Use --workers 1." in ended.stderr
    with serving(tmp_path, "replay", "--workers", "2") as server:
        url = f"{server.url}/@sequence/v1{PATH}"
        refused = fetch(url, method="POST", headers={"Content-Type": "application/json"}, body=BODY)
    assert (refused.status, refused.json()["error"]["code"]) == (409, "needs_one_process")
    assert refused.headers["x-should-retry"] == "false"


def test_rules_are_read_anew_by_all_workers(tmp_path: Path) -> None:
    """On SIGHUP and over HTTP, also by those that start later; a mistake leaves the rules as they were."""
    rules = tmp_path / "runproxy.toml"
    rules.write_text("[policy]\n", encoding="utf-8")
    with serving(tmp_path, *REPLAYING) as server:
        assert {call(server).status for _ in range(10)} == {200}
        rules.write_text('[policy]\nrequired = ["team"]\n', encoding="utf-8")
        server.tell(signal.SIGHUP)
        wait_until(lambda: server.stderr().count("rules reloaded") == 3, "supervisor and workers to have read them")
        assert {call(server).status for _ in range(10)} == {400}
        rules.write_text('[policy]\nrequierd = ["team"]\n', encoding="utf-8")
        mistaken = fetch(f"{server.admin_url}/api/reload", method="POST")
        assert (mistaken.status, "requierd" in mistaken.json()["error"]) == (422, True)
        os.kill(worker_pids(server)[0], signal.SIGKILL)
        server.wait_for_text("worker ended")
        wait_until(lambda: len(worker_pids(server)) == 2, "both workers")
        assert {call(server).status for _ in range(10)} == {400}
        rules.write_text("[policy]\n", encoding="utf-8")
        assert fetch(f"{server.admin_url}/api/reload", method="POST").json()["reloaded"] is True
        assert {call(server).status for _ in range(10)} == {200}


@pytest.mark.slow
def test_a_unix_socket_stays_when_a_worker_ends(tmp_path: Path) -> None:
    """And goes with the supervisor."""
    path = tmp_path / "s"
    with serving(tmp_path, *REPLAYING, "--unix-socket", "s") as server:
        os.kill(worker_pids(server)[0], signal.SIGTERM)
        server.wait_for_text("worker ended")
        assert call_through(path) == 200
        assert server.stop() == 0
    assert not path.exists()


@pytest.mark.slow
def test_workers_that_do_not_start_any_more_are_given_up(tmp_path: Path) -> None:
    """With their exit code, once none answers: here their cassette has been spoilt meanwhile."""
    folder = tmp_path / "cassettes"
    folder.mkdir()
    held = folder / "held.json"
    held.write_bytes((QUICKSTART / "quickstart.json").read_bytes())
    with serving(tmp_path, "replay", "--cassette", "held", "--workers", "2") as server:
        held.write_text("spoilt", encoding="utf-8")
        for pid in worker_pids(server):
            os.kill(pid, signal.SIGKILL)
        assert server.wait() == 2
        told = server.stderr()
    assert "Error: cassettes/held.json: " in told
    assert "did not start (exit code 2)" in told
    assert "Traceback" not in told


def test_a_worker_is_no_command_for_people(tmp_path: Path) -> None:
    """It is not listed, and says what starts workers."""
    assert "worker " not in run(tmp_path, "--help").stdout
    ended = run(tmp_path, "worker")
    assert ended.returncode == 2
    assert "runproxy serve --workers N" in ended.stderr


@pytest.mark.slow
def test_no_call_is_lost_while_workers_come_and_go(tmp_path: Path) -> None:
    """Workers are told to end again and again under load, and every call on a new connection is answered."""
    statuses: Counter[int | str] = Counter()
    with serving(tmp_path, *REPLAYING) as server:
        end = time.monotonic() + 20
        address = urlsplit(server.url)

        def ask() -> None:
            while time.monotonic() < end:
                connection = HTTPConnection(address.hostname or "", address.port or 0, timeout=DEADLINE_S)
                connection.request("POST", f"/v1{PATH}", BODY, {"Content-Type": "application/json"})
                try:
                    statuses[connection.getresponse().status] += 1
                except OSError as error:
                    statuses[type(error).__name__] += 1
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask) for _ in range(4)]
            while time.monotonic() < end - 3:
                pids = worker_pids(server)
                if len(pids) == 2:
                    os.kill(pids[0], signal.SIGTERM)
                time.sleep(0.5)
            for one in asking:
                one.result()
        assert server.stop() == 0
    assert set(statuses) == {200}, statuses


def test_ctrl_c_while_workers_start_ends_all_quietly(tmp_path: Path) -> None:
    """It reaches the supervisor alone; the workers end with it, and none of them tells a trace."""
    command = [COMMAND, *REPLAYING, *FREE_PORTS]
    stderr = tmp_path / "stderr"
    with stderr.open("wb") as told:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment(), stdout=told, stderr=told, start_new_session=True
        )
    try:
        wait_until(lambda: children_of(process.pid) != [], "a worker being started")
        children = children_of(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(DEADLINE_S) != 0
        wait_until(lambda: not any(map(is_running, children)), "the end of all workers")
    finally:
        process.kill()
        process.wait(DEADLINE_S)
    assert "Traceback" not in stderr.read_text(encoding="utf-8")


def children_of(pid: int) -> list[int]:
    """Give the processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]
