"""Commands on cassettes that hold digests in the place of bodies: each copes with them, and says so."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from runproxy.exchange.curl import write_curl
from runproxy.exchange.har_reader import read_har
from runproxy.exchange.har_writer import write_har
from runproxy.exchange.openapi import write_openapi
from runproxy.messages import Digest
from runproxy.redaction import WriteGate
from tests.cassettes.recordings import MOMENT, recording
from tests.cli.cassettes import by_hand, cassette, put, run

DIGEST = Digest("0123456789abcdef" * 4, 300_000_000)
OTHER = Digest("fedcba9876543210" * 4, 300_000_001)
HELD = recording("/v1/files", {"id": "file-1"}, sent=DIGEST)
PLAIN = recording("/v1/a", {"n": 1}, sent={"m": 1})


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put("tape", PLAIN, HELD)


def test_show_tells_length_and_digest() -> None:
    """In the place of the body."""
    result = cassette("show", "tape")
    assert result.exit_code == 0
    assert f"> (300000000 bytes, SHA-256 {DIGEST.sha256})" in result.stdout.splitlines()


def test_list_counts_it_like_any_other() -> None:
    """It is an interaction."""
    assert cassette("list").stdout.splitlines()[1].split()[:2] == ["tape", "2"]


def test_diff_tells_calls_with_other_digests_apart() -> None:
    """The same digest is the same call, and its answers are compared."""
    put("same", PLAIN, replace(HELD, request=replace(HELD.request, digest=replace(DIGEST, length=300_000_005))))
    put("other", PLAIN, recording("/v1/files", {"id": "file-1"}, sent=OTHER))
    put("drifted", PLAIN, recording("/v1/files", {"id": "file-2"}, sent=DIGEST))
    assert cassette("diff", "tape", "same").exit_code == 0
    assert "request.body.length: 300000000 -> 300000005" in cassette("diff", "tape", "same", "--all").stdout
    assert cassette("diff", "tape", "other").stdout.splitlines()[-1] == "1 call added, 1 call removed"
    assert 'response.body.id: "file-1" -> "file-2"' in cassette("diff", "tape", "drifted").stdout


def test_merge_takes_two_uploads_for_two_calls() -> None:
    """And the same one for one."""
    ours, theirs = put("ours", PLAIN, HELD), put("theirs", recording("/v1/files", {"id": "file-2"}, sent=OTHER), HELD)
    assert cassette("merge", "ours", "theirs", "--into", "both").exit_code == 0
    merged = json.loads(Path("cassettes/both.json").read_bytes())["interactions"]
    digests = [held["request"]["body"].get("sha256") for held in merged]
    assert digests == [None, DIGEST.sha256, OTHER.sha256]
    assert ours.exists()
    assert theirs.exists()


def test_format_lays_it_out() -> None:
    """As it was recorded."""
    path = Path("cassettes/tape.json")
    before = path.read_bytes()
    by_hand(path)
    assert cassette("format", "tape").exit_code == 0
    assert path.read_bytes() == before


def test_scan_takes_no_digest_for_a_secret() -> None:
    """Not even where it is searched as plain text."""
    Path("cassettes/torn.json").write_bytes(Path("cassettes/tape.json").read_bytes()[:-60])
    Path("notes.txt").write_text(DIGEST.sha256)
    result = cassette("scan", "cassettes", "notes.txt")
    assert (result.exit_code, result.stdout) == (0, "")


def test_verify_does_not_send_it_and_says_why() -> None:
    """There is nothing to send."""
    result = cassette("verify", "tape", "--upstream", "http://127.0.0.1:9/v1", "--include-unsafe", "--json")
    assert result.exit_code == 2  # for the other one, which nobody answers
    put("alone", HELD)
    result = cassette("verify", "alone", "--upstream", "http://127.0.0.1:9/v1", "--include-unsafe", "--json")
    assert result.exit_code == 0
    (call,) = json.loads(result.stdout)["calls"]
    assert call["skipped"] == "with a body that was too long to be recorded, and cannot be sent again"
    result = cassette("verify", "alone", "--upstream", "http://127.0.0.1:9/v1", "--include-unsafe")
    assert "Not sent: 1 call with a body that was too long to be recorded, and cannot be sent again." in result.output


def test_curl_prints_no_command_and_says_why() -> None:
    """What is left is a comment, and the others are commands."""
    text = write_curl({0: PLAIN, 1: HELD}, "http://h.test").decode()
    assert text.splitlines()[-2:] == [
        "# [1] POST /v1/files -> 200",
        "# no command: its body of 300000000 bytes was too long to be recorded",
    ]
    assert text.count("curl -X") == 1
    assert run("sh", "-n", text=text.encode()).returncode == 0


def test_har_tells_it_and_is_read_back() -> None:
    """With its length, its digest and a comment."""
    text = write_har([PLAIN, HELD], "http://h.test")
    told = json.loads(text)["log"]["entries"][1]["request"]
    assert (told["bodySize"], told["_sha256"]) == (DIGEST.length, DIGEST.sha256)
    assert told["comment"] == "The body was too long to be recorded."
    assert "postData" not in told
    found = read_har(text, "file.har", WriteGate(), MOMENT)
    assert [held.request for held in found.interactions] == [PLAIN.request, HELD.request]
    assert found.left_out == []
    assert found.interactions[1].request.digest is not None
    assert found.interactions[1].request.digest.length == DIGEST.length


def test_a_har_with_a_digest_that_is_none_is_left_out() -> None:
    """No cassette could hold it."""
    text = write_har([HELD], "http://h.test").replace(DIGEST.sha256.encode(), b"0123")
    found = read_har(text, "file.har", WriteGate(), MOMENT)
    assert found.interactions == []
    assert "body.sha256" in found.left_out[0]


def test_openapi_knows_that_there_was_a_body() -> None:
    """Of which it can give no example."""
    text, left_out = write_openapi([HELD], "tape")
    content = json.loads(text)["paths"]["/v1/files"]["post"]["requestBody"]["content"]
    assert content == {"application/json": {"schema": {"type": "string", "contentEncoding": "base64"}, "examples": {}}}
    assert left_out == []


def test_split_keeps_it() -> None:
    """It does not look into bodies."""
    assert cassette("split", "tape", "--by", "path").exit_code == 0
    (held,) = json.loads(Path("cassettes/tape/v1-files.json").read_bytes())["interactions"]
    assert held["request"]["body"] == {"sha256": DIGEST.sha256, "length": DIGEST.length}
