"""Flow files of mitmproxy: what is read, what is left out, and that hostile files end in an error of ours."""

import asyncio
import gzip
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runproxy.cassettes import Interaction
from runproxy.errors import CorruptCassette, SecretFound, UnknownFormat
from runproxy.exchange.har_reader import read_har
from runproxy.exchange.imported import Import
from runproxy.exchange.mitmproxy import read_mitmproxy
from runproxy.exchange.tnetstring import read_elements
from runproxy.messages import Request, Response, make_headers
from runproxy.redaction import WriteGate
from tests.exchange.cassettes import NOW, TEXT
from tests.parts import ScriptedUpstream, serving

ROOT = Path(__file__).parents[2]
CREDENTIAL = "made-up-credential-0123456789"


def written(value: Any) -> bytes:
    """Write a value as mitmproxy does."""
    match value:
        case bytes():
            data, tag = value, b","
        case str():
            data, tag = value.encode(), b";"
        case bool():
            data, tag = str(value).lower().encode(), b"!"
        case int():
            data, tag = str(value).encode(), b"#"
        case float():
            data, tag = repr(value).encode(), b"^"
        case None:
            data, tag = b"", b"~"
        case dict():
            data, tag = b"".join(written(name) + written(held) for name, held in value.items()), b"}"
        case _:
            data, tag = b"".join(map(written, value)), b"]"
    return b"%d:%b%b" % (len(data), data, tag)


def flow(request: dict[str, Any] | None = None, response: Any = (), **more: Any) -> dict[str, Any]:
    """Make a flow as mitmproxy 11 writes it, with some members replaced."""
    sent = {
        "http_version": b"HTTP/2.0", "headers": [[b"content-type", b"application/json"]], "content": b"{}",
        "trailers": None, "timestamp_start": 1730715072.25, "timestamp_end": 1730715072.5, "host": "h.test",
        "port": 443, "method": b"POST", "scheme": b"https", "authority": b"", "path": b"/v1/x",
    }  # fmt: skip
    got: dict[str, Any] = {
        "http_version": b"HTTP/2.0", "headers": [], "content": b"{}", "trailers": None, "status_code": 200,
        "timestamp_start": 1730715072.75, "timestamp_end": 1730715073.0, "reason": b"OK",
    }  # fmt: skip
    return {
        "version": 21,
        "type": "http",
        "error": None,
        "websocket": None,
        "client_conn": {"certificate_list": [b"\0\xff"], "tls": True},
        "request": {**sent, **(request or {})},
        "response": None if response is None else {**got, **dict(response)},
        **more,
    }


def read(*flows: Any, gate: WriteGate | None = None) -> Import:
    """Read a file of these flows."""
    return read_mitmproxy(b"".join(map(written, flows)), "recorded.flow", gate or WriteGate(), NOW)


def test_a_flow() -> None:
    """Address, kept headers, bodies, date and time are read; credentials are not, and the gate has learnt them."""
    gate = WriteGate()
    headers = [[b"Content-Type", b"application/json"], [b"Authorization", f"Bearer {CREDENTIAL}".encode()]]
    sent = {"headers": headers, "content": b'{"metadata":null}', "path": b"/v1/x?key=0123456789", "port": 8443}
    got = {"headers": [[b"Content-Encoding", b"gzip"]], "content": gzip.compress(b'{"id":1}'), "status_code": 201}
    found = read(flow(sent, got), gate=gate)
    (interaction,) = found.interactions
    assert interaction == Interaction(
        Request(
            "POST", "/v1/x?key=REDACTED", make_headers([("content-type", "application/json")]), b'{"metadata":null}'
        ),
        Response(201, make_headers(), b'{"id":1}', coding="gzip"),
        datetime(2024, 11, 4, 10, 11, 12, 250_000, UTC),
        750,
    )
    assert (found.hosts, found.decoded, found.redacted, found.undated) == ({"h.test:8443"}, 1, 1, 0)
    with pytest.raises(SecretFound):
        gate.inspect("body", CREDENTIAL.encode())


@pytest.mark.parametrize("version", [4, 7, 9, 20, 21])
def test_every_known_version_is_read(version: int) -> None:
    """What is read stands alike in all of them; hosts are bytes in older ones."""
    found = read(flow({"host": b"h.test"}, version=version))
    assert (len(found.interactions), found.hosts) == (1, {"h.test"})


