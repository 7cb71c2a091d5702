"""The edge over raw sockets: what is refused before anything reads it, and what state the connection is left in."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runproxy.messages import Response, make_headers
from tests.parts import ADDRESS, ScriptedUpstream, answer, proxy, raw_exchange, serving

GOOD_BODY = b'{"metadata":{"a":"b"}}'


def raw(
    *headers: str, line: str = f"POST {ADDRESS} HTTP/1.1", body: bytes = GOOD_BODY, host: str = "Host: localhost"
) -> bytes:
    """Write a request by hand; without other headers, one that is accepted."""
    chosen = headers or ("Content-Type: application/json", f"Content-Length: {len(body)}")
    head = "".join(f"{text}\r\n" for text in (line, host, *chosen) if text)
    return head.encode() + b"\r\n" + body


JSON_LENGTH = ("Content-Type: application/json", f"Content-Length: {len(GOOD_BODY)}")


@pytest.fixture
async def upstream() -> ScriptedUpstream:
    """Give an upstream that accepts everything."""
    return ScriptedUpstream(make=lambda _: answer({"id": "run_abc123"}))


@pytest.fixture
async def url(tmp_path: Path, upstream: ScriptedUpstream) -> AsyncIterator[str]:
    """Give the origin of a passthrough proxy in front of the upstream."""
    async with (
        serving(upstream) as base_url,
        proxy(tmp_path, "passthrough", base_url, limits={"max_body_bytes": 100_000}) as running,
    ):
        yield running.url


def statuses(received: bytes) -> list[int]:
    """Read the status of every answer on a connection."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


async def test_a_plain_call_passes(url: str, upstream: ScriptedUpstream) -> None:
    """The request all others here are made from is accepted."""
    assert statuses(await raw_exchange(url, raw())) == [200]
    assert len(upstream.seen) == 1


