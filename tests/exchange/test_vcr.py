"""Cassettes of VCR and vcrpy: what is read of them, what is dropped, and what is refused."""

import base64
import gzip
import json
import textwrap
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from runproxy.cli import main
from runproxy.coding import encoded
from runproxy.errors import CorruptCassette
from runproxy.exchange.imported import Import
from runproxy.exchange.vcr import read_vcr
from runproxy.redaction import WriteGate

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
CREDENTIAL = "made-up-credential-0123456789"
RUN = b'{\n  "id": "run_abc123",\n  "object": "thread.run"\n}'

RUBY = f"""\
---
http_interactions:
- request:
    method: post
    uri: https://user@api.example.test:8443/v1/threads/thread_abc123/runs/run_abc123?order=asc&api-key=0123456789
    body:
      encoding: UTF-8
      string: '{{"metadata":{{"team":"search"}}}}'
    headers:
      Content-Type:
      - application/json
      Openai-Beta:
      - assistants=v2
      Authorization:
      - Bearer {CREDENTIAL}
      X-Stainless-Lang:
      - ruby-value
  response:
    status:
      code: 200
      message: OK
    headers:
      Content-Type:
      - application/json
      Set-Cookie:
      - session=cookie-value; Path=/
    body:
      encoding: ASCII-8BIT
      string: !binary |-
        {base64.b64encode(RUN).decode()}
  recorded_at: Mon, 04 Nov 2024 10:11:12 GMT
recorded_with: VCR 6.2.0
"""


def vcrpy(packed: bytes, coding: str = "gzip") -> str:
    """Make a cassette of vcrpy with a compressed answer."""
    return f"""\
interactions:
- request:
    body: '{{"metadata": null}}'
    headers:
      accept: ['*/*']
      content-type: [application/json]
    method: POST
    uri: http://api.example.test/v1/threads/t/runs/r
  response:
    body:
      string: !!binary |
        {base64.b64encode(packed).decode()}
    headers:
      Content-Encoding: [{coding}]
      Content-Type: [application/json]
      Transfer-Encoding: [chunked]
    status: {{code: 200, message: OK}}
version: 1
"""


def one(
    request: str = "{method: GET, uri: 'http://h.test/v1/x'}", response: str = "{status: {code: 200}}", more: str = ""
) -> str:
    """Make a cassette with one interaction."""
    return f"http_interactions:\n- request: {request}\n  response: {response}\n{textwrap.indent(more, '  ')}\n"


def read(text: str | bytes) -> Import:
    """Read a cassette."""
    return read_vcr(text if isinstance(text, bytes) else text.encode(), "recorded.yml", WriteGate(), NOW)


def test_a_cassette_of_ruby() -> None:
    """Method, target, kept headers, both bodies and the date are read; the query's secret is not."""
    found = read(RUBY)
    (interaction,) = found.interactions
    request, response = interaction.request, interaction.response
    assert request.method == "POST"
    assert request.target == "/v1/threads/thread_abc123/runs/run_abc123?order=asc&api-key=REDACTED"
    assert list(request.headers.items()) == [("content-type", "application/json"), ("openai-beta", "assistants=v2")]
    assert request.body == b'{"metadata":{"team":"search"}}'
    assert (response.status, response.body) == (200, RUN)
    assert list(response.headers.items()) == [("content-type", "application/json")]
    assert interaction.recorded_at == datetime(2024, 11, 4, 10, 11, 12, tzinfo=UTC)
    assert (found.hosts, found.undated, found.decoded) == ({"api.example.test:8443"}, 0, 0)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        pytest.param("gzip", gzip.compress(RUN), id="gzip"),
        pytest.param("GZIP", gzip.compress(RUN), id="gzip-in-capitals"),
        pytest.param("x-gzip", gzip.compress(RUN), id="x-gzip"),
        pytest.param("deflate", zlib.compress(RUN), id="deflate"),
        pytest.param("br", encoded(RUN, "br"), id="br"),
        pytest.param("zstd", encoded(RUN, "zstd"), id="zstd"),
    ],
)
def test_a_cassette_of_vcrpy_with_a_compressed_answer(coding: str, packed: bytes) -> None:
    """The answer is stored decoded with a note of its coding, is counted, and is dated at the import."""
    found = read(vcrpy(packed, coding))
    (interaction,) = found.interactions
    assert interaction.request.body == b'{"metadata": null}'
    assert (interaction.response.body, interaction.response.coding) == (RUN, coding.lower().removeprefix("x-"))
    assert list(interaction.response.headers.items()) == [("content-type", "application/json")]
    assert interaction.recorded_at == NOW
    assert (found.undated, found.decoded) == (1, 1)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        pytest.param("gzip", RUN, id="not-compressed"),
        pytest.param("gzip", gzip.compress(RUN)[:-6], id="cut-off"),
        pytest.param("gzip", gzip.compress(RUN) + b"more", id="more-after-it"),
        pytest.param("br", b"\x0b\x02\x80abc", id="br-cut-off"),
        pytest.param("compress", b"\x1f\x9d\x90", id="unknown-coding"),
    ],
)
def test_what_cannot_be_decoded_stays_as_it_is(coding: str, packed: bytes) -> None:
    """Bytes and content coding are kept, and nothing is counted as decoded."""
    found = read(vcrpy(packed, coding))
    response = found.interactions[0].response
    assert (response.body, response.headers["content-encoding"], found.decoded) == (packed, coding, 0)


