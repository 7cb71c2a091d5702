"""Compressed answers: passed on untouched, stored as they read, and replayed in a coding that the client accepts."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from runproxy.cassettes.schema import make_schema
from runproxy.coding import CODINGS, Decoder, Encoder, decoded, encoded
from runproxy.messages import Request, Response, make_headers
from runproxy.redaction import WriteGate
from runproxy.stores.file import FileStore
from tests.parts import CREDENTIAL, ScriptedUpstream, ask, proxy, serving
from tests.wire import RawUpstream, answers_in, converse, raw_upstream

FORWARDING = ["passthrough", "record", "auto", "verify"]
TEXT = json.dumps({"id": "run_abc123", "metadata": {"user_id": "user_abc123"}}, indent=2).encode()
EVENTS = [b"event: a\ndata: {}\n\n", b"event: b\ndata: 1\n\n", b"data: [DONE]\n\n"]
JSON = ("Content-Type", "application/json")
SSE = ("Content-Type", "text/event-stream")


def call(*accepted: str, target: str = "/v1/x") -> Request:
    """Make a call whose client accepts these codings."""
    return Request("GET", target, make_headers([("Accept-Encoding", text) for text in accepted]))


def packed(coding: str, body: bytes = TEXT) -> Response:
    """Make a compressed answer."""
    return Response(200, make_headers([JSON, ("Content-Encoding", coding)]), encoded(body, coding))


def always(answer: Response) -> ScriptedUpstream:
    """Give this answer to every call."""
    return ScriptedUpstream(make=lambda _: answer)


def interactions(folder: Path) -> list[dict[str, Any]]:
    """Give what is on file, once it has been found valid."""
    document = json.loads((folder / "default.json").read_text())
    pytest.importorskip("jsonschema").Draft202012Validator(make_schema()).validate(document)
    found: list[dict[str, Any]] = document["interactions"]
    return found


@pytest.mark.parametrize("mode", FORWARDING)
@pytest.mark.parametrize("coding", CODINGS)
async def test_a_compressed_answer_passes_untouched(tmp_path: Path, coding: str, mode: str) -> None:
    """Byte for byte; and the upstream was told what the client accepts, in the client's words."""
    upstream = always(packed(coding))
    async with serving(upstream) as base_url, proxy(tmp_path, mode, base_url) as on:
        (got,) = await ask(on.url, call(f"{coding};q=0.9", "identity;q=0.1"))
    assert (got.body, got.headers["Content-Encoding"]) == (encoded(TEXT, coding), coding)
    assert got.headers["Content-Length"] == str(len(got.body))
    assert upstream.seen[0].headers.getall("Accept-Encoding") == [f"{coding};q=0.9", "identity;q=0.1"]


async def test_who_names_no_coding_gets_none(tmp_path: Path) -> None:
    """The upstream is asked for that, for it might choose any."""
    upstream = always(Response(200, make_headers([JSON]), TEXT))
    async with serving(upstream) as base_url, proxy(tmp_path, "passthrough", base_url) as on:
        await ask(on.url, call(), call(""))
    assert [seen.headers.getall("Accept-Encoding") for seen in upstream.seen] == [["identity"], [""]]


@pytest.mark.parametrize("coding", CODINGS)
async def test_it_is_stored_as_it_reads_and_replayed_as_the_client_accepts_it(tmp_path: Path, coding: str) -> None:
    """In the coding it came in or in none; what the client accepts has no part in matching."""
    async with serving(always(packed(coding))) as base_url, proxy(tmp_path, "record", base_url) as on:
        await ask(on.url, call(coding))
    (held,) = interactions(tmp_path)
    assert held["response"]["headers"] == [["content-type", "application/json"]]
    assert held["response"]["body"] == {"json": json.loads(TEXT), "style": "indent-2", "coding": coding}
    async with proxy(tmp_path, "replay") as on:
        same, plain, forbidden = await ask(on.url, call(coding), call(), call(f"{coding};q=0, identity;q=0.1"))
        again, none = await ask(on.url, call("*"), call("identity;q=0, gzip, br;q=0.5"))
    assert decoded(same.body, coding, 10_000) == TEXT
    assert (same.headers["Content-Encoding"], same.headers["Vary"]) == (coding, "Accept-Encoding")
    assert (plain.body, "Content-Encoding" in plain.headers, plain.headers["Vary"]) == (TEXT, False, "Accept-Encoding")
    assert (again.body, forbidden.body) == (same.body, TEXT)
    assert none.headers["Content-Encoding"] in ("gzip", coding)
    assert all(got.headers["Content-Length"] == str(len(got.body)) for got in (same, plain, again, none))
    assert {got.headers["x-runproxy-outcome"] for got in (same, plain, again, none)} == {"replayed"}


