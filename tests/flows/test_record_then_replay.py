"""The central promise: what was recorded is given back, and no credential is ever on file."""

import asyncio
import base64
import gzip
import json
import tempfile
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runproxy.guard import Guard, Judge
from runproxy.matching import match_key
from runproxy.messages import Request, Response, make_headers
from runproxy.redaction import NO_CREDENTIALS, WriteGate, scrub
from runproxy.routes import MODIFY_RUN, RouteTable
from runproxy.stores.file import FileStore
from tests.parts import ADDRESS, ScriptedUpstream, answer, ask, echo, modify, proxy, serving, stored

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
METADATA = st.none() | st.dictionaries(st.text("abcde_", min_size=1, max_size=8), TEXT, max_size=4)
QUERIES = st.sampled_from(["", "?api-version=2025-05-01", "?b=2&a=1", "?api-key=0123456789abcdef", "?sig=x%20y&a=1"])
PRINTABLE = st.characters(codec="ascii", min_codepoint=33, max_codepoint=126)
CREDENTIALS = st.text(PRINTABLE, min_size=8, max_size=40).filter(lambda text: text not in NO_CREDENTIALS)
BODIES = st.one_of(
    st.dictionaries(TEXT, TEXT | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False), max_size=4).map(
        lambda value: json.dumps(value, indent=2).encode()
    ),
    st.binary(max_size=60),
    TEXT.map(str.encode),
)
GUARDED = st.builds(lambda value, query: modify(value, ADDRESS + query), METADATA, QUERIES)
OTHER = st.builds(
    lambda method, path, query, body: Request(
        method, f"/v1/{path}{query}", make_headers([("Content-Type", "application/octet-stream")]), body
    ),
    st.sampled_from(["GET", "POST", "DELETE"]),
    st.sampled_from(["threads", "files/a%2Fb", "models"]),
    QUERIES,
    st.just(b"") | st.binary(max_size=20),
)
RESPONSES = st.builds(
    lambda status, body: Response(status, make_headers([("Content-Type", "application/json")]), body),
    st.sampled_from([200, 201, 400, 404, 429, 500]),
    BODIES,
).filter(lambda response: response.status != 404 or response.body.strip())  # that of a closed endpoint is not recorded
SESSIONS = st.lists(st.tuples(GUARDED | OTHER, RESPONSES), min_size=1, max_size=6)


def _with_credential(request: Request, credential: str) -> Request:
    headers = [pair for pair in request.headers.items() if pair[0] != "Authorization"]
    authorized = make_headers([*headers, ("Authorization", f"Bearer {credential}")])
    return Request(request.method, request.target, authorized, request.body)


def _spellings(credential: str) -> list[bytes]:
    raw = credential.encode()
    return [raw, quote(raw, safe="").encode(), base64.b64encode(raw), json.dumps(credential)[1:-1].encode()]


def _foreign_spellings(credential: str) -> list[bytes]:
    """Spell a credential as other printers do: everything escaped, in either case, slashes escaped, half quoted."""
    points = "".join(f"\\u{ord(char):04x}" for char in credential)
    escaped = json.dumps(credential)[1:-1]
    return [
        points.encode(),
        points.upper().replace("\\U", "\\u").encode(),
        escaped.replace("/", "\\/").replace("+", "\\u002B").encode(),
        "".join(f"%{ord(char):02x}" for char in credential).encode(),
        quote(credential, safe="/=").encode(),
    ]


async def _record(folder: Path, session: list[tuple[Request, Response]], credential: str) -> list[Response]:
    upstream = ScriptedUpstream(*(response for _, response in session))
    requests = [_with_credential(request, credential) for request, _ in session]
    async with serving(upstream) as base_url, proxy(folder, "record", base_url) as recording:
        return await ask(recording.url, *requests)


async def _replay(folder: Path, requests: list[Request]) -> list[Response]:
    async with proxy(folder, "replay") as replaying:
        return await ask(replaying.url, *requests)


