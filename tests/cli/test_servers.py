"""The serving commands as real processes: start, refusal to start, answers, and an orderly end."""

import json
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.processes import Answer, fetch, run, serving, wait_until

QUICKSTART = Path(__file__).parents[2] / "cassettes" / "quickstart.json"
UNUSED_UPSTREAM = ("--upstream", "http://127.0.0.1:9/v1")
FREE_PORTS = ("--port", "0", "--admin-port", "0")
CALL = "/threads/thread_abc123/runs/run_abc123"
RECORDING = ("record", *UNUSED_UPSTREAM)
AUTO = ("serve", "--mode", "auto", *UNUSED_UPSTREAM)


def call(base_url: str, body: str = '{"metadata": {"user_id": "user_abc123"}}') -> Answer:
    """Make the call of the API reference, as its curl example does."""
    headers = {
        "Authorization": "Bearer made-up-credential",
        "Content-Type": "application/json",
        "OpenAI-Beta": "assistants=v2",
    }
    return fetch(f"{base_url}{CALL}", method="POST", headers=headers, body=body.encode())


def put_cassette(folder: Path, *names: str, old: str = "", new: str = "") -> None:
    """Put the quickstart cassette into a folder's cassettes, with one text in it replaced by another."""
    for name in names:
        path = folder / "cassettes" / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(QUICKSTART.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


class Gate:
    """An upstream that holds every call back until it is opened."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.opened = threading.Event()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                gate.arrived.set()
                gate.opened.wait(20)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/v1"

    @contextmanager
    def running(self) -> Iterator["Gate"]:
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


def is_refusing(url: str) -> bool:
    """Tell whether nobody accepts connections there any more."""
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname or "", address.port or 0), timeout=5).close()
    except OSError:
        return True
    return False


@pytest.mark.parametrize(
    ("args", "members"),
    [
        pytest.param(("sandbox",), {"url", "base_url", "pid"}, id="sandbox"),
        pytest.param(("replay",), {"url", "base_url", "admin_url", "pid"}, id="replay"),
        pytest.param(RECORDING, {"url", "base_url", "admin_url", "pid"}, id="record"),
        pytest.param(AUTO, {"url", "base_url", "admin_url", "pid"}, id="serve"),
    ],
)
def test_the_ready_file_is_there_while_connections_are_accepted(
    tmp_path: Path, args: tuple[str, ...], members: set[str]
) -> None:
    """It tells the addresses and the process id, and is gone once the server has stopped."""
    with serving(tmp_path, *args) as server:
        assert set(server.ready) == members
        assert server.ready["pid"] == server.pid
        assert server.ready["base_url"] == f"{server.url}/v1"
        assert not is_refusing(server.url)
        assert server.stop() == 0
    assert [path.name for path in tmp_path.iterdir() if "ready" in path.name] == []


def test_a_ready_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A path in a folder that is not there ends the start with exit code 2 and names the path."""
    ended = run(tmp_path, "replay", *FREE_PORTS, "--ready-file", "missing/ready.json")
    assert ended.returncode == 2
    assert "Error: Cannot write the ready file missing/ready.json: No such file or directory." in ended.stderr


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        pytest.param(("replay",), ["mode replay", "cassette   default  in cassettes  (not there yet)"], id="replay"),
        pytest.param(
            RECORDING,
            ["mode record", "upstream   http://127.0.0.1:9/v1", "cassette   default  in cassettes\n"],
            id="record",
        ),
        pytest.param(AUTO, ["mode auto", "upstream   http://127.0.0.1:9/v1"], id="serve-auto"),
        pytest.param(
            ("serve", "--mode", "passthrough", *UNUSED_UPSTREAM), ["mode passthrough", "upstream   "], id="passthrough"
        ),
    ],
)
def test_the_banner_tells_mode_addresses_and_what_to_export(
    tmp_path: Path, args: tuple[str, ...], shown: list[str]
) -> None:
    """The banner on stderr names the mode, both addresses, and the line that points a client here."""
    with serving(tmp_path, *args) as server:
        server.wait_for_text("export ")
        banner = server.stderr()
        for text in [*shown, server.url, server.admin_url, f"\n  export OPENAI_BASE_URL={server.url}/v1\n"]:
            assert text in banner
        assert ("  cassette   " in banner) is ("passthrough" not in args)