@pytest.mark.parametrize(
    ("response", "body"),
    [
        pytest.param("{status: {code: 200}}", b"", id="absent"),
        pytest.param("{status: {code: 200}, body: null}", b"", id="null"),
        pytest.param("{status: {code: 200}, body: {encoding: UTF-8}}", b"", id="no-string"),
        pytest.param("{status: {code: 200}, body: {string: null}}", b"", id="null-string"),
        pytest.param("{status: {code: 200}, body: {string: ''}}", b"", id="empty"),
        pytest.param("{status: {code: 200}, body: {string: 'né'}}", "né".encode(), id="text"),
        pytest.param("{status: {code: 200}, body: 'text'}", b"text", id="text-without-a-nest"),
        pytest.param("{status: {code: 200}, body: {string: !binary '//79'}}", b"\xff\xfe\xfd", id="ruby-binary"),
        pytest.param("{status: {code: 200}, body: {string: !!binary '//79'}}", b"\xff\xfe\xfd", id="yaml-binary"),
        pytest.param("{status: {code: 200}, body: {base64_string: '//79'}}", b"\xff\xfe\xfd", id="base64-string"),
    ],
)
def test_every_way_a_body_is_written(response: str, body: bytes) -> None:
    """A body may be absent, text, or bytes in one of three notations."""
    assert read(one(response=response)).interactions[0].response.body == body


@pytest.mark.parametrize(
    ("more", "moment", "undated"),
    [
        pytest.param(
            "recorded_at: Mon, 04 Nov 2024 10:11:12 GMT", datetime(2024, 11, 4, 10, 11, 12, tzinfo=UTC), 0, id="rfc"
        ),
        pytest.param(
            "recorded_at: Mon, 04 Nov 2024 10:11:12 +0200", datetime(2024, 11, 4, 8, 11, 12, tzinfo=UTC), 0, id="zone"
        ),
        pytest.param("recorded_at: 2024-11-04T10:11:12Z", datetime(2024, 11, 4, 10, 11, 12, tzinfo=UTC), 0, id="yaml"),
        pytest.param(
            "recorded_at: 2024-11-04 10:11:12", datetime(2024, 11, 4, 10, 11, 12, tzinfo=UTC), 0, id="no-zone"
        ),
        pytest.param("recorded_at: some day", NOW, 1, id="no-date"),
        pytest.param("recorded_at: null", NOW, 1, id="null"),
        pytest.param("", NOW, 1, id="absent"),
    ],
)
def test_when_an_interaction_was_recorded(more: str, moment: datetime, undated: int) -> None:
    """Dates are read in Ruby's notation and in YAML's; an interaction without one gets the moment of the import."""
    found = read(one(more=more))
    assert (found.interactions[0].recorded_at, found.undated) == (moment, undated)