CHUNKED = b"16\r\n" + GOOD_BODY + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(raw(line=f"POST {ADDRESS} HTTP/2.0"), id="http-2.0"),
        pytest.param(raw(line=f"POST {ADDRESS} HTTP/1.2"), id="http-1.2"),
        pytest.param(raw(line=f"POST {ADDRESS}"), id="no-version"),
        pytest.param(raw(line=f"POST http://evil{ADDRESS} HTTP/1.1"), id="absolute-form"),
        pytest.param(raw(line=f"POST {ADDRESS}#fragment HTTP/1.1"), id="fragment"),
        pytest.param(raw(line=f"POST {ADDRESS}%2Fcancel HTTP/1.1"), id="encoded-slash"),
        pytest.param(raw(line=f"POST /v1/x/..{ADDRESS[3:]} HTTP/1.1"), id="dot-segments"),
        pytest.param(raw(line="POST /v1/%74hreads/t/runs/r HTTP/1.1"), id="encoded-letter"),
        pytest.param(raw(line=f"POST /{ADDRESS} HTTP/1.1"), id="double-slash"),
        pytest.param(raw(line=f"POST {ADDRESS}/ HTTP/1.1"), id="trailing-slash"),
        pytest.param(raw(line=f"PATCH {ADDRESS} HTTP/1.1"), id="patch"),
        pytest.param(raw(host=""), id="no-host"),
        pytest.param(raw(*JSON_LENGTH, "Host: other"), id="two-hosts"),
        pytest.param(raw(host="Host: a b@c"), id="bad-host"),
        pytest.param(raw(*JSON_LENGTH, "Transfer-Encoding: chunked", body=CHUNKED), id="length-and-chunked"),
        pytest.param(raw(*JSON_LENGTH, "Content-Length: 3"), id="two-lengths"),
        pytest.param(raw("Content-Type: application/json", "Content-Length: +22"), id="signed-length"),
        pytest.param(raw("Content-Type: application/json", "Content-Length: 0x16"), id="hexadecimal-length"),
        pytest.param(raw("Content-Type: application/json", "Content-Length: 2_2"), id="underscored-length"),
        pytest.param(
            raw("Content-Type: application/json", "Transfer-Encoding: gzip, chunked", body=CHUNKED), id="gzip-chunked"
        ),
        pytest.param(
            raw(
                "Content-Type: application/json",
                "Transfer-Encoding: chunked",
                body=CHUNKED,
                line=f"POST {ADDRESS} HTTP/1.0",
            ),
            id="chunked-in-1.0",
        ),
        pytest.param(raw(*JSON_LENGTH, "Transfer_Encoding: chunked"), id="underscored-header"),
        pytest.param(raw(*JSON_LENGTH, "Connection: Authorization", "Authorization: Bearer x"), id="connection-names"),
        pytest.param(raw(*JSON_LENGTH, "Authorization: Bearer a", "Authorization: Bearer b"), id="two-authorizations"),
        pytest.param(raw(*JSON_LENGTH, "Content-Type: text/plain"), id="two-types"),
        pytest.param(raw(*JSON_LENGTH, "Content-Encoding: gzip"), id="compressed"),
        pytest.param(raw(*JSON_LENGTH, "Connection: upgrade", "Upgrade: websocket"), id="websocket"),
        pytest.param(raw(*JSON_LENGTH, "Connection: upgrade", "Upgrade: h2c"), id="h2c"),
        pytest.param(raw(*JSON_LENGTH, "Upgrade: h2c"), id="upgrade-alone"),
        pytest.param(raw(*JSON_LENGTH, "Expect: miracles"), id="expectation"),
        pytest.param(raw("Content-Type: application/json", "Content-Length: 100001", body=b""), id="over-the-limit"),
    ],
)
async def test_what_can_be_read_in_two_ways_never_reaches_the_upstream(
    url: str, upstream: ScriptedUpstream, sent: bytes
) -> None:
    """Every such request is answered with an error, and the upstream sees nothing."""
    found = statuses(await raw_exchange(url, sent))
    assert len(found) == 1
    assert 400 <= found[0] < 500
    assert upstream.seen == []


async def test_a_refusal_leaves_the_connection_in_order(url: str, upstream: ScriptedUpstream) -> None:
    """Good, bad, good on one connection: 200, 400, 200, and the upstream saw the good ones."""
    bad = raw("Content-Type: application/json", "Content-Length: 14", body=b'{"metadata":1}')
    last = raw(*JSON_LENGTH, "Connection: close")
    assert statuses(await raw_exchange(url, raw() + bad + last, answers=3)) == [200, 400, 200]
    assert len(upstream.seen) == 2


async def test_a_chunked_body_is_read_whole(url: str, upstream: ScriptedUpstream) -> None:
    """Chunked and counted bodies are the same call."""
    sent = raw("Content-Type: application/json", "Transfer-Encoding: chunked", "Connection: close", body=CHUNKED)
    assert statuses(await raw_exchange(url, sent)) == [200]
    assert upstream.seen[0].body == GOOD_BODY


async def test_a_chunked_body_over_the_limit_is_refused(url: str, upstream: ScriptedUpstream) -> None:
    """A body that does not say how long it is is cut off at the limit, with 413."""
    body = b"".join(b"2710\r\n" + b"x" * 10_000 + b"\r\n" for _ in range(20)) + b"0\r\n\r\n"
    sent = raw("Content-Type: application/json", "Transfer-Encoding: chunked", body=body)
    received = await raw_exchange(url, sent)
    assert statuses(received) == [413]
    assert b"body_too_large" in received
    assert upstream.seen == []