def test_a_named_cassette_that_is_there_is_not_called_missing(tmp_path: Path) -> None:
    """The banner of a replay names the cassette and the folder it is in."""
    put_cassette(tmp_path, "held")
    with serving(tmp_path, "replay", "--cassette", "held") as server:
        server.wait_for_text("export ")
        assert "  cassette   held  in cassettes\n" in server.stderr()


def test_the_sandbox_tells_how_to_record_from_it(tmp_path: Path) -> None:
    """Its banner holds a command that records from it, with the address it really has."""
    with serving(tmp_path, "sandbox") as server:
        server.wait_for_text("listens on")
        assert f"sandbox listens on {server.url}\n" in server.stderr()
        assert f"runproxy record --upstream {server.url}/v1 --cassette first" in server.stderr()


@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, id="TERM"), pytest.param(signal.SIGINT, id="INT")])
@pytest.mark.parametrize(
    ("args", "farewell"),
    [
        pytest.param(("sandbox",), "Stopped: 0 calls answered.", id="sandbox"),
        pytest.param(("replay",), "Stopped: no calls; everything acknowledged is on file.", id="replay"),
        pytest.param(RECORDING, "Stopped: no calls; everything acknowledged is on file.", id="record"),
    ],
)
def test_a_signal_ends_a_server_in_good_order(
    tmp_path: Path, args: tuple[str, ...], farewell: str, number: signal.Signals
) -> None:
    """Both signals end a server with exit code 0, after it has said that it stops and that it has stopped."""
    with serving(tmp_path, *args) as server:
        assert server.stop(number) == 0
        told = server.stderr()
    assert told.index("Stopping: no new calls") < told.index(farewell)
    assert "Traceback" not in told


def test_a_call_in_flight_is_answered_and_recorded_before_the_end(tmp_path: Path) -> None:
    """While draining, no connection is accepted and /readyz says stopping, but the call that is there ends well."""
    with (
        ThreadPoolExecutor(1) as pool,  # outermost, for it waits until the gate has let go of its call
        Gate().running() as gate,
        serving(tmp_path, "record", "--upstream", gate.base_url, "--cassette", "drained") as server,
    ):
        pending = pool.submit(call, server.ready["base_url"])
        assert gate.arrived.wait(20)
        server.tell(signal.SIGTERM)
        wait_until(lambda: is_refusing(server.url), "refused connections")
        readiness = fetch(f"{server.admin_url}/readyz")
        assert (readiness.status, readiness.json()) == (503, {"status": "not ready", "reason": "stopping"})
        assert not server.ready_file.exists()
        gate.opened.set()
        assert pending.result(20).status == 200
        assert server.wait() == 0
        assert "Stopped: 1 recorded; everything acknowledged is on file." in server.stderr()
    held = json.loads((tmp_path / "cassettes" / "drained.json").read_text(encoding="utf-8"))
    assert len(held["interactions"]) == 1


def test_calls_are_taken_for_a_while_after_readiness_is_gone(tmp_path: Path) -> None:
    """So that whoever spreads calls over several proxies has the time to notice."""
    with serving(tmp_path, "replay", "--drain-notice", "2") as server:
        server.tell(signal.SIGTERM)
        server.wait_for_text("Stopping: ")
        assert fetch(f"{server.admin_url}/readyz").status == 503
        assert call(server.ready["base_url"]).status == 501
        assert server.wait() == 0


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    """Whoever does not want to wait for calls in flight gets exit code 1 with the second signal."""
    with (
        ThreadPoolExecutor(1) as pool,  # outermost, for it waits until the gate has let go of its call
        Gate().running() as gate,
        serving(tmp_path, "record", "--upstream", gate.base_url) as server,
    ):
        pending = pool.submit(call, server.ready["base_url"])
        assert gate.arrived.wait(20)
        server.tell(signal.SIGTERM)
        server.wait_for_text("Stopping: no new calls, waiting for those in flight. Once more stops at once.")
        assert server.stop(signal.SIGTERM) == 1
        assert isinstance(pending.exception(20), OSError)