async def test_auto_replays_what_it_has_just_recorded_in_any_coding(tmp_path: Path) -> None:
    """From memory as from the file."""
    upstream = always(packed("zstd"))
    async with serving(upstream) as base_url, proxy(tmp_path, "auto", base_url) as on:
        first, same, plain = await ask(on.url, call("zstd"), call("zstd"), call())
    assert decoded(first.body, "zstd", 10_000) == decoded(same.body, "zstd", 10_000) == plain.body == TEXT
    assert len(upstream.seen) == 1


async def test_a_client_that_knows_all_codings_sees_no_difference(tmp_path: Path) -> None:
    """Neither between record and replay, nor between codings."""
    upstream = ScriptedUpstream(make=lambda request: packed(request.path.rpartition("/")[2]))
    read = []
    async with serving(upstream) as base_url:
        for mode in ("record", "replay"):
            async with proxy(tmp_path, mode, base_url) as on, aiohttp.ClientSession() as session:
                for coding in CODINGS:
                    async with session.get(f"{on.url}/v1/{coding}") as got:
                        assert got.headers["Content-Encoding"] == coding
                        read.append(await got.read())
    assert read == [TEXT] * 2 * len(CODINGS)


@pytest.mark.parametrize(
    ("coding", "body", "reason"),
    [
        pytest.param("gzip", TEXT, "opaque_body", id="not what it says"),
        pytest.param("gzip", gzip.compress(TEXT)[:-1], "opaque_body", id="cut off"),
        pytest.param("br", encoded(TEXT, "br") + b"more", "opaque_body", id="and more"),
        pytest.param("gzip, br", encoded(gzip.compress(TEXT), "br"), "opaque_body", id="two codings"),
        pytest.param("dcb", b"\xff", "opaque_body", id="an unknown coding"),
        pytest.param("zstd", encoded(bytes(1000), "zstd"), "answer_too_long", id="a bomb"),
    ],
)
async def test_what_cannot_be_read_passes_untouched_and_is_not_recorded(
    tmp_path: Path, coding: str, body: bytes, reason: str
) -> None:
    """The answer says why."""
    upstream = always(Response(200, make_headers([JSON, ("Content-Encoding", coding)]), body))
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url, max_recorded_body_bytes=500) as on:
        (got,) = await ask(on.url, call(coding))
    assert (got.body, got.headers["Content-Encoding"]) == (body, coding)
    assert (got.headers["x-runproxy-outcome"], got.headers["x-runproxy-reason"]) == ("unrecorded", reason)
    assert not (tmp_path / "default.json").exists()


