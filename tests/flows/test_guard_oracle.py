"""Nobody gets around the guard: whatever is sent, by whatever bytes, one of two things holds.

Either the answer is an error and the upstream saw nothing, or what the upstream received parses strictly, in every
common reading, to something within the limits. Replay has no upstream; there, what was sent takes its place.
"""

import asyncio
import json
import posixpath
import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runproxy.messages import Request, make_headers
from tests.parts import Report, ScriptedUpstream, answer, proxy, raw_exchange, serving

EXAMPLES = 300
EXAMPLES_OF_BODIES = 100
MODES = ["record", "auto", "passthrough", "verify", "replay"]
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


def as_json(target: str, body: bytes, method: str = "POST") -> bytes:
    """Write a request with a JSON body."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}"]).encode() + b"\r\n\r\n" + body


Pairs = list[tuple[str, Any]]
Check = TypeVar("Check", bound=Callable[..., None])


def readings(body: bytes) -> Iterator[Any]:
    """Read a body as parsers that differ would; raises `ValueError` for one that a strict parser does not take.

    Of equal names the last one wins, or the first. Names are told apart by case and what is invisible, or they are
    not. `__proto__` is a member, or what an object has its members from.
    """
    yield json.loads(body.decode("utf-8"), object_pairs_hook=unique, parse_constant=float.fromhex)
    for fold in (str, folded):
        for first_wins in (False, True):
            yield json.loads(body, object_pairs_hook=partial(chosen, fold, first_wins=first_wins))
    yield json.loads(body, object_pairs_hook=inherited)


def unique(pairs: Pairs) -> dict[str, Any]:
    """Make an object, of names that are told apart."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name stands there twice")
    return dict(pairs)


def chosen(fold: Callable[[str], str], pairs: Pairs, *, first_wins: bool) -> dict[str, Any]:
    """Make an object of names that are folded, where one of equals wins."""
    return {fold(name): value for name, value in (reversed(pairs) if first_wins else pairs)}


def inherited(pairs: Pairs) -> dict[str, Any]:
    """Make an object that has the members of its `__proto__` as well, as one that JavaScript has copied."""
    held = dict(pairs)
    above = held.get("__proto__")
    return {**above, **held} if isinstance(above, dict) else held


def folded(name: str) -> str:
    """Read a name without case, blanks and whatever is invisible, up to a bracket or a dot."""
    visible = "".join(char for char in unicodedata.normalize("NFKC", name) if char.isprintable() and char != " ")
    return re.split(r"[.\[]", visible.casefold())[0]


def is_within_limits(value: Any) -> bool:
    """Tell whether a body is one the service would take, written without the code under test."""
    return isinstance(value, dict) and set(value) <= {"metadata"} and is_good_metadata(value.get("metadata"))


def is_good_metadata(value: Any) -> bool:
    """Tell whether there is no metadata, or an object of at most 16 good pairs."""
    return value is None or (isinstance(value, dict) and len(value) <= 16 and all(map(is_good_pair, value.items())))


def is_good_pair(pair: tuple[str, Any]) -> bool:
    """Tell whether a key has at most 64 characters, and a value is a text of at most 512."""
    key, value = pair
    return len(key) <= 64 and isinstance(value, str) and len(value) <= 512


def lenient_path(target: str) -> str:
    """Read the path of a target as the most obliging server would."""
    path = re.split("[?#]", target, maxsplit=1)[0]
    for _ in range(5):
        path = unquote(path)
    return posixpath.normpath(re.sub(";[^/]*", "", path.replace("\\", "/")))


def check_call(request: Request) -> None:
    """Hold a call that was let through against the promise; a read may carry what it likes."""
    is_guarded = ROUTE.search(request.target) or ROUTE.search(lenient_path(request.target))
    if request.method in ("GET", "HEAD") or not is_guarded:
        return
    assert request.method == "POST"
    assert re.fullmatch(r"/v1/threads/[\w-]{1,128}/runs/[\w-]{1,128}(\?.*)?", request.target, re.ASCII)
    assert request.headers.getall("Content-Type") in (["application/json"], ["application/json; charset=utf-8"])
    assert "Content-Encoding" not in request.headers
    assert "_" not in "".join(request.headers)
    assert all(is_within_limits(value) for value in readings(request.body))