@pytest.mark.parametrize("version", [3, 22, [0, 18], [3, 0, 0], "new", None, 10**60], ids=repr)
def test_any_other_version_is_told(version: Any) -> None:
    """The message says which flow, which versions are known, and how to come by a HAR instead."""
    with pytest.raises(UnknownFormat) as caught:
        read(flow(), flow(version=version))
    assert caught.value.message.startswith("recorded.flow: flow 1: version ")
    assert "of the flow format was found, 4 to 21 are known." in caught.value.message
    assert "--set hardump=" in caught.value.message


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        pytest.param(flow(type="tcp"), "it is tcp and no HTTP", id="tcp"),
        pytest.param(flow(type="dns"), "it is dns and no HTTP", id="dns"),
        pytest.param(flow(response=None), "it has no answer; it was aborted or still under way", id="aborted"),
        pytest.param(flow(error={"msg": "killed"}), "its answer broke off", id="broke-off"),
        pytest.param(flow({"method": b"CONNECT"}), "it opened a tunnel and is no call", id="tunnel"),
        pytest.param(
            flow(response={"status_code": 101}, websocket={}),
            "its status 101 is none of a final answer",
            id="websocket",
        ),
        pytest.param(flow({"content": None}), "the body of its request was not saved", id="no-request-body"),
        pytest.param(
            flow(response={"content": None}), "the body of its answer was not saved; it was streamed", id="streamed"
        ),
        pytest.param(
            flow({"path": b"*"}),
            "request.path: a path starts with '/' and holds no '?', no '#' and no white space, "
            "so no cassette can hold it",
            id="no-path",
        ),
    ],
)
def test_what_cannot_be_replayed_is_left_out(stored: dict[str, Any], reason: str) -> None:
    """The flow is named with the reason, and those around it are read."""
    found = read(flow(), stored, flow())
    assert [text.removeprefix("flow 1").lstrip(":. ") for text in found.left_out] == [reason]
    assert found.places == ["flow 0", "flow 2"]