@pytest.mark.parametrize(
    ("args", "flag"),
    [
        pytest.param(("replay", "--admin-port", "0"), "--port", id="port"),
        pytest.param(("replay", "--port", "0"), "--admin-port", id="admin-port"),
        pytest.param(("sandbox",), "--port", id="sandbox"),
    ],
)
def test_a_port_in_use_is_told_with_the_flag_that_chooses_another(
    tmp_path: Path, args: tuple[str, ...], flag: str
) -> None:
    """The start ends with exit code 2 and one line with address, reason and flag."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(tmp_path, *args, flag, str(port))
    assert ended.returncode == 2
    assert f"Error: Cannot listen on 127.0.0.1:{port}: the address is in use." in ended.stderr
    assert f"Choose another port with {flag} " in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "args",
    [pytest.param(("replay",), id="replay"), pytest.param(RECORDING, id="record"), pytest.param(AUTO, id="auto")],
)
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param('"elapsed_ms": 74', '"elapsed_ms": ?', ["line 6, column 21", "offset 123"], id="no-json"),
        pytest.param('"elapsed_ms": 74', '"elapsed_ms": -1', ["interactions[0].elapsed_ms"], id="wrong-value"),
        pytest.param("runproxy/1", "runproxy/9", ["'runproxy/9'", "'runproxy/1'"], id="unknown-format"),
    ],
)
def test_a_cassette_that_cannot_be_read_ends_the_start_and_is_left_alone(
    tmp_path: Path, args: tuple[str, ...], old: str, new: str, told: list[str]
) -> None:
    """Exit code 2, the path and the place in the file are told, and not one byte of the file has changed."""
    put_cassette(tmp_path, "wrong", old=old, new=new)
    path = tmp_path / "cassettes" / "wrong.json"
    before = path.read_bytes()
    ended = run(tmp_path, *args, "--cassette", "wrong", *FREE_PORTS)
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: cassettes/wrong.json: ")
    for text in told:
        assert text in ended.stderr
    assert path.read_bytes() == before
    assert [held.name for held in path.parent.iterdir()] == ["wrong.json"]


@pytest.mark.parametrize(
    ("present", "told"),
    [
        pytest.param(["quickstart", "other", "quick"], "There are: quickstart, quick.", id="nearest"),
        pytest.param(["b", "a"], "There are: a, b.", id="none-near"),
        pytest.param([], "The folder holds no cassette yet.", id="empty"),
    ],
)
def test_a_named_cassette_that_is_not_there_ends_a_replay(tmp_path: Path, present: list[str], told: str) -> None:
    """Exit code 2, and the names that come nearest, or all there are."""
    put_cassette(tmp_path, *present)
    ended = run(tmp_path, "replay", "--cassette", "quikstart", *FREE_PORTS)
    assert ended.returncode == 2
    assert ended.stderr == f"Error: There is no cassette 'quikstart' in cassettes. {told}\n"


def test_a_folder_that_cannot_be_written_ends_a_recording(tmp_path: Path) -> None:
    """Exit code 2, the folder, the reason and the way out are told before any call is forwarded."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    ended = run(tmp_path, *RECORDING, "--dir", "file/below", *FREE_PORTS)
    assert ended.returncode == 2
    assert ended.stderr == (
        "Error: Cannot write to the cassette folder file/below: Not a directory. "
        "Make it writable, or choose another with --dir.\n"
    )


@pytest.mark.parametrize("args", [pytest.param(RECORDING, id="record"), pytest.param(AUTO, id="auto")])
@pytest.mark.parametrize("value", [pytest.param("true", id="true"), pytest.param("1", id="1")])
def test_a_pipeline_does_not_record(tmp_path: Path, args: tuple[str, ...], value: str) -> None:
    """Where CI is set, recording modes end with exit code 2 and name the flag that allows them."""
    ended = run(tmp_path, *args, *FREE_PORTS, env={"CI": value})
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: mode: ")
    assert "--allow-record-in-ci" in ended.stderr
    assert not (tmp_path / "cassettes").exists()


