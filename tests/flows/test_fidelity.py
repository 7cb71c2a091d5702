"""What a proxy must leave as it is, and what it must not pass on: whole conversations, compared byte by byte."""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runproxy.routes import climbs
from tests.cli.processes import serving as process
from tests.parts import proxy
from tests.wire import Got, RawUpstream, answers_in, converse, raw_upstream, read_request

FORWARDING = ["passthrough", "record", "auto", "verify"]
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\n{}"
CLOSE = "Connection: close"


def request(*headers: str, line: str = "GET /v1/x HTTP/1.1", body: bytes = b"", host: str = "Host: localhost") -> bytes:
    """Write a request; without headers, the connection is closed after it."""
    lines = [line, host, *(headers or [CLOSE])]
    return "".join(f"{one}\r\n" for one in lines if one).encode("utf-8", "surrogateescape") + b"\r\n" + body


def answer(*headers: str, line: str = "HTTP/1.1 200 OK", body: bytes = b"{}") -> bytes:
    """Write an answer; without headers, one of known length."""
    lines = [line, *(headers or [f"Content-Length: {len(body)}"])]
    return "".join(f"{one}\r\n" for one in lines).encode("utf-8", "surrogateescape") + b"\r\n" + body


@dataclass(frozen=True)
class Case:
    """What is sent and answered; which lines must stand in what is passed on, in this order, and which must not."""

    sent: bytes = request()
    answered: bytes = PLAIN
    passed: tuple[str, ...] = ()
    not_passed: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    not_returned: tuple[str, ...] = ()
    status: int = 200
    body: bytes = b"{}"
    sent_body: bytes = b""
    replays: bool = True