def chunked(*pieces: bytes) -> bytes:
    """Frame pieces as chunks, and end them."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: {}\r\nTransfer-Encoding: chunked\r\n\r\n"
)


async def record_events(folder: Path, coding: str) -> bytes:
    """Record a compressed stream whose pieces come one by one, and give what the client got of it."""
    encoder, waiting = Encoder(coding), asyncio.Semaphore(0)
    packed_pieces = [encoder.feed(event) for event in EVENTS]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD.format(coding).encode())
        for piece in packed_pieces:
            writer.write(chunked(piece)[: -len(chunked())])
            await writer.drain()
            await waiting.acquire()
        writer.write(chunked(encoder.finish()))
        await writer.drain()

    async with (
        raw_upstream(serve) as base_url,
        proxy(folder, "record", base_url) as on,
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(f"{on.url}/v1/x", headers={"Accept-Encoding": coding}) as got,
    ):
        assert got.headers["Content-Encoding"] == coding
        received = b""
        for piece in packed_pieces:
            received += await got.content.readexactly(len(piece))
            waiting.release()
        return received + await got.content.read()


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_compressed_stream_is_recorded_in_pieces_that_can_be_read(tmp_path: Path, coding: str) -> None:
    """The client gets each piece as it comes, untouched; on file stands what it says."""
    received = await record_events(tmp_path, coding)
    assert decoded(received, coding, 10_000) == b"".join(EVENTS)
    (held,) = interactions(tmp_path)
    body = held["response"]["body"]
    assert ([chunk["text"].encode() for chunk in body["chunks"]], body["coding"]) == (EVENTS, coding)


@pytest.mark.parametrize("timing", ["none", "recorded", "fixed:5ms"])
@pytest.mark.parametrize("coding", CODINGS)
async def test_a_compressed_stream_is_replayed_piece_by_piece(tmp_path: Path, coding: str, timing: str) -> None:
    """As it reads, or in its coding, of which each piece can be read when it is there."""
    await record_events(tmp_path, coding)
    async with proxy(tmp_path, "replay", timing=timing) as on, aiohttp.ClientSession(auto_decompress=False) as session:
        for accepted in (coding, "identity"):
            decoder, pieces = Decoder(accepted, 10_000), []
            async with session.get(f"{on.url}/v1/x", headers={"Accept-Encoding": accepted}) as got:
                assert got.headers.get("Content-Encoding", "identity") == accepted
                async for chunk, _ in got.content.iter_chunks():
                    pieces.append(decoder.feed(chunk))
                decoder.finish()
            assert b"".join(pieces) == b"".join(EVENTS)
            if timing == "fixed:5ms":
                assert [piece for piece in pieces if piece] == EVENTS


@pytest.mark.parametrize(
    ("coding", "pieces", "told"),
    [
        pytest.param("gzip", [b"data: 1\n\n"], "cannot be looked into", id="not what it says"),
        pytest.param("br", [encoded(EVENTS[0], "br")[:-1]], "cannot be looked into", id="cut off"),
        pytest.param("gzip, br", [encoded(EVENTS[0], "br")], "cannot be looked into", id="two codings"),
        pytest.param("zstd", [encoded(bytes(1000), "zstd"), b"more"], "longer than 500 bytes", id="a bomb"),
    ],
)
async def test_a_stream_that_cannot_be_read_passes_untouched_and_is_not_recorded(
    tmp_path: Path, coding: str, pieces: list[bytes], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log says why, for the head of the answer is out before anybody can know."""
    upstream = RawUpstream([HEAD.format(coding).encode() + chunked(*pieces)])
    sent = f"GET /v1/x HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {coding}\r\nConnection: close\r\n\r\n".encode()
    async with (
        raw_upstream(upstream) as base_url,
        proxy(tmp_path, "record", base_url, max_recorded_body_bytes=500) as on,
    ):
        (got,) = answers_in(await converse(on.url, sent))
    assert (got.body, got.values("content-encoding")) == (b"".join(pieces), [coding])
    assert told in capsys.readouterr().out
    assert not (tmp_path / "default.json").exists()


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_credential_in_a_compressed_stream_is_found(tmp_path: Path, coding: str) -> None:
    """Cut in two, in two pieces of it."""
    encoder, half = Encoder(coding), len(CREDENTIAL) // 2
    parts = [encoder.feed(CREDENTIAL[:half].encode()), encoder.feed(CREDENTIAL[half:].encode()), encoder.finish()]
    upstream = RawUpstream([HEAD.format(coding).encode() + chunked(*parts)])
    sent = f"GET /v1/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {CREDENTIAL}\r\nConnection: close\r\n\r\n"
    async with raw_upstream(upstream) as base_url, proxy(tmp_path, "record", base_url) as on:
        (got,) = answers_in(await converse(on.url, sent.encode()))
    assert decoded(got.body, coding, 1000) == CREDENTIAL.encode()
    assert not (tmp_path / "default.json").exists()