def check_seen(seen: Request) -> None:
    """Hold what the upstream received against the promise."""
    check_call(seen)
    overrides = "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override"
    assert not [name for name in overrides if name in seen.headers]


def as_sent(sent: bytes) -> Request:
    """Take apart a request by its length, without the cassette that it names."""
    head, _, body = sent.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = line.split(" ")
    pairs = [(name, value.strip()) for name, _, value in (text.partition(":") for text in lines)]
    return Request(method, re.sub("^/@[^/]*", "", target), make_headers(pairs), body)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: its status, whether it was let through, and what the upstream saw."""

    status: int
    was_admitted: bool
    seen: list[Request]


async def exchange(mode: str, folder: Path, sent: bytes, rules: Mapping[str, Any] | None = None) -> Outcome:
    """Send one request through a proxy that has an upstream unless it replays."""
    upstream = ScriptedUpstream(make=lambda _: answer({"id": "run_abc123"}))
    async with AsyncExitStack() as stack:
        base_url = "" if mode == "replay" else await stack.enter_async_context(serving(upstream))
        limits = {"body_s": 0.3, "idle_s": 0.3}
        running = await stack.enter_async_context(proxy(folder, mode, base_url, limits=limits, rules=rules))
        received = await raw_exchange(running.url, sent)
    found = re.match(rb"HTTP/1\.1 (\d{3})", received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n"))
    is_miss = b'"code": "cassette_miss"' in received
    return Outcome(int(found[1]) if found else 0, bool(upstream.seen) or is_miss, upstream.seen)


def outcome_of(mode: str, sent: bytes, rules: Mapping[str, Any] | None = None) -> Outcome:
    """Send one request through a fresh proxy; what holds of every outcome is looked at here."""
    with tempfile.TemporaryDirectory() as name:
        outcome = asyncio.run(exchange(mode, Path(name), sent, rules))
    assert outcome.was_admitted or not 200 <= outcome.status < 300
    assert not (outcome.was_admitted and 400 <= outcome.status < 500)
    assert not outcome.seen or mode != "replay"
    assert len(outcome.seen) <= 1
    return outcome


def counted(outcome: Outcome) -> dict[str, int]:
    """Give the figures of one request."""
    was_admitted = outcome.was_admitted
    return {"cases": 1, "accepted": was_admitted, "refused": not was_admitted, "upstream_hits": len(outcome.seen)}


def also(**found: Any) -> Callable[[Check], Check]:
    """Try what was found once in every run, whatever else Hypothesis thinks of."""
    ((name, values),) = found.items()

    def decorate(check: Check) -> Check:
        for value in values:
            check = example(**{name: value})(check)
        return check

    return decorate


FOUND_REQUESTS = [
    b"POST /v1/threads/t/runs/r HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: \r\n\r\n{}",
    as_json("/v1/threads/t/runs/r", b"{}", "PUT"),
    as_json("/v1/threads/t/runs/r", b"{}", "DELETE"),
    as_json("/v1/threads/t/runs/r/", b"{}"),
    as_json("/v1/threads/t/runs/../runs/r", b"{}"),
    as_json("/v1/%74hreads/t/runs/r", b'{"metadata":{"k":1}}'),
    as_json("/v1/threads/t/runs/r", b'{"metadata":{"k":1},"metadata":{}}'),
    as_json("/v1/threads/t/runs/r", b'{"metadata":{},"__proto__":{"metadata":{"k":1}}}'),
    as_json("/v1/threads/t/runs/r", b'{"metadata":{"k":"' + b"v" * 513 + b'"}}'),
]


@pytest.mark.parametrize("mode", MODES)
def test_no_request_gets_around_the_guard(mode: str, report: Report) -> None:
    """Hypothesis writes requests; the oracle above holds for every one of them."""
    figures: Counter[str] = Counter()

    @also(sent=FOUND_REQUESTS)
    @settings(max_examples=EXAMPLES, deadline=None)
    @given(sent=requests())
    def holds(sent: bytes) -> None:
        outcome = outcome_of(mode, sent)
        for request in outcome.seen:
            check_seen(request)
        if outcome.was_admitted:
            check_call(as_sent(sent))
        figures.update(counted(outcome))

    holds()
    report(f"fuzzed calls, {mode}", figures)
    assert figures["accepted"]
    assert figures["refused"]


VECTOR_STORES = "tool_resources/file_search/vector_stores/*/metadata"
PLACES = {
    "/v1/threads/t/runs": ("metadata", "additional_messages/*/metadata"),
    "/v1/threads": ("metadata", "messages/*/metadata", VECTOR_STORES),
    "/v1/threads/runs": (
        "metadata",
        "thread/metadata",
        "thread/messages/*/metadata",
        f"thread/{VECTOR_STORES}",
    ),
}
"""Where the bodies of three calls have metadata."""

GOOD_TEXTS = st.none() | st.dictionaries(KEYS.filter(lambda key: len(key) <= 64), GOOD_VALUES, max_size=3)
METADATA_TEXTS = st.one_of(GOOD_TEXTS, GOOD_TEXTS, GOOD_TEXTS, METADATA).map(json.dumps)
WRONG_TEXTS = st.sampled_from(["null", "[]", "{}", '"text"', "5", '[["x"]]', '{"metadata":{"k":1}}'])


def spellings(name: str) -> st.SearchStrategy[str]:
    """Spell a name as it is, mostly, or in one of the ways that readers differ about."""
    odd = [
        f"\\u{ord(name[0]):04x}{name[1:]}",
        name.capitalize(),
        name.upper(),
        f"{name} ",
        f"\\t{name}",
        f"{name}\\u200b",
        f"\\ufeff{name}",
        f"{name}\\u0000",
        f"{name}[k]",
        f"{name}.k",
        name.replace("s", "\\u017f"),
        name.replace("a", "\\uff41"),
        "__proto__",
    ]
    return st.sampled_from([name] * 5 * len(odd) + odd)


@st.composite
def object_texts(draw: st.DrawFn, places: tuple[tuple[str, ...], ...]) -> str:
    """Write an object by hand that has members on the way to these places, some of them twice."""
    names = [*dict.fromkeys(place[0] for place in places), "x"]
    members = []
    for name in draw(st.lists(st.sampled_from(names), max_size=3)):
        below = tuple(place[1:] for place in places if place[0] == name)
        members.append(f'"{draw(spellings(name))}":{draw(value_texts(below))}')
    return "{" + ",".join(members) + "}"


def value_texts(below: tuple[tuple[str, ...], ...]) -> st.SearchStrategy[str]:
    """Write what stands on the way to these places, mostly in the right kind of container."""
    if not below or () in below:
        return METADATA_TEXTS
    if below[0][0] != "*":
        right = object_texts(below)
        return st.one_of(right, right, right, right, WRONG_TEXTS, right.map("[{}]".format))
    items = value_texts(tuple(place[1:] for place in below))
    right = st.lists(items, max_size=2).map(lambda texts: f"[{','.join(texts)}]")
    return st.one_of(right, right, right, right, WRONG_TEXTS, items, items.map('{{"0":{}}}'.format))


CALLS = st.sampled_from(list(PLACES)).flatmap(
    lambda target: st.tuples(st.just(target), object_texts(tuple(tuple(at.split("/")) for at in PLACES[target])))
)


def found_at(value: Any, steps: list[str]) -> Iterator[Any]:
    """Yield what stands at a place for the most obliging reader.

    It takes an object for an array of its values or of itself, and looks for a member in the items of an array.
    """
    if not steps:
        yield value
    elif steps[0] == "*":
        for item in items_of(value):
            yield from found_at(item, steps[1:])
    elif isinstance(value, list):
        for item in value:
            yield from found_at(item, steps)
    elif isinstance(value, dict) and steps[0] in value:
        yield from found_at(value[steps[0]], steps[1:])


def items_of(value: Any) -> list[Any]:
    """Take anything for an array."""
    return [*value.values(), value] if isinstance(value, dict) else value if isinstance(value, list) else []


def check_places(target: str, body: bytes) -> None:
    """Hold a body that was let through against the promise: all its metadata is within limits in every reading."""
    for value in readings(body):
        assert isinstance(value, dict)
        for place in PLACES[target]:
            assert all(map(is_good_metadata, found_at(value, place.split("/")))), place


FOUND_CALLS = [
    ("/v1/threads", '{"Metadata":{"k":1}}'),
    ("/v1/threads", '{"metadata ":{"k":1}}'),
    ("/v1/threads", '{"metadata":{},"METADATA":{"k":1}}'),
    ("/v1/threads", '{"metadata\\u200b":{"k":1}}'),
    ("/v1/threads", '{"\\u006detadata":{"k":1}}'),
    ("/v1/threads", '{"messages":[],"\\u006dessages":[{"metadata":{"k":1}}]}'),
    ("/v1/threads", '{"me\\u017f\\u017fage\\u017f":[{"metadata":{"k":1}}]}'),
    ("/v1/threads", '{"met\\uff41data":{"k":1}}'),
    ("/v1/threads", '{"messages":{"0":{"metadata":{"k":1}}}}'),
    ("/v1/threads", '{"messages":{"metadata":{"k":1}}}'),
    ("/v1/threads", '{"messages":[[{"metadata":{"k":1}}]]}'),
    ("/v1/threads", '{"messages":[{"Metadata":{"k":1}}]}'),
    ("/v1/threads", '{"tool_resources":{"File_Search":{"vector_stores":[{"metadata":{"k":1}}]}}}'),
    ("/v1/threads/runs", '{"thread":{"metadata":{}},"Thread":{"metadata":{"k":1}}}'),
    ("/v1/threads/runs", '{"__proto__":{"thread":{"metadata":{"k":1}}}}'),
    ("/v1/threads/runs", '{"thread":{"__proto__":{"metadata":{"k":1}}}}'),
    ("/v1/threads/runs", '{"thread":[{"metadata":{"k":1}}]}'),
    ("/v1/threads/runs", '{"metadata[k]":{"k":1}}'),
    ("/v1/threads/t/runs", '{"additional_messages":[null,{},{"metadata":{"k":"v","k":1}}]}'),
    ("/v1/threads/t/runs", '{"additional_messages":[{"metadata":{"k":"v"}}]}'),
]


@pytest.mark.parametrize("mode", MODES)
def test_no_metadata_gets_around_the_guard_wherever_it_stands(mode: str, report: Report) -> None:
    """Hypothesis writes bodies with metadata in many places; the upstream gets none that is not within limits."""
    figures: Counter[str] = Counter()

    @also(call=FOUND_CALLS)
    @settings(max_examples=EXAMPLES_OF_BODIES, deadline=None)
    @given(call=CALLS)
    def holds(call: tuple[str, str]) -> None:
        target, body = call[0], call[1].encode()
        outcome = outcome_of(mode, as_json(target, body), {"guard": {"routes": "all"}})
        for request in outcome.seen:
            assert (request.method, request.target) == ("POST", target)
            check_places(target, request.body)
        if outcome.was_admitted:
            check_places(target, body)
        figures.update(counted(outcome))

    holds()
    report(f"fuzzed calls to all routes, {mode}", figures)
    assert figures["accepted"]
    assert figures["refused"]


@pytest.mark.parametrize(
    ("target", "body"),
    [
        pytest.param("/v1/threads", '{"metadata\\u0000x":{"k":1}}', id="cut off at NUL, as C does"),
        pytest.param("/v1/threads", '{"messages\\u0000x":[{"metadata":{"k":1}}]}', id="on the way, cut off at NUL"),
        pytest.param(
            "/v1/threads",
            '{"toolResources":{"fileSearch":{"vectorStores":[{"metadata":{"k":1}}]}}}',
            id="camel case, as protobuf takes it",
        ),
        pytest.param(
            "/v1/threads/t/runs", '{"additional-messages":[{"metadata":{"k":1}}]}', id="dash, as Go's json/v2 takes it"
        ),
    ],
)
def test_a_name_that_some_readers_take_for_another_is_refused(target: str, body: str) -> None:
    """A name on the way to metadata is refused in every spelling that a reader in use takes for the right one."""
    assert outcome_of("passthrough", as_json(target, body.encode()), {"guard": {"routes": "all"}}).status == 400