async def test_a_body_that_breaks_off_reaches_nobody(url: str, upstream: ScriptedUpstream) -> None:
    """A client that says 22 bytes and closes after 5 has made no call."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(raw(*JSON_LENGTH, body=GOOD_BODY[:5]))
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    assert upstream.seen == []


async def test_http_1_0_is_answered_and_closed(url: str) -> None:
    """A client of HTTP/1.0 gets its answer, and the end of the connection tells that it is whole."""
    received = await raw_exchange(url, raw(line=f"POST {ADDRESS} HTTP/1.0"))
    assert received.endswith(answer({"id": "run_abc123"}).body)


async def test_head_has_no_body(url: str, upstream: ScriptedUpstream) -> None:
    """The answer to HEAD ends with its head."""
    received = await raw_exchange(url, raw("Connection: close", line=f"HEAD {ADDRESS} HTTP/1.1", body=b""))
    assert received.endswith(b"\r\n\r\n")
    assert upstream.seen[0].method == "HEAD"


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_has_no_length(url: str, upstream: ScriptedUpstream, status: int) -> None:
    """204 and 304 end with their head, and say nothing of a length."""
    upstream._make = lambda _: Response(status, make_headers())
    received = await raw_exchange(url, raw(*JSON_LENGTH, "Connection: close"))
    assert statuses(received) == [status]
    assert b"content-length" not in received.lower()
    assert received.endswith(b"\r\n\r\n")


async def test_two_cookies_stay_two(url: str, upstream: ScriptedUpstream) -> None:
    """Headers of an answer keep their order and their duplicates, and there is one date."""
    pairs = [("Set-Cookie", "a=1"), ("X-Other", "x"), ("Set-Cookie", "b=2"), ("Date", "Sun, 22 Nov 2026 17:00:00 GMT")]
    upstream._make = lambda _: Response(200, make_headers(pairs), b"{}")
    received = await raw_exchange(url, raw(*JSON_LENGTH, "Connection: close"))
    lines = [line for line in received.decode().split("\r\n") if line.startswith(("Set-Cookie", "X-Other", "Date"))]
    assert lines == [f"{name}: {value}" for name, value in pairs]


async def test_a_client_that_goes_away_does_not_stop_its_call(tmp_path: Path) -> None:
    """A modify that was sent is completed and recorded, though nobody waits for the answer."""
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: object) -> Response:
        arrived.set()
        await go_on.wait()
        return answer({"id": "run_abc123"})

    upstream = ScriptedUpstream(make=slow)
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as recording:
        host, _, port = recording.url.removeprefix("http://").rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(raw())
        await arrived.wait()
        writer.close()
        await writer.wait_closed()
        go_on.set()
    text = (tmp_path / "default.json").read_bytes()
    assert len(json.loads(text)["interactions"]) == 1


@pytest.mark.parametrize(
    ("sent", "limits", "status"),
    [
        pytest.param(raw(*JSON_LENGTH, body=GOOD_BODY[:5]), {"body_s": 0.2}, [408], id="body"),
        pytest.param(raw()[:60], {"idle_s": 0.2}, [], id="head"),
        pytest.param(b"", {"idle_s": 0.2}, [], id="nothing"),
    ],
)
async def test_who_is_too_slow_is_let_go(
    tmp_path: Path, upstream: ScriptedUpstream, sent: bytes, limits: dict[str, float], status: list[int]
) -> None:
    """A head or a body that does not come to its end in time ends the connection, and reaches nobody."""
    async with serving(upstream) as base_url, proxy(tmp_path, "passthrough", base_url, limits=limits) as running:
        host, _, port = running.url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        async with asyncio.timeout(10):
            received = await reader.read()
        writer.close()
    assert statuses(received) == status
    assert upstream.seen == []


async def test_who_waits_for_100_continue_gets_it(url: str, upstream: ScriptedUpstream) -> None:
    """A client that sends its body only once it is told to is told to."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(raw(*JSON_LENGTH, "Expect: 100-continue", body=b""))
    async with asyncio.timeout(10):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(GOOD_BODY)
        assert statuses(await reader.readuntil(b"\r\n\r\n")) == [200]
    writer.close()
    assert upstream.seen[0].body == GOOD_BODY