HOP_BY_HOP = ("Keep-Alive: timeout=5", "TE: trailers", "Trailer: X-T", "Proxy-Connection: keep-alive")
CASES = {
    "order and duplicates of request headers": Case(
        request("X-A: 1", "X-B: 2", "x-a: 3", "Cookie: a=1", "Cookie: b=2", CLOSE),
        passed=("X-A: 1", "X-B: 2", "x-a: 3", "Cookie: a=1", "Cookie: b=2"),
    ),
    "order and duplicates of answer headers": Case(
        answered=answer("Set-Cookie: a=1", "X-B: 2", "Set-Cookie: b=2; Path=/", "Content-Length: 2"),
        returned=("Set-Cookie: a=1", "X-B: 2", "Set-Cookie: b=2; Path=/"),
    ),
    "an empty value, and one with white space in it": Case(
        request("X-Empty:", "X-Space:  a \t b ", CLOSE),
        answer("X-Empty:", "X-Space:  a \t b ", "Content-Length: 2"),
        passed=("X-Empty: ", "X-Space: a \t b"),
        returned=("X-Empty: ", "X-Space: a \t b"),
    ),
    "letters beyond ASCII": Case(
        request("X-Name: ä€", CLOSE),
        answer("X-Name: ä\udce9€", "Content-Length: 2"),
        passed=("X-Name: ä€",),
        returned=("X-Name: ä\udce9€",),
    ),
    "headers of the client's connection": Case(
        request(*HOP_BY_HOP, "Connection: x-foo, close", "X-Foo: 1", "Connection: X-Bar", "X-Bar: 1", "X-Kept: 1"),
        passed=("X-Kept: 1",),
        not_passed=("connection", "keep-alive", "te", "trailer", "proxy-connection", "x-foo", "x-bar"),
    ),
    "headers of the upstream's connection": Case(
        answered=answer(
            *HOP_BY_HOP, "Connection: x-foo", "X-Foo: 1", "Connection: X-Bar", "X-Bar: 1", "X-K: 1", "Content-Length: 2"
        ),
        returned=("X-K: 1",),
        not_returned=("keep-alive", "te", "trailer", "proxy-connection", "x-foo", "x-bar"),
    ),
    "the name of the host": Case(request("X-Host: kept", CLOSE), passed=("X-Host: kept",), not_passed=("host",)),
    "an expectation": Case(
        request("Expect: 100-continue", "Content-Length: 2", CLOSE, line="POST /v1/x HTTP/1.1", body=b"{}"),
        not_passed=("expect",),
        sent_body=b"{}",
    ),
    "who has forwarded the call": Case(
        request("Via: 1.0 other", CLOSE), passed=("Via: 1.0 other", "Via: 1.1 runproxy")
    ),
    "trailers of a request": Case(
        request(
            "Transfer-Encoding: chunked",
            "Trailer: X-T",
            line="POST /v1/x HTTP/1.1",
            body=b"2;a=b\r\n{}\r\n0\r\nX-T: 1\r\n\r\n",
        ),
        not_passed=("x-t", "trailer"),
        sent_body=b"{}",
    ),
    "trailers of an answer": Case(
        answered=answer(
            "Transfer-Encoding: chunked", "Trailer: X-T", body=b"1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\n"
        ),
        not_returned=("x-t", "x-u", "trailer"),
    ),
    "a GET with a body": Case(request("Content-Length: 2", CLOSE, body=b"{}"), sent_body=b"{}"),
    "a POST without a body": Case(request(CLOSE, line="POST /v1/x HTTP/1.1")),
    "answers that announce an answer": Case(
        answered=b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + PLAIN,
        not_returned=("link",),
    ),
    "a change of the protocol": Case(
        answered=answer("Upgrade: x", "Connection: upgrade", line="HTTP/1.1 101 Switching Protocols", body=b""),
        status=502,
        replays=False,
    ),
    "the length of HEAD": Case(
        request(CLOSE, line="HEAD /v1/x HTTP/1.1"),
        answer("Content-Length: 1234", "Content-Type: a/b", body=b""),
        returned=("Content-Length: 1234",),
        body=b"",
    ),
    "HEAD of a chunked answer": Case(
        request(CLOSE, line="HEAD /v1/x HTTP/1.1"),
        answer("Transfer-Encoding: chunked", body=b""),
        not_returned=("content-length", "transfer-encoding"),
        body=b"",
    ),
    "204 with a length that it must not have": Case(
        answered=answer("Content-Length: 0", line="HTTP/1.1 204 No Content", body=b""),
        not_returned=("content-length",),
        status=204,
        body=b"",
    ),
    "304 with the length of what it stands for": Case(
        request('If-None-Match: "a"', CLOSE),
        answer("Content-Length: 1234", 'ETag: "a"', line="HTTP/1.1 304 Not Modified", body=b""),
        returned=("Content-Length: 1234",),
        status=304,
        body=b"",
    ),
    "a redirect": Case(
        answered=answer(
            "Location: http://127.0.0.1:1/v1/y", "Content-Length: 2", line="HTTP/1.1 307 Temporary Redirect"
        ),
        returned=("Location: http://127.0.0.1:1/v1/y",),
        status=307,
    ),
    "an answer whose end is that of the connection": Case(answered=answer("Content-Type: a/b")),
    "an answer of HTTP/1.0": Case(answered=answer("Content-Type: a/b", line="HTTP/1.0 200 OK")),
    "a status that has no name": Case(answered=answer(line="HTTP/1.1 299"), status=299),
    "a long header of a request": Case(request(f"X-Long: {'a' * 16_000}", CLOSE), passed=(f"X-Long: {'a' * 16_000}",)),
    "a long header of an answer": Case(
        answered=answer(f"X-Long: {'a' * 60_000}", "Content-Length: 2"), returned=(f"X-Long: {'a' * 60_000}",)
    ),
    "a header that is too long": Case(
        answered=answer(f"X-Long: {'a' * 70_000}", "Content-Length: 2"), status=502, replays=False
    ),
    "a header that goes on in the next line": Case(
        answered=answer("X-Fold: a\r\n  b", "Content-Length: 2"), returned=("X-Fold: a  b",)
    ),
    "a line break in a header": Case(answered=answer("X-A: a\rX-B: b", "Content-Length: 2"), status=502, replays=False),
    "a transfer coding that was not asked for": Case(
        answered=answer("Transfer-Encoding: gzip, chunked", body=b"2\r\n{}\r\n0\r\n\r\n"), status=502, replays=False
    ),
    "another version of HTTP": Case(answered=answer(line="HTTP/2.0 200 OK"), status=502, replays=False),
}