@pytest.mark.parametrize(
    ("args", "env"),
    [
        pytest.param((*RECORDING, "--allow-record-in-ci"), {}, id="record-allowed-by-flag"),
        pytest.param((*AUTO, "--allow-record-in-ci"), {}, id="auto-allowed-by-flag"),
        pytest.param(RECORDING, {"RUNPROXY_ALLOW_RECORD_IN_CI": "true"}, id="record-allowed-by-variable"),
        pytest.param(("replay",), {}, id="replay"),
        pytest.param(("serve", "--mode", "passthrough", *UNUSED_UPSTREAM), {}, id="passthrough"),
    ],
)
def test_what_starts_in_a_pipeline(tmp_path: Path, args: tuple[str, ...], env: dict[str, str]) -> None:
    """What does not record, and what was allowed to, starts where CI=true."""
    with serving(tmp_path, *args, env={"CI": "true", **env}) as server:
        assert fetch(f"{server.admin_url}/healthz").status == 200


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("record",), id="record"),
        pytest.param(("serve", "--mode", "auto"), id="auto"),
        pytest.param(("serve", "--mode", "passthrough"), id="passthrough"),
    ],
)
def test_what_forwards_needs_an_upstream(tmp_path: Path, args: tuple[str, ...]) -> None:
    """Without an upstream the start ends with exit code 2, and tells the flag and what works without one."""
    ended = run(tmp_path, *args, *FREE_PORTS)
    assert ended.returncode == 2
    for text in ("upstream: ", "--upstream https://host/v1", "runproxy replay", "runproxy sandbox"):
        assert text in ended.stderr


@pytest.mark.parametrize(
    ("args", "env", "cassette"),
    [
        pytest.param((), {}, "file", id="file"),
        pytest.param((), {"RUNPROXY_CASSETTE": "variable"}, "variable", id="variable-over-file"),
        pytest.param(("--cassette", "flag"), {"RUNPROXY_CASSETTE": "variable"}, "flag", id="flag-over-both"),
        pytest.param(("--cassette", "flag"), {}, "flag", id="flag-over-file"),
        pytest.param(("--config", "other.toml"), {}, "other", id="another-file"),
    ],
)
def test_a_flag_beats_a_variable_beats_the_file(
    tmp_path: Path, args: tuple[str, ...], env: dict[str, str], cassette: str
) -> None:
    """The nearer source wins, setting by setting: what only the file says stays in force."""
    put_cassette(tmp_path, "file", "variable", "flag", "other")
    for name, default in (("runproxy.toml", "file"), ("other.toml", "other")):
        text = f'[cassettes]\ndefault = "{default}"\n[log]\nlevel = "debug"\n[limits]\nmax_body_bytes = 100\n'
        (tmp_path / name).write_text(text, encoding="utf-8")
    with serving(tmp_path, "replay", *args, env=env) as server:
        assert fetch(f"{server.admin_url}/api/status").json()["cassette"] == cassette
        assert call(server.ready["base_url"], f'{{"metadata": {{"k": "{"x" * 100}"}}}}').status == 413


def test_the_file_that_init_writes_changes_nothing(tmp_path: Path) -> None:
    """With every default written out, replay starts as it does without a file: its default cassette may be absent."""
    assert run(tmp_path, "config", "init").returncode == 0
    with serving(tmp_path, "replay") as server:
        assert "(not there yet)" in server.stderr()


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    """RUNPROXY_CONFIG names the settings file, and a file that is not there is told."""
    ended = run(tmp_path, "replay", *FREE_PORTS, env={"RUNPROXY_CONFIG": "absent.toml"})
    assert (ended.returncode, ended.stderr) == (2, "Error: absent.toml: cannot be read: No such file or directory.\n")


def test_an_address_that_is_none_is_told(tmp_path: Path) -> None:
    """A host that cannot be listened on is told without guessing at another process."""
    ended = run(tmp_path, "replay", *FREE_PORTS, "--host", "256.1.1.1")
    assert ended.returncode == 2
    assert "Cannot listen on 256.1.1.1:0" in ended.stderr
    assert "Is another runproxy running?" not in ended.stderr