@pytest.mark.parametrize(
    ("fresh", "outcome"),
    [
        pytest.param(packed("gzip"), "verified", id="the same"),
        pytest.param(packed("br"), "verified", id="in another coding"),
        pytest.param(Response(200, make_headers([JSON]), TEXT), "verified", id="in none"),
        pytest.param(packed("zstd", TEXT.replace(b"user_abc123", b"user_def456")), "drifted", id="another value"),
    ],
)
async def test_verify_compares_what_answers_say(tmp_path: Path, fresh: Response, outcome: str) -> None:
    """In whatever coding they come."""
    async with serving(always(packed("gzip"))) as base_url, proxy(tmp_path, "record", base_url) as on:
        await ask(on.url, call("gzip"))
    async with serving(always(fresh)) as base_url, proxy(tmp_path, "verify", base_url) as on:
        (got,) = await ask(on.url, call("gzip"))
    assert got.headers["x-runproxy-outcome"] == outcome
    assert got.body == fresh.body


async def test_recording_the_same_answer_in_another_coding_changes_nothing(tmp_path: Path) -> None:
    """The coding depends on the client, and is no news of the service."""
    for answer in (packed("gzip"), packed("br"), Response(200, make_headers([JSON]), TEXT)):
        async with serving(always(answer)) as base_url, proxy(tmp_path, "record", base_url) as on:
            (got,) = await ask(on.url, call("gzip", "br"))
        assert got.headers["x-runproxy-outcome"] == "recorded"
    (held,) = interactions(tmp_path)
    assert held["response"]["body"]["coding"] == "gzip"


async def test_what_is_redacted_is_redacted_in_compressed_answers(tmp_path: Path) -> None:
    """And replayed so, in every coding."""
    rules = {"redact": {"body": [{"pointer": "/metadata/user_id", "action": "replace"}]}}
    async with serving(always(packed("br"))) as base_url, proxy(tmp_path, "record", base_url, rules=rules) as on:
        await ask(on.url, call("br"))
    async with proxy(tmp_path, "replay", rules=rules) as on:
        (got,) = await ask(on.url, call("br"))
    assert json.loads(decoded(got.body, "br", 1000))["metadata"] == {"user_id": "REDACTED"}
    assert b"user_abc123" not in (tmp_path / "default.json").read_bytes()


async def test_ids_are_rebound_in_compressed_answers(tmp_path: Path) -> None:
    """An answer speaks of the ids of the call, in whatever coding it goes out."""
    answer = packed("gzip", b'{"id":"thread_abc123"}')
    match = {"match": {"rebind_ids": True}}
    async with serving(always(answer)) as base_url, proxy(tmp_path, "record", base_url) as on:
        await ask(on.url, call("gzip", target="/v1/threads/thread_abc123"))
    async with proxy(tmp_path, "replay", rules=match) as on:
        (got,) = await ask(on.url, call("gzip", target="/v1/threads/thread_def456"))
    assert gzip.decompress(got.body) == b'{"id":"thread_def456"}'


async def test_an_empty_body_that_came_compressed_is_one(tmp_path: Path) -> None:
    """It is no answer without a body."""
    async with serving(always(packed("gzip", b""))) as base_url, proxy(tmp_path, "record", base_url) as on:
        await ask(on.url, call("gzip"))
    (held,) = FileStore(tmp_path, WriteGate()).load("default")
    assert (held.response.body, held.response.coding) == (b"", "gzip")
    async with proxy(tmp_path, "replay") as on:
        same, plain = await ask(on.url, call("gzip"), call())
    assert (gzip.decompress(same.body), plain.body) == (b"", b"")
