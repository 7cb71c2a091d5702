"""The upstream client: what passes, what does not, and what its failures become."""

import asyncio
import json
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from runproxy.errors import ConfigError
from runproxy.messages import Request, Response, make_headers
from runproxy.upstream import Address
from tests.parts import ADDRESS, HEADERS, ScriptedUpstream, answer, ask, echo, modify, proxy, raw_exchange, serving


@pytest.mark.parametrize(
    ("text", "origin", "base_path"),
    [
        pytest.param("https://host/v1", "https://host", "/v1", id="plain"),
        pytest.param("https://host/v1/", "https://host", "/v1", id="trailing-slash"),
        pytest.param("http://127.0.0.1:8789", "http://127.0.0.1:8789", "", id="no-path"),
        pytest.param("https://host/api/projects/p%20q", "https://host", "/api/projects/p%20q", id="encoded-prefix"),
        pytest.param("http://[::1]:9/v1", "http://[::1]:9", "/v1", id="ipv6"),
    ],
)
def test_a_base_url_is_taken_apart(text: str, origin: str, base_path: str) -> None:
    """Origin and base path are what the address is composed of."""
    assert Address.parse(text) == Address(origin, base_path)


@pytest.mark.parametrize(
    "text",
    ["host/v1", "ftp://host/v1", "https://", "https://user:secret@host/v1", "https://host/v1?key=x", "http://h:x"],
)
def test_what_is_no_base_url_is_refused_without_repeating_a_secret(text: str) -> None:
    """The error says what was expected."""
    with pytest.raises(ConfigError, match="base URL") as refused:
        Address.parse(text)
    assert "secret" not in str(refused.value)