@pytest.mark.parametrize("start", [None, 0.0, 1e30, -1e30], ids=repr)
def test_a_flow_without_a_date(start: float | None) -> None:
    """It gets the moment of the import."""
    found = read(flow({"timestamp_start": start}))
    assert (found.interactions[0].recorded_at, found.undated) == (NOW, 1)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        pytest.param(b"x", "offset 0: the length of", id="no-length"),
        pytest.param(b":,", "offset 0: the length of", id="empty-length"),
        pytest.param(b"9" * 99 + b":", "offset 0: the length", id="long-length"),
        pytest.param(b"9:ab,", "offset 0: the file ends", id="cut-off"),
        pytest.param(b"8:9:a,b,c,}", "offset 2: the file ends", id="cut-off-inside"),
        pytest.param(b"999999999999:", "offset 0: an element of 999999999999 bytes is larger than", id="too-large"),
        pytest.param(b"1:a?", "offset 0: an element does not hold", id="unknown-tag"),
        pytest.param(b"1:a#", "offset 0: an element does not hold", id="no-number"),
        pytest.param(b"99:" + b"9" * 99 + b"#", "offset 0: an", id="long-number"),
        pytest.param(b"1:\xff;", "offset 0: an element does not", id="no-utf-8"),
        pytest.param(b"3:yes!", "offset 0: an element does not", id="no-boolean"),
        pytest.param(b"1:a~", "offset 0: an element does not", id="no-nothing"),
        pytest.param(b"8:1:1#1:2#}", "offset 2: the name", id="number-as-name"),
        pytest.param(b"4:1:a,}", "offset 6: the length", id="name-alone"),
        pytest.param(b"3:1:a]", "offset ", id="item-cut-off"),
        pytest.param(written([[[]]]), "flow 0: no flow of mitmproxy: an object with a 'version'", id="list"),
        pytest.param(written({}), "flow 0: no flow of mitmproxy: an object with a 'version'", id="no-version"),
        pytest.param(written(flow(type="new")), "flow 0: type: Input should be 'http'.", id="type"),
        pytest.param(written(flow(type=[])), "flow 0: type: Input should be 'http'.", id="type-list"),
        pytest.param(written({"version": 21, "type": "http"}), "flow 0: request: Field required.", id="no-request"),
        pytest.param(written(flow({"headers": [[b"a"]]})), "flow 0: request.headers.0", id="header"),
        pytest.param(written(flow(response={"status_code": "fine"})), "flow 0: response.status_code: ", id="status"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_with_its_place(data: bytes, told: str) -> None:
    """The message starts with the file, and names the offset, or the flow and the member."""
    with pytest.raises(CorruptCassette) as caught:
        read_mitmproxy(data, "recorded.flow", WriteGate(), NOW)
    message = caught.value.message.removeprefix("recorded.flow: ")
    assert message.removeprefix("cannot be read as a flow file of mitmproxy: ").startswith(told)


def test_nesting_is_bounded() -> None:
    """An element far below others is refused before the reader runs out of stack."""
    data = b"0:]"
    for _ in range(5000):
        data = b"%d:%b]" % (len(data), data)
    with pytest.raises(ValueError, match="nested deeper than 32 levels"):
        list(read_elements(data))


NUMBERS = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.binary(max_size=9) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(VALUES, max_size=3))
def test_what_is_written_is_read(values: list[Any]) -> None:
    """Every kind of element, as deep as they stand, is read as it was."""
    assert list(read_elements(b"".join(map(written, values)))) == values


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
@example(b"")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Whatever a file holds, the outcome is an import or an error of ours."""
    try:
        read_mitmproxy(data, "x", WriteGate(), NOW)
    except (CorruptCassette, UnknownFormat):
        return


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([None, "request", "response"]),
    st.sampled_from([*flow(), *flow()["request"], *flow()["response"]]),
    VALUES,
)
@example("request", "path", b"\x80")
def test_any_value_in_a_flow_is_read_or_refused(holder: str | None, name: str, value: Any) -> None:
    """Neither is anything else raised for a flow with one odd member."""
    stored = flow()
    (stored[holder] if holder else stored)[name] = value
    try:
        found = read(stored)
    except (CorruptCassette, UnknownFormat):
        return
    assert len(found.interactions) + len(found.left_out) == 1


def mitmdump() -> str:
    """Find the program of mitmproxy, or skip."""
    own = ROOT / ".venv-mitmproxy" / "bin" / "mitmdump"
    found = str(own) if own.exists() else shutil.which("mitmdump")
    if found is None:
        pytest.skip("there is no mitmdump on the PATH or in .venv-mitmproxy; pip install 'mitmproxy>=11' there")
    return found


@asynccontextmanager
async def mitmproxy(folder: Path) -> AsyncIterator[str]:
    """Run mitmproxy, give its address, and let it write out.flow and out.har at the end."""
    args = ["--listen-host", "127.0.0.1", "-p", "0", "-w", "out.flow", "--set", "hardump=out.har"]
    args += ["--set", f"confdir={folder}"]
    at_once = {**os.environ, "PYTHONUNBUFFERED": "1"}  # or its line on where it listens stays in a buffer
    process = await asyncio.create_subprocess_exec(
        mitmdump(), *args, cwd=folder, stdout=asyncio.subprocess.PIPE, env=at_once
    )
    assert process.stdout
    try:
        async with asyncio.timeout(60):
            while not (told := re.search(rb"listening at (\S+:\d+)", await process.stdout.readline())):
                assert process.returncode is None
        yield f"http://{told[1].decode()}"
    finally:
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.communicate(), 30)


def upstream_answer(request: Request) -> Response:
    """Answer compressed to a POST, and with bytes to anything else."""
    if request.method == "POST":
        headers = make_headers([("Content-Type", "application/json"), ("Content-Encoding", "gzip")])
        return Response(200, headers, gzip.compress(b'{"echo":' + request.body + b"}"))
    return Response(404, make_headers([("Content-Type", "image/png")]), bytes(range(128, 256)))


@pytest.mark.mitmproxy
async def test_what_mitmproxy_writes_is_read(tmp_path: Path) -> None:
    """A flow file and a HAR of the same calls, written by mitmproxy itself, give the same recordings."""
    calls = (("POST", '{"metadata":{"a":"é"}}'.encode()), ("GET", None), ("POST", b"{}"))
    async with (
        serving(ScriptedUpstream(make=upstream_answer)) as base,
        mitmproxy(tmp_path) as address,
        aiohttp.ClientSession() as session,
    ):
        for method, data in calls:
            async with session.request(method, f"{base}/x?a=%20b&key=0123456789", data=data, proxy=address) as answer:
                await answer.read()
        async with session.get("http://127.0.0.1:1/refused", proxy=address) as answer:
            assert answer.status == 502
    flows = read_mitmproxy((tmp_path / "out.flow").read_bytes(), "x", WriteGate(), NOW)
    hars = read_har((tmp_path / "out.har").read_bytes(), "x", WriteGate(), NOW)
    seen = [(held.request, held.response) for held in flows.interactions]
    assert [request.body for request, _ in seen] == ['{"metadata":{"a":"é"}}'.encode(), b"", b"{}"]
    assert {request.target for request, _ in seen} == {"/v1/x?a=%20b&key=REDACTED"}
    assert [response.body for _, response in seen] == [
        '{"echo":{"metadata":{"a":"é"}}}'.encode(),
        bytes(range(128, 256)),
        b'{"echo":{}}',
    ]
    assert seen == [(held.request, held.response) for held in hars.interactions]
    assert (len(flows.left_out), len(hars.left_out), flows.undated, flows.decoded) == (1, 1, 0, 2)