def in_order(lines: tuple[str, ...], expected: tuple[str, ...]) -> bool:
    """Tell whether lines stand among others, in their order; the names of headers in any case."""
    rest = iter([_folded(line) for line in lines])
    return all(_folded(line) in rest for line in expected)


def _folded(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


def names_of(lines: tuple[str, ...]) -> set[str]:
    """Give the names of headers in lower case."""
    return {_folded(line)[0] for line in lines}


def check_returned(got: Got, case: Case, *, is_replayed: bool = False) -> None:
    """Compare what the client got."""
    assert got.status == case.status
    if got.status == 502:
        return
    assert got.body == case.body
    if not is_replayed:
        assert in_order(got.headers, case.returned)
    assert not names_of(got.headers) & set(case.not_returned)


@pytest.mark.parametrize("mode", FORWARDING)
@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
async def test_what_passes_in_both_directions(tmp_path: Path, case: Case, mode: str) -> None:
    """In every mode that forwards: the upstream sees what it must and no more, and so does the client."""
    upstream = RawUpstream([case.answered], closes=True)
    async with raw_upstream(upstream) as base_url, proxy(tmp_path, mode, base_url) as on:
        received = await converse(on.url, case.sent)
    (got,) = answers_in(
        received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n"), heads_only=case.sent.startswith(b"HEAD")
    )
    check_returned(got, case)
    head, _, body = upstream.seen[0].partition(b"\r\n\r\n")
    lines = tuple(head.decode().split("\r\n")[1:])
    host = base_url.removeprefix("http://").removesuffix("/v1")
    assert [line for line in lines if line.startswith("Host:")] == [f"Host: {host}"]
    assert in_order(lines, case.passed)
    assert not (names_of(lines) - {"host"}) & set(case.not_passed)
    assert (body, len(upstream.seen)) == (case.sent_body, 1)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items() if case.replays])
async def test_what_passed_is_replayed(tmp_path: Path, case: Case) -> None:
    """With the upstream gone: the same status, the same body, and the length of what has none."""
    async with (
        raw_upstream(RawUpstream([case.answered], closes=True)) as base_url,
        proxy(tmp_path, "record", base_url) as on,
    ):
        await converse(on.url, case.sent)
    async with proxy(tmp_path, "replay") as on:
        received = await converse(on.url, case.sent)
    (got,) = answers_in(
        received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n"), heads_only=case.sent.startswith(b"HEAD")
    )
    check_returned(got, case, is_replayed=True)
    assert got.values("x-runproxy-outcome") == ["replayed"]
    if not case.body:
        told = [_folded(line) for line in case.returned]
        assert got.values("content-length") == [value for name, value in told if name == "content-length"]


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items() if not case.replays])
async def test_what_is_no_answer_is_not_recorded(tmp_path: Path, case: Case) -> None:
    """The client is told that the upstream may have acted on the call."""
    async with (
        raw_upstream(RawUpstream([case.answered], closes=True)) as base_url,
        proxy(tmp_path, "record", base_url) as on,
    ):
        (got,) = answers_in(await converse(on.url, case.sent))
    assert got.values("x-runproxy-upstream-outcome") == ["unknown"]
    assert not (tmp_path / "default.json").exists()