def test_a_mistake_on_the_command_line_names_the_flag(tmp_path: Path) -> None:
    """A value that only the settings can judge is told by the name that was typed."""
    ended = run(tmp_path, "replay", *FREE_PORTS, "--drain-timeout", "-1")
    assert ended.returncode == 2
    assert "--drain-timeout: Input should be greater than 0" in ended.stderr


def test_a_mistake_in_the_file_is_told_as_one_of_the_file(tmp_path: Path) -> None:
    """Even where a flag says otherwise, what is wrong in the file ends the start with its path and exit code 2."""
    (tmp_path / "runproxy.toml").write_text('[cassettes]\non_exhausted = "never"\n', encoding="utf-8")
    ended = run(tmp_path, "replay", "--on-exhausted", "last", *FREE_PORTS)
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: runproxy.toml: cassettes.on_exhausted: ")


def test_the_admin_address_tells_health_readiness_and_status(tmp_path: Path) -> None:
    """All three answer as JSON, and the status counts the calls by outcome."""
    put_cassette(tmp_path, "held")
    with serving(tmp_path, "replay", "--cassette", "held") as server:
        assert fetch(f"{server.admin_url}/healthz").json() == {"status": "ok"}
        assert fetch(f"{server.admin_url}/readyz").json() == {"status": "ready"}
        call(server.ready["base_url"])
        call(server.ready["base_url"], '{"metadata": {"user_id": "another"}}')
        call(server.ready["base_url"], '{"metadata": {"user_id": 1}}')
        answer = fetch(f"{server.admin_url}/api/status")
        assert answer.headers["Content-Type"] == "application/json"
        told = answer.json()
        assert told.pop("cassettes_played").keys() == {"held"}  # with the time of the last use
        assert told == {
            "mode": "replay",
            "upstream": None,
            "cassette": "held",
            "cassette_dir": str((tmp_path / "cassettes").resolve()),
            "cassettes_in_use": ["held"],
            "rules": {"guarded": ["modify_run"], "other_routes": "forward", "policy": "none", "teams": []},
            "sessions": 0,
            "live": 0,
            "url": server.url,
            "audit": None,
            "calls": {"replayed": 1, "miss": 1, "refused": 1},
            "pid": server.pid,
        }
        assert server.stop() == 0
        assert "Stopped: 1 miss, 1 refused, 1 replayed; everything acknowledged is on file." in server.stderr()


def test_the_reference_call_is_answered_from_the_quickstart_cassette(tmp_path: Path) -> None:
    """The curl call of the API reference gets the recorded run, byte for byte, with no upstream anywhere."""
    with serving(tmp_path, "replay", "--cassette", "quickstart", "--dir", str(QUICKSTART.parent)) as server:
        answer = call(server.ready["base_url"])
    recorded = json.loads(QUICKSTART.read_text(encoding="utf-8"))["interactions"][0]["response"]["body"]["json"]
    assert (answer.status, answer.headers["X-Runproxy-Outcome"]) == (200, "replayed")
    assert answer.body == json.dumps(recorded, indent=2).encode()
    assert answer.json()["metadata"] == {"user_id": "user_abc123"}


def test_what_is_recorded_from_the_sandbox_is_replayed_without_it(tmp_path: Path) -> None:
    """The three commands of the documentation, as three processes: sandbox, record, and replay once both have gone."""
    with serving(tmp_path, "sandbox", "--repeatable") as sandbox:
        with serving(tmp_path, "record", "--upstream", f"{sandbox.url}/v1", "--cassette", "first") as recorder:
            recorded = call(recorder.ready["base_url"])
            assert recorder.stop() == 0
        assert sandbox.stop() == 0
        assert "Stopped: 1 call answered." in sandbox.stderr()
    with serving(tmp_path, "replay", "--cassette", "first") as player:
        replayed = call(player.ready["base_url"])
    assert (recorded.status, recorded.headers["X-Runproxy-Outcome"]) == (200, "recorded")
    assert (replayed.status, replayed.body) == (recorded.status, recorded.body)
    assert recorded.json()["created_at"] == 1_699_075_072


