"""Known ways around a guard, each sent over a raw socket in every mode.

One of two things holds for each: either the answer is an error and the upstream saw nothing, or what the upstream
received parses strictly, in every common reading, to something within the limits.
"""

import asyncio
import gzip
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from runproxy.messages import Headers, Request, make_headers
from tests.flows.test_guard_oracle import check_seen
from tests.parts import Report, proxy

MODES = ["record", "auto", "passthrough", "verify", "replay"]
PATH = "/v1/threads/t/runs/r"
JSON_TYPE = "Content-Type: application/json"
GOOD_BODY = b'{"metadata":{"a":"b"}}'
GOOD_CHUNKS = b"16\r\n" + GOOD_BODY + b"\r\n0\r\n\r\n"


def written(
    *headers: str, line: str = f"POST {PATH} HTTP/1.1", body: bytes = GOOD_BODY, host: str = "Host: localhost"
) -> bytes:
    """Write a request by hand, with these headers beside Host and no others."""
    return "".join(f"{text}\r\n" for text in (line, host, *headers)).encode("latin-1") + b"\r\n" + body


def counted(body: bytes = GOOD_BODY, *more: str, media_type: str = JSON_TYPE, **parts: str) -> bytes:
    """Write a request whose body is told by its length."""
    headers = [text for text in (media_type, f"Content-Length: {len(body)}", *more) if text]
    return written(*headers, body=body, **parts)