SEGMENT = st.text(
    st.characters(codec="ascii", min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=12
)
TARGETS = st.builds("/v1/{}{}".format, SEGMENT, st.just("") | SEGMENT.map("?{}".format)).filter(
    lambda target: not climbs(target.partition("?")[0])
)
ODD_TARGETS = [
    "/v1/x?",
    "/v1//x//",
    "/v1/%7e~%7E",
    "/v1/a;b='c'|\"<d>\"",
    "/v1/[x]{y}^`\\",
    "/v1/x?%zz%",
    "/v1/x??a=b?&&=;",
]


@settings(max_examples=30, deadline=None)
@example(ODD_TARGETS)
@given(st.lists(TARGETS, min_size=1, max_size=10))
def test_targets_pass_byte_for_byte(targets: list[str]) -> None:
    """Path and query reach the upstream as they were received, whatever a library would make of them."""

    async def run(folder: Path) -> list[bytes]:
        upstream = RawUpstream([PLAIN])
        sent = b"".join(request("X-Kept: 1", line=f"GET {target} HTTP/1.1") for target in targets)
        async with raw_upstream(upstream) as base_url, proxy(folder, "passthrough", base_url) as on:
            await converse(on.url, sent, ends=True)
        return [seen.split(b"\r\n")[0] for seen in upstream.seen]

    with tempfile.TemporaryDirectory() as folder:
        seen = asyncio.run(run(Path(folder)))
    assert seen == [f"GET {target} HTTP/1.1".encode() for target in targets]


@pytest.mark.parametrize(
    ("target", "code"),
    [
        pytest.param("/v1/ä", b"invalid_target", id="beyond ASCII"),
        pytest.param("/v1/\udce9", b"invalid_target", id="bytes that are no text"),
        pytest.param("/v1/x#y", b"invalid_target", id="a fragment"),
        pytest.param("/v1/a b", b"invalid_http", id="a space"),
        pytest.param(f"/v1/{'a' * 8200}", b"target_too_long", id="too long"),
    ],
)
async def test_targets_that_are_none_are_refused(tmp_path: Path, target: str, code: bytes) -> None:
    """RFC 9112 section 3.2 knows visible ASCII only; nothing is escaped in the client's place."""
    async with proxy(tmp_path, "replay") as on:
        (got,) = answers_in(await converse(on.url, request(line=f"GET {target} HTTP/1.1")))
    assert 400 <= got.status < 500
    assert code in got.body


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param([f"X-Long: {'a' * 16_377}"], 501, id="as long as may be"),
        pytest.param([f"X-Long: {'a' * 16_400}"], 431, id="too long"),
        pytest.param([f"X-Long: {'a' * 3_000_000}"], 431, id="much too long"),
        pytest.param([f"X-{number}: a" for number in range(120)], 501, id="as many as may be"),
        pytest.param([f"X-{number}: a" for number in range(130)], 431, id="too many"),
    ],
)
async def test_headers_have_limits(tmp_path: Path, headers: list[str], status: int) -> None:
    """What is over them is told in the service's shape, also to a client that is still sending."""
    async with proxy(tmp_path, "replay") as on:
        (got,) = answers_in(await converse(on.url, request(*headers, CLOSE)))
    assert got.status == status
    assert (b'"code": "headers_too_large"' in got.body) is (status == 431)


@pytest.mark.parametrize("mode", [*FORWARDING, "replay"])
@pytest.mark.parametrize(("version", "line"), [("1.1", None), ("1.0", "Connection: keep-alive")])
async def test_a_client_that_closes_its_side_gets_its_answers(
    tmp_path: Path, mode: str, version: str, line: str | None
) -> None:
    """All of them, to what it had sent before, and then the connection is closed."""
    call = request(line or "X: y", line=f"GET /v1/x HTTP/{version}")
    upstream = RawUpstream([PLAIN])
    async with raw_upstream(upstream) as base_url:
        async with proxy(tmp_path, "record", base_url) as on:
            await converse(on.url, call, ends=True)
        async with proxy(tmp_path, mode, base_url if mode != "replay" else "") as on:
            found = answers_in(await converse(on.url, call * 3, ends=True))
    assert [(got.status, got.body) for got in found] == [(200, b"{}")] * 3