async def test_what_passes_and_what_does_not(tmp_path: Path) -> None:
    """End-to-end headers pass; hop-by-hop ones, overrides and runproxy's own do not; Host is the upstream's."""
    upstream = ScriptedUpstream(make=echo)
    headers = [
        *HEADERS,
        ("X-Custom", "1"),
        ("X-Custom", "2"),
        ("Connection", "keep-alive"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Proxy-Authorization", "Basic eA=="),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Original-URL", "/v1/other"),
        ("X-Rewrite-URL", "/v1/other"),
        ("X-Forwarded-Uri", "/v1/other"),
        ("X-Runproxy-Cassette", "tape"),
        ("Accept-Encoding", "gzip"),
    ]
    async with serving(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as passing:
        await ask(passing.url, modify({"a": "b"}, headers=headers))
    seen = upstream.seen[0].headers
    assert {name.lower() for name in seen} == {
        "host",
        "content-type",
        "authorization",
        "openai-beta",
        "x-custom",
        "accept-encoding",
        "content-length",
        "via",
    }
    assert seen["Via"] == "1.1 runproxy"
    assert seen.getall("X-Custom") == ["1", "2"]
    assert seen["Accept-Encoding"] == "gzip"
    assert seen["Host"] == base_url.removeprefix("http://").removesuffix("/v1")


async def test_the_canonical_body_is_forwarded(tmp_path: Path) -> None:
    """What the upstream gets was printed by runproxy, whatever way the client wrote it."""
    upstream = ScriptedUpstream(make=echo)
    body = b'{ "metadata" : {"\\u0061": "\\u00e9" } }\n'
    async with serving(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as passing:
        await ask(passing.url, Request("POST", ADDRESS, make_headers(HEADERS), body))
    assert upstream.seen[0].body == '{"metadata":{"a":"é"}}'.encode()


async def test_a_redirect_passes_and_is_not_followed(tmp_path: Path) -> None:
    """The client decides what to do with a redirect."""
    moved = Response(307, make_headers([("Location", "/v1/elsewhere")]))
    upstream = ScriptedUpstream(moved)
    async with serving(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as passing:
        (got,) = await ask(passing.url, modify())
    assert (got.status, got.headers["Location"]) == (307, "/v1/elsewhere")
    assert len(upstream.seen) == 1


async def test_cookies_are_not_shared_between_calls(tmp_path: Path) -> None:
    """A cookie that the upstream sets for one caller is not sent with the next call."""
    upstream = ScriptedUpstream(make=lambda _: Response(200, make_headers([("Set-Cookie", "a=secret-cookie")]), b"{}"))
    async with serving(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as passing:
        await ask(passing.url, modify(), modify())
    assert all("Cookie" not in request.headers for request in upstream.seen)


async def test_an_unreachable_upstream_is_502_and_leaves_no_recording(tmp_path: Path) -> None:
    """The answer has the service's shape, says what to look at, and nothing is written."""
    async with serving(ScriptedUpstream()) as base_url:
        pass
    async with proxy(tmp_path, "record", base_url) as recording:
        (got,) = await ask(recording.url, modify())
    error = json.loads(got.body)["error"]
    assert (got.status, error["code"]) == (502, "upstream_unreachable")
    assert "is its base URL right" in error["message"]
    assert not (tmp_path / "default.json").exists()


async def test_a_slow_upstream_is_504(tmp_path: Path) -> None:
    """After the configured time the client gets an answer, and nothing is recorded."""

    async def never(_: Request) -> Response:
        await asyncio.sleep(30)
        return answer({})

    upstream = ScriptedUpstream(make=never)
    async with (
        serving(upstream) as base_url,
        proxy(tmp_path, "record", base_url, limits={"upstream_s": 0.2}) as recording,
    ):
        (got,) = await ask(recording.url, modify())
    assert (got.status, json.loads(got.body)["error"]["code"]) == (504, "upstream_timeout")
    assert not (tmp_path / "default.json").exists()


async def test_an_answer_that_breaks_off_is_502_and_leaves_no_recording(tmp_path: Path) -> None:
    """Half an answer is not passed on as a whole one, nor recorded."""

    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(break_off, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, proxy(tmp_path, "record", f"http://127.0.0.1:{port}/v1") as recording:
        (got,) = await ask(recording.url, modify())
    assert (got.status, json.loads(got.body)["error"]["code"]) == (502, "upstream_disconnected")
    assert not (tmp_path / "default.json").exists()


async def test_a_header_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 in a header are told of, and nothing else is sent in their place."""
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as recording:
        sent = f"GET {ADDRESS} HTTP/1.1\r\nHost: x\r\nX-Name: ".encode() + b"\xe9\r\n\r\n"
        received = await raw_exchange(recording.url, sent)
    assert b'"code": "invalid_header"' in received
    assert upstream.seen == []


async def test_an_answers_header_that_is_no_text_passes_and_is_recorded(tmp_path: Path) -> None:
    """Odd bytes in an answer's header reach the client as they are, and do not spoil the recording."""
    upstream = ScriptedUpstream(Response(200, make_headers([("Content-Type", "text/\udce9")]), b"{}"))
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as recording:
        received = await raw_exchange(recording.url, f"GET {ADDRESS} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert b"Content-Type: text/\xe9\r\n" in received
    assert b"x-runproxy-outcome: recorded" in received


async def test_an_underscore_does_not_carry_an_override_past(tmp_path: Path) -> None:
    """Servers that read underscores as dashes see no method and no address but the ones that were checked."""
    upstream = ScriptedUpstream(make=echo)
    headers = [("X_HTTP_Method_Override", "POST"), ("X_Original_URL", "/v1/threads/t/runs/r"), ("X_Kept", "1")]
    async with serving(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as passing:
        await ask(passing.url, Request("GET", ADDRESS, make_headers(headers)))
    names = {name.lower() for name in upstream.seen[0].headers}
    assert names == {"host", "x_kept", "accept-encoding", "via"}


@pytest.mark.parametrize("target", ["/v1/../admin", "/v1/..%2fadmin", "/v1/%2e%2e/x"])
async def test_the_base_path_cannot_be_left(tmp_path: Path, target: str) -> None:
    """Dots that climb out of the base path reach no upstream, whatever the method."""
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as passing:
        for method in ("GET", "POST"):
            received = await raw_exchange(passing.url, f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert b"outside_base_path" in received
    assert upstream.seen == []


@pytest.mark.parametrize("first_line", [b"HTTP/1.1 101 Switching Protocols", b"HTTP/1.1 600 Odd", b"nonsense"])
async def test_an_odd_answer_spoils_no_recording(tmp_path: Path, first_line: bytes) -> None:
    """What is no final answer, or none that a cassette can hold, is answered somehow and not recorded."""

    async def odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(first_line + b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(odd, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, proxy(tmp_path, "record", f"http://127.0.0.1:{port}/v1") as recording:
        (got,) = await ask(recording.url, modify())
    assert got.headers["x-runproxy-outcome"] in ("unrecorded", "failed")
    assert not (tmp_path / "default.json").exists()


async def test_the_length_of_head_passes(tmp_path: Path) -> None:
    """HEAD tells the length that GET would have."""
    upstream = ScriptedUpstream(Response(200, make_headers([("Content-Length", "1234")])))
    async with serving(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as passing:
        received = await raw_exchange(passing.url, f"HEAD {ADDRESS} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert b"Content-Length: 1234\r\n" in received


FORWARDED = [("Forwarded", "for=1.2.3.4"), ("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "https")]


@pytest.mark.parametrize(("trusted", "passed"), [([], 0), (["10.0.0.0/8"], 0), (["127.0.0.0/8"], 3)])
async def test_whom_a_call_is_forwarded_for_is_taken_from_trusted_peers_only(
    tmp_path: Path, trusted: list[str], passed: int
) -> None:
    """Anybody can write such a header; it says something only where a proxy of one's own has written it."""
    upstream, rules = ScriptedUpstream(make=echo), {"attribution": {"trusted_networks": trusted}}
    async with serving(upstream) as base_url, proxy(tmp_path, "passthrough", base_url, rules=rules) as on:
        await ask(on.url, modify({"a": "b"}, headers=[*HEADERS, *FORWARDED]))
    names = {name.lower() for name in upstream.seen[0].headers}
    assert len(names & {"forwarded", "x-forwarded-for", "x-forwarded-proto"}) == passed


async def test_a_call_that_was_sent_may_have_done_something(tmp_path: Path) -> None:
    """An upstream that fails after that says so; one that was never reached does not."""

    async def stall(_: Request) -> Response:
        await asyncio.sleep(5)
        return answer({})

    async with (
        serving(ScriptedUpstream(make=stall)) as base_url,
        proxy(tmp_path, "passthrough", base_url, limits={"upstream_s": 0.2}) as on,
    ):
        (late,) = await ask(on.url, modify({"a": "b"}))
    async with proxy(tmp_path, "passthrough", "http://127.0.0.1:9/v1") as on:
        (unreached,) = await ask(on.url, modify({"a": "b"}))
    assert (late.status, late.headers.get("x-runproxy-upstream-outcome")) == (504, "unknown")
    assert (unreached.status, unreached.headers.get("x-runproxy-upstream-outcome")) == (502, None)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets connections wait where nobody accepts them")
async def test_an_upstream_that_accepts_no_connection_was_sent_nothing(tmp_path: Path) -> None:
    """504 as for one that answers too late, but it cannot have acted on the call."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(2):  # they fill the queue, and the system passes over any further one
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        async with proxy(tmp_path, "passthrough", url, limits={"connect_s": 0.3}) as on:
            (got,) = await ask(on.url, modify({"a": "b"}))
    assert (got.status, got.headers.get("x-runproxy-upstream-outcome")) == (504, None)
    assert "did not accept a connection in time" in json.loads(got.body)["error"]["message"]