def dumped(metadata: object) -> bytes:
    """Print a body of metadata."""
    return json.dumps({"metadata": metadata}, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Vector:
    """A request as bytes, and what may become of it: it passes, or meets one of these statuses and codes."""

    name: str
    sent: bytes
    refusals: tuple[tuple[int, str | None], ...] = ()
    param: str | None = None


def passing(name: str, body: bytes) -> Vector:
    """Expect a body to pass."""
    return Vector(name, counted(body))


def refused(name: str, body: bytes, code: str | None = None, param: str | None = None) -> Vector:
    """Expect a body to be a bad request; without a code, one that is no JSON."""
    return Vector(name, counted(body), ((400, code),), param)


def no_json(name: str, sent: bytes) -> Vector:
    """Expect a request to be refused for how it says its body is written."""
    return Vector(name, sent, ((415, "unsupported_media_type"),))


def packed(name: str, coding: str, body: bytes) -> Vector:
    """Expect a compressed body to be refused, unpacked by nobody."""
    return Vector(name, counted(body, f"Content-Encoding: {coding}"), ((415, "unsupported_content_encoding"),))


def headed(name: str, *headers: str, codes: tuple[str, ...], host: str = "Host: localhost") -> Vector:
    """Expect a good body under these headers to be a bad request."""
    return Vector(name, counted(GOOD_BODY, *headers, host=host), tuple((400, code) for code in codes))


def unframed(name: str, sent: bytes) -> Vector:
    """Expect a request to be refused whose end nobody can tell for sure, and the connection to end with it."""
    return Vector(name, sent, tuple((400, code) for code in UNFRAMED_CODES))


def misdirected(name: str, target: str) -> Vector:
    """Expect a good body sent to this target to be refused; where no upstream has a path, all are below it."""
    return Vector(name, counted(line=f"POST {target} HTTP/1.1"), MISDIRECTED)


UNFRAMED_CODES = ("invalid_http", "invalid_framing", "upgrade_refused", "unsupported_http_version")
MISDIRECTED = ((400, "invalid_path"), (400, "invalid_target"), (404, "outside_base_path"))
LIMIT_VECTORS = [
    passing("16 pairs", dumped({f"k{number}": "v" for number in range(16)})),
    passing("key of 64", dumped({"k" * 64: "v"})),
    passing("value of 512", dumped({"k": "v" * 512})),
    passing("metadata null", dumped(None)),
    passing("metadata absent", b"{}"),
    passing("metadata empty", dumped({})),
    passing("empty key", dumped({"": "v"})),
    passing("empty value", dumped({"k": ""})),
    passing("empty key, empty value", dumped({"": ""})),
    refused("17 pairs", dumped({f"k{number}": "v" for number in range(17)}), "object_above_max_properties", "metadata"),
    refused("key of 65", dumped({"k" * 65: "v"}), "property_name_above_max_length", f"metadata.{'k' * 65}"),
    refused("value of 513", dumped({"k": "v" * 513}), "string_above_max_length", "metadata.k"),
]
CHARACTER_VECTORS = [
    passing("512 emojis, escaped", dumped({"k": "\U0001f600" * 512})),
    passing("512 emojis, raw", json.dumps({"metadata": {"k": "\U0001f600" * 512}}, ensure_ascii=False).encode()),
    refused("513 emojis", dumped({"k": "\U0001f600" * 513}), "string_above_max_length", "metadata.k"),
    refused("300 letters that would compose", dumped({"k": "e\u0301" * 300}), "string_above_max_length", "metadata.k"),
]
NO_STRINGS: list[object] = [1, 1.5, True, None, [], {}]
NO_OBJECTS: list[object] = ["text", ["k", "v"], 5]
TYPE_VECTORS = [
    *(
        refused(f"value {json.dumps(value)}", dumped({"k": value}), "invalid_type", "metadata.k")
        for value in NO_STRINGS
    ),
    *(refused(f"metadata {json.dumps(value)}", dumped(value), "invalid_type", "metadata") for value in NO_OBJECTS),
]
DUPLICATE_VECTORS = [
    refused("good, then bad", b'{"metadata":{"k":"v"},"metadata":{"k":1}}', "duplicate_name"),
    refused("bad, then good", b'{"metadata":{"k":1},"metadata":{"k":"v"}}', "duplicate_name"),
    refused("second one escaped", b'{"metadata":{"k":"v"},"\\u006detadata":{"k":1}}', "duplicate_name"),
    refused("first one escaped", b'{"\\u006detadata":{"k":1},"metadata":{"k":"v"}}', "duplicate_name"),
    refused("key inside metadata", b'{"metadata":{"k":"a","k":"b"}}', "duplicate_name"),
    refused("depth 3 of a sibling", b'{"metadata":{},"x":{"y":{"z":1,"z":2}}}', "duplicate_name"),
]
NUMBER_VECTORS = [
    *(refused(f"{text} as a value", b'{"metadata":{"k":%s}}' % text.encode()) for text in ("NaN", "Infinity")),
    *(refused(f"{text} in a sibling", b'{"metadata":{},"x":%s}' % text.encode()) for text in ("NaN", "-Infinity")),
    refused("1e999 as a value", b'{"metadata":{"k":1e999}}', "number_out_of_range"),
    refused("1e999 in a sibling", b'{"metadata":{},"x":-1e999}', "number_out_of_range"),
    refused("5,000 digits as a value", b'{"metadata":{"k":%s}}' % (b"9" * 5000), "number_out_of_range"),
    refused("5,000 digits in a sibling", b'{"metadata":{},"x":%s}' % (b"9" * 5000), "number_out_of_range"),
]
DEPTH_VECTORS = [
    refused("1,000 arrays", b'{"metadata":{},"x":' + b"[" * 1000 + b"]" * 1000 + b"}", "nesting_too_deep"),
    refused("1,000 objects", b'{"metadata":{},"x":' + b'{"x":' * 1000 + b"1" + b"}" * 1001, "nesting_too_deep"),
    refused("100,000 arrays", b'{"metadata":{},"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    refused("100,000 arrays that stay open", b'{"metadata":{},"x":' + b"[" * 100_000),
]
ENCODING_VECTORS = [
    refused("byte order mark", b"\xef\xbb\xbf" + GOOD_BODY),
    refused("UTF-16 with a mark", GOOD_BODY.decode().encode("utf-16")),
    refused("UTF-16 without a mark", GOOD_BODY.decode().encode("utf-16-le")),
    refused("byte 0xFF", b'{"metadata":{"k":"\xff"}}'),
    refused("overlong slash", b'{"metadata":{"k":"\xc0\xaf"}}'),
    refused("lone surrogate, escaped", b'{"metadata":{"k":"\\ud800"}}'),
    refused("lone surrogate in a name", b'{"metadata\\ud800":{"k":1}}'),
]
CHARSET_VECTORS = [
    no_json(
        charset,
        counted(GOOD_BODY.decode().encode(coding), media_type=f"Content-Type: application/json; charset={charset}"),
    )
    for charset, coding in (("utf-7", "utf-7"), ("cp500", "cp500"), ("utf-16", "utf-16"), ("bogus", "utf-8"))
]
SYNTAX_VECTORS = [
    refused("junk after it", b"{}junk"),
    refused("two values", b"{}\n{}"),
    refused("trailing NUL", b"{}\0"),
    refused("comment", b'{"metadata":{}/**/}'),
    refused("line comment", b'{"metadata":{}} // x'),
    refused("trailing comma", b'{"metadata":{},}'),
    refused("single quotes", b"{'metadata':{}}"),
    refused("empty body", b""),
    Vector("no body at all", written(JSON_TYPE, body=b""), ((400, None),)),
    refused("white space only", b" \r\n\t"),
    refused("top-level array", b'[{"metadata":{}}]', "invalid_type"),
    refused("top-level string", b'"metadata"', "invalid_type"),
    refused("top-level null", b"null", "invalid_type"),
]
NAME_VECTORS = [
    refused("capital", b'{"Metadata":{"k":1}}', "unknown_parameter", "Metadata"),
    refused("capital beside the right one", b'{"metadata":{},"Metadata":{"k":1}}', "unknown_parameter", "Metadata"),
    refused("trailing space", b'{"metadata ":{"k":1}}', "unknown_parameter", "metadata "),
    refused("zero-width space, escaped", b'{"metadata\\u200b":{}}', "unknown_parameter", "metadata\u200b"),
    refused("zero-width space, raw", '{"metadata\u200b":{}}'.encode(), "unknown_parameter", "metadata\u200b"),
    refused("status", b'{"metadata":{},"status":"x"}', "unknown_parameter", "status"),
    refused("tool_outputs", b'{"metadata":{},"tool_outputs":[]}', "unknown_parameter", "tool_outputs"),
    refused("__proto__ as a sibling", b'{"__proto__":{"metadata":{}}}', "unknown_parameter", "__proto__"),
    passing("__proto__ as a key", dumped({"__proto__": "v"})),
    passing("constructor as a key", dumped({"constructor": "v"})),
]
BOMB = gzip.compress(GOOD_BODY) + gzip.compress(b" " * 1024 * 1024) * 50
COMPRESSION_VECTORS = [
    packed("gzip", "gzip", gzip.compress(GOOD_BODY)),
    packed("truncated gzip", "gzip", gzip.compress(GOOD_BODY)[:-9]),
    packed("plain body under gzip", "gzip", GOOD_BODY),
    packed("two members", "gzip", gzip.compress(GOOD_BODY[:9]) + gzip.compress(GOOD_BODY[9:])),
    packed("50 KB to 50 MB", "gzip", BOMB),
    packed("br", "br", b"\x8b\x00\x80{}\x03"),
    packed("zstd", "zstd", b"\x28\xb5\x2f\xfd\x20\x02\x11\x00\x00{}"),
    packed("x-gzip", "x-gzip", gzip.compress(GOOD_BODY)),
    packed("gzip twice", "gzip, gzip", gzip.compress(gzip.compress(GOOD_BODY))),
    packed("chunked as a coding", "chunked", GOOD_CHUNKS),
    packed("identity", "identity", GOOD_BODY),
]
FORM = b'--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{}\r\n--x--\r\n'
MEDIA_TYPE_VECTORS = [
    no_json("multipart", counted(FORM, media_type="Content-Type: multipart/form-data; boundary=x")),
    no_json("form", counted(b"metadata[k]=v", media_type="Content-Type: application/x-www-form-urlencoded")),
    no_json("text", counted(media_type="Content-Type: text/plain")),
    no_json("none", counted(media_type="")),
    no_json("two in one header", counted(media_type="Content-Type: application/json, text/plain")),
    headed("two headers", "Content-Type: text/plain", codes=("duplicate_header", "invalid_http")),
    headed("one header twice", JSON_TYPE, codes=("duplicate_header", "invalid_http")),
]
CHUNKED = "Transfer-Encoding: chunked"
FRAMING_VECTORS = [
    unframed("length, then chunked", counted(GOOD_CHUNKS, CHUNKED)),
    unframed("chunked, then length", written(JSON_TYPE, CHUNKED, "Content-Length: 5", body=GOOD_CHUNKS)),
    unframed("two lengths", counted(GOOD_BODY, "Content-Length: 3")),
    unframed("one length twice", counted(GOOD_BODY, f"Content-Length: {len(GOOD_BODY)}")),
    *(
        unframed(f"length {text!r}", written(JSON_TYPE, f"Content-Length: {text}"))
        for text in ("+22", "0x16", "2_2", "-22", "22, 22", "22.0", "", "18446744073709551638", "\xb2\xb2")
    ),
    unframed("chunked twice", written(JSON_TYPE, CHUNKED, CHUNKED, body=GOOD_CHUNKS)),
    *(
        unframed(f"coding {text!r}", written(JSON_TYPE, f"Transfer-Encoding: {text}", body=GOOD_CHUNKS))
        for text in ("gzip, chunked", "chunked, chunked", "xchunked", "\x0bchunked", ", chunked", "chunked;q=1")
    ),
    *(
        unframed(f"coding {text!r} and a length", counted(GOOD_BODY, f"Transfer-Encoding: {text}"))
        for text in ("", "identity")
    ),
    unframed("chunked in HTTP/1.0", written(JSON_TYPE, CHUNKED, line=f"POST {PATH} HTTP/1.0", body=GOOD_CHUNKS)),
    unframed("blank before a colon", counted(GOOD_CHUNKS, "Transfer-Encoding : chunked")),
    unframed("folded line", written(JSON_TYPE, "Transfer-Encoding:\r\n chunked", body=GOOD_CHUNKS)),
    unframed("line feeds alone", counted().replace(b"\r\n", b"\n")),
    unframed("header behind a line feed", counted(GOOD_CHUNKS, f"X: y\n{CHUNKED}")),
    *(
        unframed(f"chunk of size {text!r}", written(JSON_TYPE, CHUNKED, body=text.encode() + GOOD_CHUNKS[2:]))
        for text in ("+16", "-16", "0x16", " 16", "10000000000000016", "16;\n")
    ),
    unframed("chunk that does not end", written(JSON_TYPE, CHUNKED, body=GOOD_CHUNKS.replace(b"}\r\n0", b"}xx0"))),
]
VERSION_VECTORS = [
    unframed(version or "none", counted(line=f"POST {PATH} {version}".rstrip()))
    for version in ("HTTP/2.0", "", "HTTP/1.2", "HTTP/0.9", "HTTP/1.10", "http/1.1")
]
PATH_VECTORS = [
    misdirected("encoded slash", f"{PATH}%2Fcancel"),
    misdirected("encoded dots", "/v1/threads/t/runs/%2e%2e"),
    misdirected("dots", "/v1/threads/t/runs/.."),
    misdirected("dots in between", "/v1/x/../threads/t/runs/r"),
    misdirected("encoded way up", "/v1/threads/t%2F..%2Fx/runs/r"),
    misdirected("path parameter", "/v1/threads/t;x=1/runs/r"),
    misdirected("NUL", f"{PATH}%00"),
    misdirected("line break", f"{PATH}%0d%0aX:1"),
    misdirected("no UTF-8", "/v1/threads/t/runs/%ff"),
    misdirected("encoded letter", "/v1/%74hreads/t/runs/r"),
    misdirected("two slashes", f"/{PATH}"),
    misdirected("trailing slash", f"{PATH}/"),
    misdirected("backslash", "/v1/threads/t/runs\\r"),
    misdirected("id of 200", f"/v1/threads/t/runs/{'r' * 200}"),
]
TARGET_VECTORS = [
    misdirected("absolute", f"http://evil{PATH}"),
    misdirected("fragment", f"{PATH}#frag"),
]
HEADER_VECTORS = [
    Vector("X-HTTP-Method-Override", counted(GOOD_BODY, "X-HTTP-Method-Override: DELETE")),
    Vector("X-Original-URL", counted(GOOD_BODY, "X-Original-URL: /v1/threads/t/runs/other")),
    Vector("X-Rewrite-URL", counted(GOOD_BODY, "X-Rewrite-URL: /v1/threads/t/runs/other")),
    headed(
        "Connection names Authorization",
        "Connection: Authorization",
        "Authorization: Bearer x",
        codes=("ambiguous_header",),
    ),
    headed(
        "two Authorization headers", "Authorization: Bearer a", "Authorization: Bearer b", codes=("duplicate_header",)
    ),
    headed("Host that is none", host="Host: a b@c", codes=("invalid_host",)),
    headed("underscored Transfer_Encoding", "Transfer_Encoding: chunked", codes=("ambiguous_header",)),
]
METHOD_VECTORS = [
    Vector("GET", counted(line=f"GET {PATH} HTTP/1.1")),
    *(
        Vector(method, counted(line=f"{method} {PATH} HTTP/1.1"), ((405, "method_not_allowed"),))
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS")
    ),
]
UPGRADE_VECTORS = [
    unframed("websocket", counted(GOOD_BODY, "Connection: upgrade", "Upgrade: websocket")),
    unframed("h2c", counted(GOOD_BODY, "Connection: upgrade, http2-settings", "Upgrade: h2c", "HTTP2-Settings: AAM")),
    unframed("h2c alone", counted(GOOD_BODY, "Upgrade: h2c")),
]
CLASSES = {
    "limits": LIMIT_VECTORS,
    "characters": CHARACTER_VECTORS,
    "types": TYPE_VECTORS,
    "duplicates": DUPLICATE_VECTORS,
    "numbers": NUMBER_VECTORS,
    "depth": DEPTH_VECTORS,
    "encoding": ENCODING_VECTORS,
    "charset": CHARSET_VECTORS,
    "syntax": SYNTAX_VECTORS,
    "names": NAME_VECTORS,
    "compression": COMPRESSION_VECTORS,
    "type": MEDIA_TYPE_VECTORS,
    "framing": FRAMING_VECTORS,
    "version": VERSION_VECTORS,
    "path": PATH_VECTORS,
    "target": TARGET_VECTORS,
    "headers": HEADER_VECTORS,
    "method": METHOD_VECTORS,
    "upgrade": UPGRADE_VECTORS,
}

NAMED = [(f"{kind}: {vector.name}", vector) for kind, vectors in CLASSES.items() for vector in vectors]
REFUSED = [pytest.param(vector, id=name) for name, vector in NAMED if vector.refusals]
PASSING = [pytest.param(vector, id=name) for name, vector in NAMED if not vector.refusals]
IN_EVERY_MODE = pytest.mark.parametrize("mode", MODES)


def following(how: str) -> bytes:
    """Write the good request that comes after a vector, the last one of its connection."""
    return counted(dumped({"after": how}), "Connection: close")


CONTINUE: Final = 100
UNTIL_THE_END: Final = 1_000  # more answers than any connection here has
AT_ONCE, IN_TURN = "at once", "in turn"
FOLLOWERS = [dumped({"after": AT_ONCE}), dumped({"after": IN_TURN})]


class RawUpstream:
    """Keeps every request as it came over the wire, read by nobody's parser but its own; `strays` are what is none."""

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.strays = b""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while True:
                self.seen.append(await _read_request(reader))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        except asyncio.IncompleteReadError as ended:
            self.strays += ended.partial
        finally:
            writer.close()

    @property
    def others(self) -> list[Request]:
        """Give what is not one of the good requests that come after a vector."""
        return [request for request in self.seen if request.body not in FOLLOWERS]


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    headers = make_headers((name, value) for name, _, value in (text.partition(": ") for text in lines))
    method, target, _ = line.split(" ")
    return Request(method, target, headers, await reader.readexactly(int(headers.get("Content-Length", "0"))))


@asynccontextmanager
async def standing(folder: Path, mode: str, recorded: Path, **limits: float) -> AsyncIterator[tuple[str, RawUpstream]]:
    """Run a proxy in a mode, with an upstream behind it unless it replays; give its origin and the upstream."""
    upstream = RawUpstream()
    if mode == "replay":
        async with proxy(recorded, mode, limits=limits) as running:
            yield running.url, upstream
        return
    async with await asyncio.start_server(upstream, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with proxy(folder, mode, f"http://127.0.0.1:{port}/v1", limits=limits) as running:
            yield running.url, upstream


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as read off the wire."""

    status: int
    headers: Headers
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """Give the error that it tells of, if it does."""
        error: dict[str, Any] = json.loads(self.body).get("error", {})
        return error


def split(received: bytes) -> Iterator[Answer]:
    """Take a connection's bytes apart into the whole answers they hold."""
    while b"\r\n\r\n" in received:
        head, _, rest = received.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = make_headers((name, value) for name, _, value in (text.partition(": ") for text in lines))
        length = int(headers.get("Content-Length", "0"))
        if len(rest) < length:
            return
        status = int(line.split(" ")[1])
        if status != CONTINUE:
            yield Answer(status, headers, rest[:length])
        received = rest[length:]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[socket.socket]:
    """Connect a plain socket, for asyncio's streams forget what they have read when a connection is reset."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.socket() as wire:
        wire.setblocking(False)
        await asyncio.get_running_loop().sock_connect(wire, (host, int(port)))
        async with asyncio.timeout(10):
            yield wire


async def received_on(wire: socket.socket, answers: int) -> bytes:
    """Read so many whole answers, or what comes until the connection ends."""
    received = b""
    with suppress(ConnectionError):
        while len(list(split(received))) < answers:
            part = await asyncio.get_running_loop().sock_recv(wire, 65536)
            if not part:
                break
            received += part
    return received


async def converse(url: str, sent: bytes, how: str) -> list[Answer]:
    """Send a request and a good one after it, at once or when the first is answered, and read until the end."""
    loop = asyncio.get_running_loop()
    async with connected(url) as wire:
        received = b""
        if how == IN_TURN:
            await loop.sock_sendall(wire, sent)
            received, sent = await received_on(wire, 1), b""
        with suppress(ConnectionError):  # it may be closed by now, which the answers show
            await loop.sock_sendall(wire, sent + following(how))
        received += await received_on(wire, UNTIL_THE_END)
    return list(split(received))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record a good call and those that come after vectors, and give the folder of their cassette."""
    folder = tmp_path_factory.mktemp("recorded")

    async def record() -> None:
        async with standing(folder, "record", folder) as (url, _):
            await converse(url, counted(), IN_TURN)
            await converse(url, counted(), AT_ONCE)

    asyncio.run(record())
    return folder


@pytest.fixture(scope="module")
def figures(report: Report) -> Iterator[dict[str, Counter[str]]]:
    """Count per mode what became of the vectors, and print it in the end."""
    counted_by_mode: dict[str, Counter[str]] = {mode: Counter() for mode in MODES}
    yield counted_by_mode
    for mode, figures in counted_by_mode.items():
        report(f"guard vectors, {mode}", figures)


def check_refused(vector: Vector, answers: list[Answer]) -> None:
    """Hold the answers on a connection against what may become of a vector that does not pass.

    Where it is told for sure where the request ended, the next one is answered; else the connection has ended too.
    """
    first, *others = answers
    assert (first.status, first.error["code"]) in vector.refusals
    assert first.error["param"] == vector.param
    assert first.headers["x-runproxy-outcome"] == "refused"
    assert [answer.status for answer in others] == ([] if first.error["code"] in UNFRAMED_CODES else [200])


def check_passed(vector: Vector, seen: list[Request]) -> None:
    """Hold what the upstream received against what was sent: the same call, by one reading."""
    line, _, rest = vector.sent.partition(b" HTTP/1.1\r\n")
    (request,) = seen
    assert f"{request.method} {request.target}".encode() == line
    assert json.loads(request.body) == json.loads(rest.partition(b"\r\n\r\n")[2])
    check_seen(request)


@IN_EVERY_MODE
@pytest.mark.parametrize("vector", REFUSED)
async def test_it_is_refused_and_smuggles_nothing(
    tmp_path: Path, recorded: Path, figures: dict[str, Counter[str]], mode: str, vector: Vector
) -> None:
    """The answer is an error, the upstream sees nothing of it, and a good request after it fares as if alone."""
    after = []
    async with standing(tmp_path, mode, recorded) as (url, upstream):
        for how in (IN_TURN, AT_ONCE):
            answers = await converse(url, vector.sent, how)
            check_refused(vector, answers)
            after += [dumped({"after": how})] * (len(answers) - 1)
    figures[mode].update(cases=1, refused=1, upstream_hits=len(upstream.others))
    assert [request.body for request in upstream.seen] == ([] if mode == "replay" else after)
    assert upstream.strays == b""


@IN_EVERY_MODE
@pytest.mark.parametrize("vector", PASSING)
async def test_it_passes_as_the_one_thing_it_says(
    tmp_path: Path, recorded: Path, figures: dict[str, Counter[str]], mode: str, vector: Vector
) -> None:
    """The upstream receives the call itself, within limits in every reading; replay looks for it in its cassette."""
    async with standing(tmp_path, mode, recorded) as (url, upstream):
        first, last = await converse(url, vector.sent, IN_TURN)
    figures[mode].update(cases=1, accepted=1, upstream_hits=len(upstream.others))
    assert last.status == 200
    if mode == "replay":
        assert first.status == 200 or (first.status, first.error["code"]) == (501, "cassette_miss")
        assert upstream.seen == []
    else:
        assert first.status == 200
        check_passed(vector, upstream.others)
    assert upstream.strays == b""


@IN_EVERY_MODE
async def test_a_bad_request_between_two_good_ones_is_alone_in_its_fate(
    tmp_path: Path, recorded: Path, mode: str
) -> None:
    """Good, bad, good, written at once: 200, 400, 200, and the upstream saw the two good ones."""
    sent = counted() + counted(dumped({"k": 1}))
    async with standing(tmp_path, mode, recorded) as (url, upstream):
        answers = await converse(url, sent, AT_ONCE)
    assert [answer.status for answer in answers] == [200, 400, 200]
    assert [request.body for request in upstream.seen] == ([] if mode == "replay" else [GOOD_BODY, FOLLOWERS[0]])


@IN_EVERY_MODE
@pytest.mark.parametrize("trailer", ["X-Injected: yes", "Content-Encoding: gzip"])
async def test_a_trailer_is_no_header_of_anything(tmp_path: Path, recorded: Path, mode: str, trailer: str) -> None:
    """What follows the last chunk is left out or refused, and never becomes a header of the next request."""
    sent = written(JSON_TYPE, CHUNKED, body=GOOD_CHUNKS[:-2] + f"{trailer}\r\n\r\n".encode())
    async with standing(tmp_path, mode, recorded) as (url, upstream):
        answers = await converse(url, sent, IN_TURN)
    assert [answer.status for answer in answers] in ([200, 200], [200], [400])
    assert not [request for request in upstream.seen if trailer.partition(":")[0] in request.headers]


@IN_EVERY_MODE
async def test_a_tunnel_is_refused(tmp_path: Path, recorded: Path, mode: str) -> None:
    """CONNECT is no way in: what comes after it is no tunnel, but a request of its own, or nobody's."""
    async with standing(tmp_path, mode, recorded) as (url, upstream):
        answers = await converse(url, counted(line=f"CONNECT {PATH} HTTP/1.1"), IN_TURN)
    assert upstream.others == []
    assert [answer.status for answer in answers] in ([405], [405, 200])


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(counted(GOOD_BODY, "Upgrade: h2c"), id="upgrade"),
        pytest.param(counted(GOOD_CHUNKS, CHUNKED), id="no HTTP"),
    ],
)
async def test_who_is_let_go_is_told(tmp_path: Path, recorded: Path, sent: bytes) -> None:
    """An answer after which the connection ends says so (RFC 9112 section 9.6), or the next request would be lost."""
    async with standing(tmp_path, "passthrough", recorded) as (url, _):
        (answer,) = await converse(url, sent, IN_TURN)
    assert answer.headers.get("Connection") == "close"


LIMITS = {"idle_s": 0.3, "body_s": 0.3}
BYTE_EVERY_S = 0.02  # many bytes within a limit, so that one which starts anew with every byte is found out
LONG_BODY = written(JSON_TYPE, "Content-Length: 300", body=b"")
CHUNKED_BODY = written(JSON_TYPE, CHUNKED, body=b"")
SLOW = {
    "head": (b"", counted(), []),
    "head after a good request": (counted(), counted(), [200]),
    "head after a bad request": (counted(dumped(1)), counted(), [400]),
    "empty lines": (b"", b"\r\n" * 150, []),
    "body": (LONG_BODY, b" " * 300, [408]),
    "body after a good request": (counted() + LONG_BODY, b" " * 300, [200, 408]),
    "body once it was asked for": (
        LONG_BODY.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"),
        b" " * 300,
        [408],
    ),
    "chunks": (CHUNKED_BODY, b"1\r\n \r\n" * 50, [408]),
    "size of a chunk": (CHUNKED_BODY, b"0" * 300, [408]),
    "trailers": (CHUNKED_BODY + GOOD_CHUNKS[:-2], b"X: y\r\n" * 50, [408]),
}


async def trickled(url: str, at_once: bytes, slowly: bytes, answers: int) -> tuple[list[int], int]:
    """Send a request byte by byte, until it is answered or cut off; give the statuses, and how much was sent."""
    loop = asyncio.get_running_loop()
    async with connected(url) as wire:
        await loop.sock_sendall(wire, at_once)
        reading = asyncio.create_task(received_on(wire, answers or UNTIL_THE_END))
        sent = 0
        with suppress(ConnectionError):
            while not reading.done() and sent < len(slowly):
                await loop.sock_sendall(wire, slowly[sent : sent + 1])
                sent += 1
                await asyncio.sleep(BYTE_EVERY_S)
        return [answer.status for answer in split(await reading)], sent


@IN_EVERY_MODE
async def test_who_sends_byte_by_byte_is_let_go(tmp_path: Path, recorded: Path, mode: str) -> None:
    """However a request trickles in, it ends with 408 or the connection before it is whole, and reaches nobody."""
    async with standing(tmp_path, mode, recorded, **LIMITS) as (url, upstream):
        found = await asyncio.gather(
            *(trickled(url, at_once, slowly, len(statuses)) for at_once, slowly, statuses in SLOW.values())
        )
    got = dict(zip(SLOW, found, strict=True))
    assert {name: statuses for name, (statuses, _) in got.items()} == {name: held[2] for name, held in SLOW.items()}
    assert not [name for name, (_, sent) in got.items() if sent == len(SLOW[name][1])], "read to their end"
    assert {request.body for request in upstream.seen} <= {GOOD_BODY}
    assert upstream.strays == b""