@settings(max_examples=60, deadline=None)
@given(session=SESSIONS, credential=CREDENTIALS)
def test_any_session_replays_as_it_was_recorded(session: list[tuple[Request, Response]], credential: str) -> None:
    """Whatever was recorded matches itself and gives equal answers; what was held back had the credential in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recorded = asyncio.run(_record(folder, session, credential))
        outcomes = [response.headers["x-runproxy-outcome"] for response in recorded]
        kept = [position for position, outcome in enumerate(outcomes) if outcome == "recorded"]
        if len(kept) < len(session):
            text = b"".join(request.target.encode() + request.body + reply.body for request, reply in session)
            assert any(form in text for form in _spellings(credential)), "held back without a reason"
            return
        replayed = asyncio.run(_replay(folder, [request for request, _ in session]))
        assert [stored(response) for response in replayed] == [stored(response) for response in recorded]


@settings(max_examples=60, deadline=None)
@given(credential=CREDENTIALS, spelling=st.integers(0, 3), in_answer=st.booleans(), prefix=TEXT, as_json=st.booleans())
def test_no_credential_reaches_any_file(
    credential: str, spelling: int, in_answer: bool, prefix: str, as_json: bool
) -> None:
    """A credential that comes back in an answer, or is sent in a body, is in no file, in none of four encodings."""
    text = _spellings(credential)[spelling]
    body = (prefix.encode() + text) if not as_json else json.dumps({"k": prefix + text.decode()}).encode()
    reply = Response(200, make_headers([("Content-Type", "application/json")]), body if in_answer else b"{}")
    request = Request("POST", "/v1/threads", make_headers(), b"" if in_answer else body)
    with tempfile.TemporaryDirectory() as name:
        (got,) = asyncio.run(_record(Path(name), [(request, reply)], credential))
        assert got.body == reply.body
        written = b"".join(path.read_bytes() for path in Path(name).rglob("*") if path.is_file())
        assert not [form for form in _spellings(credential) if form in written]


@settings(max_examples=40, deadline=None)
@given(session=SESSIONS)
def test_every_recording_matches_itself(session: list[tuple[Request, Response]]) -> None:
    """The request on file has the key of the request that was sent."""
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(_record(Path(name), session, "a-credential-of-its-own"))
        interactions = FileStore(Path(name), WriteGate()).load("default")
    assert [interactions.key_of(interaction) for interaction in interactions] == [
        match_key(scrub(sent)) for sent in forwarded(session)
    ]
    assert all(scrub(interaction.request) == interaction.request for interaction in interactions)


def forwarded(session: list[tuple[Request, Response]]) -> list[Request]:
    """Give the requests of a session as the guard lets them pass."""
    guard = Guard(RouteTable((MODIFY_RUN,)), Judge())
    return [guard.admit(request).request for request, _ in session]


async def test_the_nth_identical_call_gets_the_nth_recording(tmp_path: Path) -> None:
    """A sequence of different answers to one call is replayed in its order, then the last is repeated."""
    upstream = ScriptedUpstream(*(answer({"status": status}) for status in ("queued", "in_progress", "completed")))
    call = modify({"a": "b"})
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as recording:
        recorded = await ask(recording.url, call, call, call)
    async with proxy(tmp_path, "replay") as replaying:
        replayed = await ask(replaying.url, call, call, call, call)
    assert [response.body for response in replayed] == [response.body for response in [*recorded, recorded[-1]]]


@pytest.mark.parametrize(
    ("on_exhausted", "third"),
    [
        pytest.param("last", b"2", id="last"),
        pytest.param("cycle", b"1", id="cycle"),
        pytest.param("error", None, id="error"),
    ],
)
async def test_what_answers_after_the_last_recording(tmp_path: Path, on_exhausted: str, third: bytes | None) -> None:
    """The setting decides: the last recording again, the first again, or a miss that says so."""
    upstream = ScriptedUpstream(Response(200, make_headers(), b"1"), Response(200, make_headers(), b"2"))
    call = modify({"a": "b"})
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as recording:
        await ask(recording.url, call, call)
    async with proxy(tmp_path, "replay", on_exhausted=on_exhausted) as replaying:
        *_, last = await ask(replaying.url, call, call, call)
    if third is None:
        assert last.status == 501
        assert json.loads(last.body)["error"]["reason"] == "exhausted"
    else:
        assert last.body == third


async def test_auto_replays_what_is_known_and_records_the_rest(tmp_path: Path) -> None:
    """The second time, and in the next session, a call is answered without the upstream."""
    upstream = ScriptedUpstream(make=echo)
    first, second = modify({"n": "1"}), modify({"n": "2"})
    async with serving(upstream) as base_url:
        async with proxy(tmp_path, "auto", base_url) as auto:
            answers = await ask(auto.url, first, first, second)
        async with proxy(tmp_path, "auto", base_url) as auto:
            answers += await ask(auto.url, second, first)
    outcomes = [response.headers["x-runproxy-outcome"] for response in answers]
    assert outcomes == ["recorded", "replayed", "recorded", "replayed", "replayed"]
    assert len(upstream.seen) == 2


async def test_passthrough_forwards_everything_and_records_nothing(tmp_path: Path) -> None:
    """Every call reaches the upstream, the guard still stands, and no file appears."""
    upstream = ScriptedUpstream(make=echo)
    async with serving(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as passing:
        answers = await ask(passing.url, modify({"a": "b"}), modify({"a": "b"}), modify({"a": 1}))
    assert [response.headers["x-runproxy-outcome"] for response in answers] == ["forwarded", "forwarded", "refused"]
    assert len(upstream.seen) == 2
    assert FileStore(tmp_path, WriteGate()).names() == []


async def test_other_paths_are_recorded_too(tmp_path: Path) -> None:
    """A call to an address that is not guarded is forwarded byte for byte, recorded and replayed."""
    upstream = ScriptedUpstream(make=lambda request: Response(200, make_headers(), request.body))
    call = Request(
        "POST", "/v1/files?purpose=a%20b", make_headers([("Content-Type", "text/plain")]), b"\x00\xff not json"
    )
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as recording:
        (recorded,) = await ask(recording.url, call)
    assert (upstream.seen[0].target, upstream.seen[0].body) == (call.target, call.body)
    async with proxy(tmp_path, "replay") as replaying:
        (replayed,) = await ask(replaying.url, call)
    assert replayed.body == recorded.body == call.body


@settings(max_examples=60, deadline=None)
@given(credential=CREDENTIALS, spelling=st.integers(0, 4), as_json=st.booleans())
@example(credential="\\/000000", spelling=0, as_json=False)
@example(credential="%41%42%43%44", spelling=3, as_json=True)
@example(credential="\\u0041\\u0042", spelling=2, as_json=True)
@example(credential="000\\+000", spelling=2, as_json=False)
def test_a_credential_that_another_printer_has_spelled_is_found(credential: str, spelling: int, as_json: bool) -> None:
    """What an upstream echoes with escapes of its own is held back all the same."""
    text = _foreign_spellings(credential)[spelling]
    body = b'{"e":"' + text + b'"}' if as_json else b"e: " + text
    request = Request("POST", "/v1/threads", make_headers())
    with tempfile.TemporaryDirectory() as name:
        (got,) = asyncio.run(_record(Path(name), [(request, Response(200, make_headers(), body))], credential))
        assert got.body == body
        assert got.headers["x-runproxy-outcome"] == "unrecorded"
        assert FileStore(Path(name), WriteGate()).names() == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("status", [200, 204, 304, 404])
async def test_answers_without_a_body_replay_too(tmp_path: Path, method: str, status: int) -> None:
    """Whatever the method and the status, the connection stays in order and the replay is the same."""
    call = Request(method, "/v1/models", make_headers())
    upstream = ScriptedUpstream(make=lambda _: Response(status, make_headers()))
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as recording:
        recorded = await ask(recording.url, call, call)
    async with proxy(tmp_path, "replay") as replaying:
        replayed = await ask(replaying.url, call, call)
    assert [stored(response) for response in replayed] == [stored(response) for response in recorded]
    assert {response.status for response in replayed} == {status}


async def test_auto_learns_the_credentials_of_replayed_calls(tmp_path: Path) -> None:
    """An answer that repeats the credential of an earlier caller is held back, though that call was replayed."""
    secret = "a-credential-of-another-caller"
    upstream = ScriptedUpstream(answer({"n": 1}), answer({"echo": secret}))
    first, second = modify({"n": "1"}), modify({"n": "2"})
    async with serving(upstream) as base_url, proxy(tmp_path, "auto", base_url) as auto:
        await ask(auto.url, first)
        (replayed,) = await ask(auto.url, _with_credential(first, secret))
        (held_back,) = await ask(auto.url, second)
    assert replayed.headers["x-runproxy-outcome"] == "replayed"
    assert held_back.headers["x-runproxy-outcome"] == "unrecorded"


async def test_auto_does_not_play_what_it_has_just_recorded(tmp_path: Path) -> None:
    """Where an exhausted call is an error, auto records every further answer, and plays none twice."""
    upstream = ScriptedUpstream(*(answer({"n": number}) for number in range(4)))
    call = modify({"a": "b"})
    async with serving(upstream) as base_url, proxy(tmp_path, "auto", base_url, on_exhausted="error") as auto:
        answers = await ask(auto.url, call, call, call, call)
    assert [response.headers["x-runproxy-outcome"] for response in answers] == ["recorded"] * 4


async def test_a_compressed_answer_is_looked_into(tmp_path: Path) -> None:
    """An upstream that compresses unasked hides no credential, and what cannot be looked into is not stored."""
    secret = b'{"echo": "a-credential-of-its-own"}'
    bodies = [("gzip", gzip.compress(secret)), ("br", b"anything"), ("gzip", gzip.compress(b"{}"))]
    answers = [
        Response(200, make_headers([("Content-Type", "application/json"), ("Content-Encoding", coding)]), body)
        for coding, body in bodies
    ]
    calls = [_with_credential(modify({"n": str(n)}), "a-credential-of-its-own") for n in range(3)]
    async with serving(ScriptedUpstream(*answers)) as base_url, proxy(tmp_path, "record", base_url) as recording:
        got = await ask(recording.url, *calls)
    assert [response.headers.get("x-runproxy-reason") for response in got] == ["secret_found", "opaque_body", None]
    assert [response.body for response in got] == [body for _, body in bodies]
