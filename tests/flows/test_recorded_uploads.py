"""Uploads on file: whole where they are short, a digest where they are long, and found again either way."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from runproxy.cassettes.schema import make_schema
from runproxy.messages import Request, Response
from runproxy.multipart import without_boundary
from tests.parts import CREDENTIAL, answer, proxy
from tests.uploading import TARGET, Sink, client, multipart, taking, upload

LIMIT = 64 * 1024
LIMITS: dict[str, Any] = {"max_recorded_body_bytes": LIMIT}
FORM = "Content-Type: multipart/form-data"
SHORT, LONG = b"short\n" * 100, b"long\n" * 200_000
ANOTHER_BOUNDARY = b"----a-boundary-of-another-length"


def interactions(folder: Path) -> list[dict[str, Any]]:
    """Read what is on file, which is valid."""
    path = folder / "default.json"
    if not path.exists():
        return []
    document = json.loads(path.read_text())
    Draft202012Validator(make_schema()).validate(document)
    found: list[dict[str, Any]] = document["interactions"]
    return found


def said(raw: bytes) -> Any:
    """Read the body of an answer."""
    return json.loads(raw.partition(b"\r\n\r\n")[2])


async def record(folder: Path, *bodies: bytes, sink: Sink | None = None, **settings: Any) -> list[bytes]:
    """Record uploads, one after the other, and give the answers."""
    async with taking(sink or Sink()) as base_url, proxy(folder, "record", base_url, **{**LIMITS, **settings}) as on:
        return [await upload(on.url, body, FORM) for body in bodies]


async def replay(folder: Path, *bodies: bytes, settings: Mapping[str, Any] | None = None) -> list[bytes]:
    """Replay uploads, one after the other, and give the answers."""
    async with proxy(folder, "replay", **(settings or LIMITS)) as on:
        return [await upload(on.url, body, FORM) for body in bodies]


async def test_a_short_upload_is_recorded_as_it_is_and_found_again(tmp_path: Path) -> None:
    """Though it came piece by piece."""
    await record(tmp_path, multipart(SHORT))
    (held,) = interactions(tmp_path)
    assert held["request"]["body"] == {"text": multipart(SHORT).decode()}
    assert b"x-runproxy-outcome: replayed" in (await replay(tmp_path, multipart(SHORT, ANOTHER_BOUNDARY)))[0]


async def test_a_long_upload_is_recorded_as_a_digest_and_found_again(tmp_path: Path) -> None:
    """The same file has the same digest, whatever the boundary; another one is told apart in words."""
    body, other = multipart(LONG), multipart(LONG + b".")
    (live,) = await record(tmp_path, body)
    (held,) = interactions(tmp_path)
    digest = sha256(without_boundary(body)).hexdigest()
    assert held["request"]["body"] == {"sha256": digest, "length": len(body)}
    found, missed = await replay(tmp_path, multipart(LONG, ANOTHER_BOUNDARY), other)
    assert said(found) == said(live)
    assert b"x-runproxy-outcome: recorded" in live
    assert b"x-runproxy-outcome: replayed" in found
    error = said(missed)["error"]
    assert (error["code"], error["reason"]) == ("cassette_miss", "no_match")
    only = "of which only the digest is kept (SHA-256"
    assert error["nearest"]["differences"] == [
        {
            "where": "body",
            "you_sent": f"{len(other)} bytes, {only} {sha256(without_boundary(other)).hexdigest()})",
            "recorded": f"{len(body)} bytes, {only} {digest})",
        }
    ]
    assert f"body: you sent {len(other)} bytes" in error["message"]


@pytest.mark.parametrize("body", [LONG, b'{"a": "' + b"x" * LIMIT + b'"}'], ids=["text", "JSON"])
async def test_a_larger_limit_later_does_no_harm(tmp_path: Path, body: bytes) -> None:
    """What is read whole then is found by the digest that was recorded."""
    await record(tmp_path, body)
    (found,) = await replay(tmp_path, body, settings={})
    assert b"x-runproxy-outcome: replayed" in found


async def test_a_smaller_limit_later_is_told_of(tmp_path: Path) -> None:
    """A body that is on file as it was cannot be compared with one of which no more than a digest is known."""
    await record(tmp_path, LONG, max_recorded_body_bytes=2 * len(LONG))
    (missed,) = await replay(tmp_path, LONG)
    (told,) = said(missed)["error"]["nearest"]["differences"]
    assert told["you_sent"].startswith(f"{len(LONG)} bytes, of which only the digest is kept")
    assert told["recorded"] == f"{len(LONG)} bytes"


async def test_a_long_body_that_comes_at_once_is_recorded_as_a_digest_too(tmp_path: Path) -> None:
    """How a body comes says nothing of how long it may be."""
    limits: dict[str, Any] = {"max_recorded_body_bytes": 10}
    body = b'{"metadata": {"a": "b"}}'
    headers = (f"Content-Length: {len(body)}", "Content-Type: application/json", "Connection: close")
    async with taking(Sink()) as base_url, proxy(tmp_path, "record", base_url, **limits) as on, client(on.url) as one:
        one.begin(*headers)
        one.send(body)
        live = await one.reader.read()
    assert interactions(tmp_path)[0]["request"]["body"] == {"sha256": sha256(body).hexdigest(), "length": len(body)}
    async with proxy(tmp_path, "replay", **limits) as on, client(on.url) as one:
        one.begin(*headers)
        one.send(body)
        assert said(await one.reader.read()) == said(live)


async def test_recording_the_same_upload_again_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    """To the byte, with another boundary too, and where the limit was another one."""
    sink = Sink(respond=_constant)
    await record(tmp_path, multipart(LONG), multipart(SHORT), sink=sink)
    before = (tmp_path / "default.json").read_bytes()
    await record(tmp_path, multipart(LONG, ANOTHER_BOUNDARY), multipart(SHORT, ANOTHER_BOUNDARY), sink=sink)
    await record(tmp_path, multipart(LONG), max_recorded_body_bytes=2 * len(LONG), sink=sink)
    assert (tmp_path / "default.json").read_bytes() == before


async def _constant(request: Request) -> Response:
    if request.stream is not None:
        async for _ in request.stream:
            pass
    return answer({"id": "file-1"})


async def test_an_upload_that_fails_keeps_what_was_recorded_of_its_address(tmp_path: Path) -> None:
    """For nobody knows which of them it would have been."""
    await record(tmp_path, LONG, LONG, SHORT)
    before = interactions(tmp_path)
    sink = Sink(respond=_constant)
    async with taking(sink) as base_url, proxy(tmp_path, "record", base_url, **LIMITS) as on:
        await upload(on.url, LONG, FORM)
        async with client(on.url) as sender:
            sender.begin(FORM, f"Content-Length: {len(LONG)}")
            sender.send(LONG[:1000])
            await sink.until_called(2)
    after = interactions(tmp_path)
    assert [held["request"] for held in after] == [held["request"] for held in before]


async def test_a_credential_in_an_upload_is_found_where_the_upload_is_kept(tmp_path: Path) -> None:
    """Of a long one nothing is kept that could hold it."""
    key = f"Authorization: Bearer {CREDENTIAL}"
    async with taking(Sink()) as base_url, proxy(tmp_path, "record", base_url, **LIMITS) as on:
        short = await upload(on.url, SHORT + CREDENTIAL.encode(), FORM, key)
        long = await upload(on.url, LONG + CREDENTIAL.encode(), FORM, key)
    assert b"x-runproxy-reason: secret_found" in short
    assert b"x-runproxy-outcome: recorded" in long
    (held,) = interactions(tmp_path)
    assert set(held["request"]["body"]) == {"sha256", "length"}
    assert CREDENTIAL not in (tmp_path / "default.json").read_text()


async def test_auto_knows_an_upload_once_it_has_come(tmp_path: Path) -> None:
    """An unknown one goes on as it came, and is known from then on."""
    sink = Sink()
    async with taking(sink) as base_url, proxy(tmp_path, "auto", base_url, **LIMITS) as on:
        got = [
            await upload(on.url, body, FORM)
            for body in (multipart(LONG), multipart(LONG, ANOTHER_BOUNDARY), multipart(SHORT), multipart(SHORT))
        ]
    outcomes = [b"recorded", b"replayed", b"recorded", b"replayed"]
    assert all(b"x-runproxy-outcome: " + outcome in one for outcome, one in zip(outcomes, got, strict=True))
    assert sink.bodies == [sha256(body).hexdigest() for body in (multipart(LONG), multipart(SHORT))]
    assert [set(held["request"]["body"]) for held in interactions(tmp_path)] == [{"sha256", "length"}, {"text"}]
    assert sink.heads[0].headers["Content-Length"] == str(len(multipart(LONG)))


async def test_auto_says_where_there_is_no_room_for_an_upload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It needs some until it knows where it goes; the upstream has had nothing of it."""

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SpooledTemporaryFile, "write", full)
    sink = Sink()
    async with taking(sink) as base_url, proxy(tmp_path, "auto", base_url, **LIMITS) as on:
        got = await upload(on.url, LONG, FORM)
    assert b" 507 " in got
    assert "could not be kept in a temporary file: No space left on device." in said(got)["error"]["message"]
    assert sink.heads == []
    assert "upload_not_kept" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("respond", "body", "outcome"),
    [
        pytest.param(_constant, LONG, b"verified", id="verified"),
        pytest.param(None, LONG, b"drifted", id="drifted"),
        pytest.param(_constant, SHORT, b"new", id="new"),
    ],
)
async def test_verify_compares_the_answers_to_uploads(
    tmp_path: Path, respond: Any, body: bytes, outcome: bytes
) -> None:
    """The recording is found by the digest of what has passed."""
    await record(tmp_path, multipart(LONG), sink=Sink(respond=_constant))
    async with taking(Sink(respond=respond)) as base_url, proxy(tmp_path, "verify", base_url, **LIMITS) as on:
        got = await upload(on.url, multipart(body, ANOTHER_BOUNDARY), FORM)
    assert b"x-runproxy-outcome: " + outcome in got


async def test_a_rebound_recording_answers_an_upload(tmp_path: Path) -> None:
    """With the ids in its address."""
    sink = Sink(respond=_constant)
    async with taking(sink) as base_url, proxy(tmp_path, "record", base_url, **LIMITS) as on:
        await upload(on.url, LONG, FORM, target="/v1/threads/thread_recorded1/files")
    rules = {"match": {"rebind_ids": True}}
    async with proxy(tmp_path, "replay", rules=rules, **LIMITS) as on:
        got = await upload(on.url, LONG, FORM, target="/v1/threads/thread_fresh1x/files")
    assert b"x-runproxy-outcome: replayed" in got


async def test_an_upload_can_name_its_cassette(tmp_path: Path) -> None:
    """The name is taken off before anything reads the body."""
    async with taking(Sink()) as base_url, proxy(tmp_path, "record", base_url, **LIMITS) as on:
        got = await upload(on.url, LONG, FORM, target=f"/@mine{TARGET}")
    assert b"x-runproxy-outcome: recorded" in got
    assert (tmp_path / "mine.json").exists()
