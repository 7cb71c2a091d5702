"""Nobody gets around the guard: whatever is sent, by whatever bytes, one of two things holds.

Either the answer is an error and the upstream saw nothing, or what the upstream received parses strictly, in every
common reading, to something within the limits.
"""

import asyncio
import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runproxy.messages import Request
from tests.parts import ScriptedUpstream, answer, proxy, raw_exchange, serving

EXAMPLES = 300
MODES = ["record", "auto", "passthrough"]
ROUTE = re.compile(r"/threads/[^/?]+/runs/[^/?]+/?(?:\?|$)", re.IGNORECASE)

KEYS = st.sampled_from(["a", "k" * 64, "k" * 65, "😀" * 64, "😀" * 65, "__proto__", "", "é", "e\u0301"])
GOOD_VALUES = st.sampled_from(["", "v", "v" * 512, "😀" * 512, "e\u0301" * 256])
BAD_VALUES = st.sampled_from(["v" * 513, "😀" * 513, "e\u0301" * 300, 1, 1.5, True, None, [], {}, ["v"], {"a": "b"}])
METADATA = st.one_of(
    st.dictionaries(KEYS, GOOD_VALUES, max_size=4),
    st.dictionaries(KEYS, GOOD_VALUES | BAD_VALUES, max_size=4),
    st.dictionaries(st.text("abcdefgh", min_size=1, max_size=4), GOOD_VALUES, min_size=14, max_size=18),
    BAD_VALUES,
)
NAMES = st.sampled_from(
    ["metadata", "metadat\\u0061", "\\u006detadata", "Metadata", "metadata ", "metadata\\u200b", "status", "x"]
)
ODD_TEXTS = st.sampled_from(
    ["NaN", "Infinity", "1e999", "9" * 400, "[" * 200 + "]" * 200, '"\\ud800"', "{'a':1}", "/**/1", "01", '"\t"', "1,"]
)


@st.composite
def json_bodies(draw: st.DrawFn) -> bytes:
    """Write an object by hand, with names that repeat, in odd spellings, and values that no printer would print."""
    members = []
    for _ in range(draw(st.integers(0, 3))):
        value = draw(
            METADATA.map(json.dumps) | METADATA.map(lambda held: json.dumps(held, ensure_ascii=False)) | ODD_TEXTS
        )
        members.append(f'"{draw(NAMES)}":{value}')
    text = "{" + ",".join(members) + "}"
    return (
        draw(st.sampled_from(["", " ", "\ufeff", "x"])) + text + draw(st.sampled_from(["", "\n", "{}", "\0"]))
    ).encode()