async def test_the_command_does_the_same(tmp_path: Path) -> None:
    """It runs on another event loop than the tests, which has connections of its own."""
    upstream = RawUpstream([PLAIN, None, PLAIN])
    async with raw_upstream(upstream) as base_url:
        with process(tmp_path, "serve", "--mode", "passthrough", "--upstream", base_url) as server:
            found = answers_in(await converse(server.url, request("X: y") * 3, ends=True))
            (refused,) = answers_in(await converse(server.url, request(f"X-Long: {'a' * 3_000_000}")))
            server.stop()
    assert [(got.status, got.body) for got in found] == [(200, b"{}")] * 3
    assert (refused.status, len(upstream.seen), upstream.connections) == (431, 4, 2)


async def test_a_client_that_closes_its_side_gets_a_stream_too(tmp_path: Path) -> None:
    """To its end."""
    events = b"5\r\none\n\n\r\n5\r\ntwo\n\n\r\n0\r\n\r\n"
    upstream = RawUpstream([answer("Content-Type: text/event-stream", "Transfer-Encoding: chunked", body=events)])
    async with raw_upstream(upstream) as base_url, proxy(tmp_path, "record", base_url) as on:
        (got,) = answers_in(await converse(on.url, request("X: y"), ends=True))
    assert got.body == b"one\n\ntwo\n\n"
    assert (tmp_path / "default.json").exists()