@pytest.mark.parametrize(
    ("args", "credential", "status"),
    [
        pytest.param((), "anything", 200, id="any-key"),
        pytest.param(("--api-key", "right-key"), "right-key", 200, id="right-key"),
        pytest.param(("--api-key", "right-key"), "wrong-key", 401, id="wrong-key"),
    ],
)
def test_the_sandbox_takes_the_key_it_was_given(
    tmp_path: Path, args: tuple[str, ...], credential: str, status: int
) -> None:
    """With --api-key it takes that key only, without it any."""
    headers = {"Authorization": f"Bearer {credential}", "OpenAI-Beta": "assistants=v2"}
    with serving(tmp_path, "sandbox", *args) as server:
        assert fetch(f"{server.ready['base_url']}{CALL}", headers=headers).status == status


def test_two_repeatable_sandboxes_give_the_same_bytes(tmp_path: Path) -> None:
    """With --repeatable the answer to the same call is the same in every process, its headers but the date too."""
    headers = {"Authorization": "Bearer any", "OpenAI-Beta": "assistants=v2"}

    def answered() -> tuple[bytes, list[tuple[str, str]]]:
        with serving(tmp_path, "sandbox", "--repeatable", "--active-polls", "1") as server:
            answer = fetch(f"{server.ready['base_url']}{CALL}", headers=headers)
        return answer.body, [pair for pair in answer.headers.items() if pair[0] != "Date"]

    first, second = answered(), answered()
    assert first == second
    assert json.loads(first[0])["status"] == "in_progress"


def test_another_parser_is_refused(tmp_path: Path) -> None:
    """Where aiohttp would parse in Python, runproxy does not start, and says what to unset."""
    ended = run(tmp_path, "replay", *FREE_PORTS, env={"AIOHTTP_NO_EXTENSIONS": "1"})
    assert ended.returncode == 2
    assert "AIOHTTP_NO_EXTENSIONS" in ended.stderr


@pytest.mark.parametrize("place", ["/", "."])
def test_a_ready_file_that_is_no_file_is_told(tmp_path: Path, place: str) -> None:
    """A name that no file can have ends the start with a message, not with a trace."""
    ended = run(tmp_path, "replay", *FREE_PORTS, "--ready-file", place)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith("Error: Cannot write the ready file ")


@pytest.mark.parametrize("host", ["a" * 70 + ".x", ""], ids=["long-label", "empty"])
def test_a_host_that_is_no_name_is_told(tmp_path: Path, host: str) -> None:
    """Nothing is guessed for a host that cannot be one."""
    ended = run(tmp_path, "replay", *FREE_PORTS, "--host", host)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_an_upstream_that_is_the_proxy_itself_is_refused(tmp_path: Path) -> None:
    """Calls would be forwarded without end; the start ends instead."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    ended = run(
        tmp_path,
        "serve",
        "--mode",
        "passthrough",
        "--upstream",
        f"http://localhost:{port}/v1",
        "--port",
        str(port),
        "--admin-port",
        "0",
    )
    assert ended.returncode == 2
    assert "this proxy itself" in ended.stderr


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param('"2024-11-04', '"0001-01-01T00:00:00+14:00", "x": "', "no-such", id="unknown-member"),
        pytest.param("2024-11-04T00:00:00.000Z", "0001-01-01T00:00:00+14:00", "out of range", id="date"),
        pytest.param('"id": "run_abc123"', f'"id": {"[" * 300}{"]" * 300}', "nested deeper", id="depth"),
        pytest.param('["openai-version"', '["content-length"', "no header about", id="length"),
        pytest.param('"status": 200', '"status": 204', "has no body", id="body-of-204"),
    ],
)
def test_no_hand_edited_cassette_ends_in_a_trace(tmp_path: Path, old: str, new: str, told: str) -> None:
    """What cannot be played is told with file and place, by every command that reads it."""
    put_cassette(tmp_path, "edited", old=old, new=new)
    for args in (("cassette", "show", "edited"), ("replay", "--cassette", "edited", *FREE_PORTS)):
        ended = run(tmp_path, *args)
        assert ended.returncode == 2
        assert "cassettes/edited.json: interactions[0]" in ended.stderr
        assert told == "no-such" or told in ended.stderr
        assert "Traceback" not in ended.stderr