BODIES = st.one_of(
    METADATA.map(lambda held: json.dumps({"metadata": held}).encode()),
    json_bodies(),
    METADATA.map(lambda held: json.dumps({"metadata": held}).encode("utf-16")),
    st.binary(max_size=30),
)
TARGETS = st.sampled_from(
    [
        *["/v1/threads/t/runs/r"] * 12,
        "/v1/threads/t/runs/r?api-version=1",
        "/v1/threads/t/runs/r/",
        "/v1/threads/t/runs/r%2Fcancel",
        "/v1/threads/t%2F..%2Fx/runs/r",
        "/v1/threads/t/runs/./r",
        "/v1/a/../threads/t/runs/r",
        "/v1/%2e%2e/v1/threads/t/runs/r",
        "/v1//threads/t/runs/r",
        "/v1/threads/t/runs/r;x=1",
        "/v1/%74hreads/t/runs/r",
        "/v1/%252574hreads/t/runs/r",
        "/v1/Threads/t/Runs/r",
        "/v1/threads\\t\\runs\\r",
        "/v1/threads/t/runs/r%00",
        "/v1/threads/t/runs/r%0d%0aX:1",
        "/v1/threads/t/runs/r.json",
        "/v1/threads/t/runs/r#x",
        "http://evil/v1/threads/t/runs/r",
        "/v1/threads/t/runs/" + "r" * 200,
        "/@name/v1/threads/t/runs/r",
        "/@..%2Fname/v1/threads/t/runs/r",
    ]
)
METHODS = st.sampled_from(["POST"] * 8 + ["PUT", "PATCH", "DELETE", "GET"])
TYPES = st.sampled_from(
    [["Content-Type: application/json"]] * 8
    + [
        ["Content-Type: application/json; charset=utf-8"],
        ["Content-Type: application/json; charset=utf-7"],
        ["Content-Type: application/json; charset=utf-16"],
        ["Content-Type: text/plain"],
        ["Content-Type: application/json", "Content-Type: text/plain"],
        ["Content-Type: application/x-www-form-urlencoded"],
        [],
    ]
)
EXTRAS = st.lists(
    st.sampled_from(
        [
            "X-HTTP-Method-Override: DELETE",
            "X-Original-URL: /v1/threads/t/runs/r",
            "X-Rewrite-URL: /v1/threads/t/runs/r",
            "Content-Encoding: gzip",
            "Content_Encoding: gzip",
            "Transfer-Encoding: chunked",
            "Content-Length: 5",
            "Connection: Content-Type",
            "Upgrade: h2c",
            "Expect: 100-continue",
            "X-Runproxy-Cassette: other",
        ]
    ),
    max_size=1,
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Write a request, mostly one that is nearly right."""
    body = draw(BODIES)
    lines = [f"{draw(METHODS)} {draw(TARGETS)} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += draw(TYPES) + draw(EXTRAS)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def readings(body: bytes) -> Iterator[Any]:
    """Read a body as parsers that differ would: the last of two equal names wins, or the first, or case is ignored."""
    yield json.loads(body)
    yield json.loads(body, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    yield json.loads(body, object_pairs_hook=lambda pairs: {name.strip().lower(): value for name, value in pairs})


def is_within_limits(value: Any) -> bool:
    """Tell whether a body is one the service would take, written without the code under test."""
    if not isinstance(value, dict) or not set(value) <= {"metadata"}:
        return False
    pairs = value.get("metadata") or {}
    return isinstance(pairs, dict) and len(pairs) <= 16 and all(map(is_good_pair, pairs.items()))


def is_good_pair(pair: tuple[str, Any]) -> bool:
    """Tell whether a key has at most 64 characters, and a value is a text of at most 512."""
    key, value = pair
    return len(key) <= 64 and isinstance(value, str) and len(value) <= 512


def check_seen(seen: Request) -> None:
    """Hold what the upstream received against the promise; a read may carry what it likes."""
    if seen.method in ("GET", "HEAD") or not ROUTE.search(seen.target):
        return
    assert seen.method == "POST"
    assert re.fullmatch(r"/v1/threads/[\w-]{1,128}/runs/[\w-]{1,128}(\?.*)?", seen.target, re.ASCII)
    assert seen.headers.getall("Content-Type") in (["application/json"], ["application/json; charset=utf-8"])
    assert not {"Content-Encoding", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override"} & set(seen.headers)
    assert all(is_within_limits(value) for value in readings(seen.body))


async def exchange(mode: str, folder: Path, sent: bytes) -> tuple[int, list[Request]]:
    """Send one request through a proxy, and give its status and what the upstream saw."""
    upstream = ScriptedUpstream(make=lambda _: answer({"id": "run_abc123"}))
    async with serving(upstream) as base_url:
        limits = {"body_s": 0.3, "idle_s": 0.3}
        async with proxy(folder, mode, base_url, limits=limits) as running:
            received = await raw_exchange(running.url, sent)
    found = re.match(rb"HTTP/1\.1 (\d{3})", received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n"))
    return int(found[1]) if found else 0, upstream.seen


@pytest.mark.parametrize("mode", MODES)
def test_no_request_gets_around_the_guard(mode: str) -> None:
    """Hypothesis writes requests; the oracle above holds for every one of them."""
    figures: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(sent=requests())
    @example(sent=b"POST /v1/threads/t/runs/r HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: \r\n\r\n{}")
    def holds(sent: bytes) -> None:
        with tempfile.TemporaryDirectory() as name:
            status, seen = asyncio.run(exchange(mode, Path(name), sent))
        for request in seen:
            check_seen(request)
        assert seen or not 200 <= status < 300
        figures.update(cases=1, accepted=bool(seen), refused=not seen, upstream_hits=len(seen))

    holds()
    print(f"{mode}: {dict(figures)}")
    assert figures["accepted"]
    assert figures["refused"]