@pytest.mark.parametrize(
    ("uri", "target", "host"),
    [
        pytest.param("http://h.test", "/", "h.test", id="no-path"),
        pytest.param("http://h.test/a%2Fb", "/a%2Fb", "h.test", id="encoded"),
        pytest.param("http://h.test/é?ü=%c3", "/%C3%A9?%C3%BC=%c3", "h.test", id="not-encoded"),
        pytest.param("http://h.test/a?b=c%20d", "/a?b=c%20d", "h.test", id="query"),
        pytest.param("http://h.test/a?key=0123456789", "/a?key=REDACTED", "h.test", id="secret-in-query"),
        pytest.param("http://name:word@h.test:1/a", "/a", "h.test:1", id="user-and-password"),
    ],
)
def test_an_address_is_kept_without_origin_and_secrets(uri: str, target: str, host: str) -> None:
    """Path and query are kept as they were written, the host is told in the report only."""
    found = read(one(f"{{method: get, uri: '{uri}'}}"))
    assert (found.interactions[0].request.method, found.interactions[0].request.target) == ("GET", target)
    assert found.hosts == {host}


def test_dropped_headers_are_counted_by_name() -> None:
    """Names are counted in lower case, over requests and answers."""
    text = RUBY.replace("recorded_with: VCR 6.2.0\n", "") + RUBY.partition("http_interactions:\n")[2]
    assert read(text).dropped == {"authorization": 2, "x-stainless-lang": 2, "set-cookie": 2}


def test_the_report_of_an_import_holds_no_value(tmp_path: Path) -> None:
    """Dropped names and counts are told, and no value of theirs is in the report or in the cassette."""
    (tmp_path / "recorded.yml").write_text(RUBY, encoding="utf-8")
    args = ["cassette", "import", "vcr", str(tmp_path / "recorded.yml"), "--dir", str(tmp_path / "held")]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0
    assert "Headers dropped: authorization (1), set-cookie (1), x-stainless-lang (1)." in result.stderr
    written = (tmp_path / "held" / "recorded.json").read_text(encoding="utf-8")
    for value in (CREDENTIAL, "ruby-value", "cookie-value", "0123456789"):
        assert value not in result.output
        assert value not in written


@pytest.mark.parametrize(
    "holder",
    [
        pytest.param(f'{{"echo":"Bearer {CREDENTIAL}"}}', id="as-it-was-sent"),
        pytest.param(base64.b64encode(f"x{CREDENTIAL}".encode()).decode(), id="in-base64"),
        pytest.param("sk-" + "a1B2" * 10, id="shaped-like-a-key"),
    ],
)
@pytest.mark.parametrize("first", [pytest.param(True, id="held-first"), pytest.param(False, id="held-last")])
def test_an_interaction_with_a_credential_is_left_out(tmp_path: Path, holder: str, first: bool) -> None:
    """Exit code 1, the place and kind are told, the other interaction is written, and no file has the credential."""
    clean = RUBY.partition("http_interactions:\n")[2].replace("recorded_with: VCR 6.2.0\n", "")
    held = one(response=f"{{status: {{code: 200}}, body: {{string: {json.dumps(holder)}}}}}").partition("\n")[2]
    text = "http_interactions:\n" + (held + clean if first else clean + held)
    (tmp_path / "recorded.yml").write_text(text, encoding="utf-8")
    folder = tmp_path / "cassettes"
    result = CliRunner().invoke(
        main, ["cassette", "import", "vcr", str(tmp_path / "recorded.yml"), "--dir", str(folder)]
    )
    assert result.exit_code == 1
    assert f"Left out: interaction {0 if first else 1}: " in result.stderr
    assert f"{folder}/recorded.json: 1 interaction from " in result.stderr
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert [interaction["request"]["method"] for interaction in json.loads(written)["interactions"]] == ["POST"]
    for secret in (holder, CREDENTIAL):
        assert secret not in result.output
        assert secret.encode() not in written