@pytest.mark.parametrize("sent", [b"", b"GET /v1/x HTTP/1.1\r\nHost", request("Content-Length: 5", body=b"{}")])
async def test_a_client_that_closes_before_its_request_is_whole_has_made_none(tmp_path: Path, sent: bytes) -> None:
    """Nothing waits for the rest."""
    upstream = RawUpstream([PLAIN])
    async with raw_upstream(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as on:
        assert await converse(on.url, sent, ends=True) == b""
    assert upstream.seen == []


@pytest.mark.parametrize("mode", [*FORWARDING, "replay"])
@pytest.mark.parametrize(
    ("headers", "line", "ends"),
    [
        pytest.param((), "GET /v1/x HTTP/1.0", True, id="1.0"),
        pytest.param(("Connection: keep-alive",), "GET /v1/x HTTP/1.0", False, id="1.0 that stays"),
        pytest.param(("X: y",), "GET /v1/x HTTP/1.1", False, id="1.1"),
        pytest.param((CLOSE,), "GET /v1/x HTTP/1.1", True, id="1.1 that goes"),
    ],
)
async def test_a_connection_stays_as_long_as_its_client_likes(
    tmp_path: Path, mode: str, headers: tuple[str, ...], line: str, ends: bool
) -> None:
    """HTTP/1.0 closes unless it is asked not to, HTTP/1.1 stays unless it is asked to close."""
    call = request(*headers, line=line) if headers else f"{line}\r\n\r\n".encode()
    async with raw_upstream(RawUpstream([PLAIN])) as base_url:
        async with proxy(tmp_path, "record", base_url) as on:
            await converse(on.url, call, ends=True)
        async with proxy(tmp_path, mode, base_url if mode != "replay" else "") as on:
            found = answers_in(await converse(on.url, call if ends else call * 2, ends=not ends))
    assert [got.body for got in found] == [b"{}"] * (1 if ends else 2)
    said = found[0].values("connection")
    assert said == (["close"] if ends else ["keep-alive"] if "1.0" in line else [])


@pytest.mark.parametrize("mode", FORWARDING)
async def test_requests_that_come_together_are_answered_in_their_order(tmp_path: Path, mode: str) -> None:
    """Each with its own answer, refusals among them; what comes after them all on the connection is read, too."""
    numbered = [answer(body=b"%d" % number) for number in range(20)]
    calls = [request("X: y", line=f"GET /v1/{number} HTTP/1.1") for number in range(20)]
    calls.insert(7, request("X: y", line="GET /elsewhere HTTP/1.1"))
    async with raw_upstream(RawUpstream([*numbered])) as base_url, proxy(tmp_path, mode, base_url) as on:
        found = answers_in(await converse(on.url, b"".join(calls), ends=True))
    assert [got.body for got in found if got.status == 200] == [b"%d" % number for number in range(20)]
    assert [got.status for got in found].index(404) == 7


async def test_addresses_of_ipv6_are_listened_on_and_forwarded_to(tmp_path: Path) -> None:
    """With brackets in `Host`, in both directions."""
    upstream, listen = RawUpstream([PLAIN]), {"listen": {"host": "::1", "port": 0, "admin_port": 0}}
    async with raw_upstream(upstream, "::1") as base_url, proxy(tmp_path, "record", base_url, rules=listen) as on:
        assert on.url.startswith("http://[::1]:")
        call = request(host=f"Host: {on.url.removeprefix('http://')}")
        (got,) = answers_in(await converse(on.url, call))
    host = base_url.removeprefix("http://").removesuffix("/v1")
    assert f"\r\nHost: {host}\r\n".encode() in upstream.seen[0]
    assert got.body == b"{}"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(request(line="GET /v1/x HTTP/2.0"), "unsupported_http_version", id="HTTP/2.0"),
        pytest.param(request(line="GET /v1/x HTTP/1.2"), "invalid_http", id="HTTP/1.2"),
        pytest.param(request(line="GET /v1/x HTTP/0.9"), "unsupported_http_version", id="HTTP/0.9"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "invalid_http", id="HTTP/2 without asking"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "invalid_http", id="TLS"),
        pytest.param(request(line="GET /v1/x SMTP/1.1"), "invalid_http", id="no HTTP"),
        pytest.param(request(line="GET /v1/x HTTP/1.1 "), "invalid_http", id="something after the version"),
        pytest.param(request(host="Host: a/b"), "invalid_host", id="a path in Host"),
        pytest.param(request(host="Host: user@host"), "invalid_host", id="a user in Host"),
        pytest.param(request(host="Host: [::1"), "invalid_host", id="half an address in Host"),
        pytest.param(request(host="Host: a:b"), "invalid_host", id="no port in Host"),
        pytest.param(request(host="Host:"), "invalid_host", id="an empty Host"),
        pytest.param(request("Connection: upgrade", "Upgrade: websocket"), "upgrade_refused", id="WebSocket"),
        pytest.param(request("Connection: upgrade", "Upgrade: h2c"), "upgrade_refused", id="h2c"),
        pytest.param(request(line="CONNECT host:1 HTTP/1.1", host="Host: host:1"), "method_not_allowed", id="a tunnel"),
        pytest.param(request(line="OPTIONS * HTTP/1.1"), "invalid_target", id="no path"),
    ],
)
async def test_what_is_not_spoken_is_refused_and_says_so(tmp_path: Path, sent: bytes, code: str) -> None:
    """In the service's shape, and the connection is not taken for something else afterwards."""
    upstream = RawUpstream([PLAIN])
    async with raw_upstream(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as on:
        (got, *more) = answers_in(await converse(on.url, sent, ends=True))
    assert 400 <= got.status < 500
    assert f'"code": "{code}"'.encode() in got.body
    assert (more, upstream.seen) == ([], [])


async def calls_on_a_closed_connection(folder: Path, call: bytes, upstream: RawUpstream) -> list[Got]:
    """Make a first call, so that there is a connection, and then the call in question on it."""
    async with raw_upstream(upstream) as base_url, proxy(folder, "passthrough", base_url) as on:
        await converse(on.url, request(line="GET /v1/first HTTP/1.1"))
        return answers_in(await converse(on.url, call))


@pytest.mark.parametrize("resets", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize(
    ("method", "body", "is_sent_again"),
    [("GET", b"", True), ("OPTIONS", b"", True), ("POST", b"{}", False), ("DELETE", b"", False), ("GET", b"{}", False)],
)
async def test_a_call_into_a_connection_that_was_closed(
    tmp_path: Path, method: str, body: bytes, is_sent_again: bool, resets: bool
) -> None:
    """One that changes nothing is sent once more; of any other, nobody knows whether it was acted on."""
    upstream = RawUpstream([PLAIN, None, PLAIN], resets=resets)
    call = request(f"Content-Length: {len(body)}", CLOSE, line=f"{method} /v1/x HTTP/1.1", body=body)
    (got,) = await calls_on_a_closed_connection(tmp_path, call, upstream)
    sent = [seen for seen in upstream.seen if b" /v1/x " in seen]
    assert (got.status, len(sent)) == ((200, 2) if is_sent_again else (502, 1))
    assert got.values("x-runproxy-upstream-outcome") == ([] if is_sent_again else ["unknown"])
    assert upstream.connections == (2 if is_sent_again else 1)


@pytest.mark.parametrize(
    "partial",
    [b"HTTP/1.1 200 OK\r\nContent-Le", b"H", b"HTTP/1.1 103 Early Hints\r\n\r\n"],
    ids=["head", "a byte", "103"],
)
async def test_a_call_is_not_sent_again_once_an_answer_has_begun(tmp_path: Path, partial: bytes) -> None:
    """Not even a GET."""

    answers, seen, connections = [PLAIN, partial], 0, 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen, connections
        connections += 1
        for sent in answers:
            await read_request(reader)
            seen += 1
            writer.write(sent)
            await writer.drain()

    async with raw_upstream(serve) as base_url, proxy(tmp_path, "passthrough", base_url) as on:
        await converse(on.url, request())
        (got,) = answers_in(await converse(on.url, request()))
    assert (got.status, seen, connections) == (502, 2, 1)


async def test_one_connection_serves_many_calls(tmp_path: Path) -> None:
    """For as long as the upstream keeps it."""
    upstream = RawUpstream([PLAIN])
    async with raw_upstream(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as on:
        await converse(on.url, request("X: y") * 5, ends=True)
    assert (len(upstream.seen), upstream.connections) == (5, 1)


async def test_a_fresh_connection_that_is_closed_is_not_tried_again(tmp_path: Path) -> None:
    """An upstream that gives no answer at all is asked once."""
    upstream = RawUpstream([None])
    async with raw_upstream(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as on:
        (got,) = answers_in(await converse(on.url, request()))
    assert (got.status, len(upstream.seen)) == (502, 1)
    assert b"closed the connection without an answer" in got.body


@pytest.mark.parametrize("together", [True, False], ids=["with the end of the last answer", "later"])
async def test_what_nobody_has_asked_for_is_no_answer(tmp_path: Path, together: bool) -> None:
    """An answer too many on a connection is not given to the next caller, and ends the connection."""
    wrong = answer(body=b"wrong")
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        writer.write(answer("Content-Length: 2", body=b"{"))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"}" + (wrong if together else b""))
        await writer.drain()
        if not together:
            await asyncio.sleep(0.05)
            writer.write(wrong)
        await reader.read()

    async with raw_upstream(serve) as base_url, proxy(tmp_path, "passthrough", base_url) as on:
        first = answers_in(await converse(on.url, request()))
        await asyncio.sleep(0.2)
        second = answers_in(await converse(on.url, request()))
    assert [got.body for got in (*first, *second)] == [b"{}", b"{}"]
    assert connections == 2


async def test_no_cookie_reaches_another_client(tmp_path: Path) -> None:
    """What the upstream sets for one is for that one; what a client sends is its own."""
    upstream = RawUpstream([answer("Set-Cookie: a=1; Path=/", "Set-Cookie: b=2", "Content-Length: 2")])
    async with raw_upstream(upstream) as base_url, proxy(tmp_path, "record", base_url) as on:
        first = answers_in(await converse(on.url, request()))
        second = answers_in(await converse(on.url, request("Cookie: mine=1", CLOSE)))
    assert [got.values("set-cookie") for got in (*first, *second)] == [["a=1; Path=/", "b=2"]] * 2
    assert [b"\r\nCookie" in seen for seen in upstream.seen] == [False, True]
    assert b"Cookie: mine=1\r\n" in upstream.seen[1]
    assert b"ookie" not in (tmp_path / "default.json").read_bytes()