@pytest.mark.parametrize(
    "tag",
    [
        pytest.param("!!python/object/apply:os.system [touch made]", id="call"),
        pytest.param("!!python/name:os.system ''", id="name"),
        pytest.param("!!python/object/new:os.system [touch made]", id="object"),
        pytest.param("!ruby/object:Object {}", id="ruby-object"),
    ],
)
def test_a_tag_that_makes_objects_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str) -> None:
    """Such a file is no cassette, the tag is told, and nothing it asks for is done."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CorruptCassette) as caught:
        read(one(more=f"recorded_at: {tag}"))
    assert caught.value.message.startswith("recorded.yml: cannot be read as YAML: line ")
    assert "could not determine a constructor" in caught.value.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("a: b: c", "cannot be read as YAML: line 1, column 5: mapping values", id="syntax"),
        pytest.param(b"a: \xff", "cannot be read as YAML (ReaderError).", id="no-utf-8"),
        pytest.param("[" * 5000, "cannot be read as YAML (RecursionError).", id="too-deep"),
        pytest.param(one("{method: GET, uri: 'http://[::1'}"), "interaction 0: holds something", id="no-address"),
        pytest.param(one("{method: GET, uri: 'http://h/a b'}"), "interaction 0.request.path: ", id="space-in-path"),
        pytest.param(one("{method: GET, uri: foo}"), "interaction 0.request.path: ", id="no-path"),
        pytest.param(one("{method: 'GE T', uri: 'http://h/'}"), "interaction 0.request.method: ", id="odd-method"),
        pytest.param(one('{method: GET, uri: "http://h/", body: "\\ud800"}'), "interaction 0: holds", id="surrogate"),
        pytest.param(
            one("{method: GET, uri: 'http://h/', body: {base64_string: a}}"), "interaction 0: holds", id="bad-base64"
        ),
        pytest.param("", "no VCR cassette: a list 'http_interactions'", id="empty"),
        pytest.param("- 1", "no VCR cassette: a list 'http_interactions'", id="list"),
        pytest.param("http_interactions: 1", "no VCR cassette: a list 'http_interactions'", id="no-list"),
        pytest.param("recordings: []", "no VCR cassette: a list 'http_interactions'", id="another-tool"),
        pytest.param("interactions: [{}]", "interaction 0: request: Field required.", id="no-request"),
        pytest.param(one("{uri: 'http://h.test/'}"), "interaction 0: request.method: Field required.", id="no-method"),
        pytest.param(one("{method: GET}"), "interaction 0: request.uri: Field required.", id="no-uri"),
        pytest.param(one(response="{}"), "interaction 0: response.status: Field required.", id="no-status"),
        pytest.param(one(response="{status: {code: fine}}"), "interaction 0: response.status.code: ", id="status-text"),
        pytest.param(one(response="{status: {code: 99}}"), "interaction 0: response.status.code: ", id="status-number"),
        pytest.param(one() + "- 1\n", "interaction 1: ", id="second"),
    ],
)
def test_a_wrong_file_is_told_with_its_place(text: str | bytes, told: str) -> None:
    """The message starts with the file, and names the interaction and the member that is wrong."""
    with pytest.raises(CorruptCassette) as caught:
        read(text)
    assert caught.value.message.startswith(f"recorded.yml: {told}")
    assert caught.value.exit_code == 2


def test_an_error_of_the_yaml_reader_shows_nothing_of_the_file() -> None:
    """The place is told; the line there may hold a credential."""
    with pytest.raises(CorruptCassette) as caught:
        read("headers: {Authorization: [Bearer made-up-credential-0123456789], X: @}")
    assert "made-up" not in caught.value.message
    assert "line 1, column " in caught.value.message


def test_a_password_in_an_address_is_a_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that repeats the password of the recorded address is left out."""
    monkeypatch.chdir(tmp_path)
    text = one("{method: GET, uri: 'http://u:secretpw123@h.test/'}", "{status: {code: 200}, body: secretpw123}")
    (tmp_path / "recorded.yml").write_text(text)
    result = CliRunner().invoke(main, ["cassette", "import", "vcr", "recorded.yml"])
    assert result.exit_code == 2
    assert "secretpw123" not in result.output
    assert not (tmp_path / "cassettes" / "recorded.json").exists()


def test_what_cannot_be_looked_into_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer in a coding that is not known is named and left out; the others are imported."""
    monkeypatch.chdir(tmp_path)
    packed = "{status: {code: 200}, headers: {Content-Encoding: [br]}, body: packed}"
    text = (
        one("{method: GET, uri: 'http://h.test/a'}", packed)
        + one("{method: GET, uri: 'http://h.test/b'}").partition("\n")[2]
    )
    (tmp_path / "recorded.yml").write_text(text)
    result = CliRunner().invoke(main, ["cassette", "import", "vcr", "recorded.yml"])
    assert result.exit_code == 1
    assert "Left out: interaction 0: the body of the response is compressed" in result.stderr
    written = json.loads((tmp_path / "cassettes" / "recorded.json").read_text())
    assert [interaction["request"]["path"] for interaction in written["interactions"]] == ["/b"]
