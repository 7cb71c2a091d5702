"""HAR: what is read of other tools' files, what is left out, and that an export is read back as it was."""

import base64
import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from haralyzer import HarParser
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runproxy.cassettes import Cassette, decode
from runproxy.errors import ConfigError, CorruptCassette, SecretFound
from runproxy.exchange.har_reader import read_har
from runproxy.exchange.har_writer import write_har
from runproxy.exchange.imported import Import
from runproxy.redaction import WriteGate
from tests.exchange.cassettes import INTERACTIONS, NOW, made

CREDENTIAL = "made-up-credential-0123456789"
BASE = "http://127.0.0.1:8787"
NOT_SAVED = "the body of its answer was not saved; save the HAR with content"


def entry(request: dict[str, Any] | None = None, response: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Make an entry as developer tools write it, with some members replaced."""
    return {
        "startedDateTime": "2024-11-04T10:11:12.345Z",
        "time": 73.6,
        "request": {"method": "POST", "url": "https://h.test/v1/x", "headers": [], "cookies": [], **(request or {})},
        "response": {"status": 200, "headers": [], "content": {"size": 2, "text": "{}"}, **(response or {})},
        **more,
    }


def har(*entries: Any) -> bytes:
    """Make a HAR file."""
    return json.dumps({"log": {"version": "1.2", "creator": {"name": "x"}, "entries": entries}}).encode()


def read(*entries: Any, gate: WriteGate | None = None) -> Import:
    """Read a HAR file of these entries."""
    return read_har(har(*entries), "recorded.har", gate or WriteGate(), NOW)


def headers(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Make headers as HAR lists them."""
    return [{"name": name, "value": value} for name, value in pairs]


def test_an_entry_of_a_browser() -> None:
    """Address, kept headers, bodies, date and time are read; pseudo headers and credentials are dropped."""
    sent = {
        "url": "https://user@h.test:8443/v1/threads/t/runs/r?order=asc&api-key=0123456789",
        "httpVersion": "h2",
        "headers": headers(
            (":authority", "h.test:8443"),
            (":method", "POST"),
            ("content-type", "application/json"),
            ("authorization", f"Bearer {CREDENTIAL}"),
        ),
        "postData": {"mimeType": "application/json", "text": '{"metadata":{"team":"é"}}'},
    }
    got = {
        "headers": headers(("content-type", "application/json"), ("x-request-id", "req_1")),
        "content": {"size": 14, "mimeType": "application/json", "text": '{"id":"run_1"}'},
    }
    found = read(entry(sent, got))
    (interaction,) = found.interactions
    request, response = interaction.request, interaction.response
    assert (request.method, request.target) == ("POST", "/v1/threads/t/runs/r?order=asc&api-key=REDACTED")
    assert list(request.headers.items()) == [("content-type", "application/json")]
    assert request.body == '{"metadata":{"team":"é"}}'.encode()
    assert (response.status, response.body) == (200, b'{"id":"run_1"}')
    assert list(response.headers.items()) == [("content-type", "application/json"), ("x-request-id", "req_1")]
    assert (interaction.recorded_at, interaction.elapsed_ms) == (datetime(2024, 11, 4, 10, 11, 12, 345_000, UTC), 74)
    assert found.dropped == {":authority": 1, ":method": 1, "authorization": 1}
    assert (found.hosts, found.places, found.redacted) == ({"h.test:8443"}, ["entry 0"], 1)


@pytest.mark.parametrize(
    ("content", "body"),
    [
        pytest.param({"size": 0}, b"", id="absent"),
        pytest.param({"size": -1}, b"", id="size-not-known"),
        pytest.param({}, b"", id="empty-content"),
        pytest.param({"size": 5, "text": ""}, b"", id="empty-text"),
        pytest.param({"text": "né\n\0"}, "né\n\0".encode(), id="text"),
        pytest.param({"text": "//79", "encoding": "base64"}, b"\xff\xfe\xfd", id="base64"),
        pytest.param({"text": "eHl6", "encoding": ""}, b"eHl6", id="empty-encoding"),
        pytest.param({"size": 9.0, "text": "x", "compression": -3}, b"x", id="odd-sizes"),
    ],
)
def test_every_way_an_answer_is_written(content: dict[str, Any], body: bytes) -> None:
    """A body is text, base64, or not there at all."""
    assert read(entry(response={"content": content})).interactions[0].response.body == body


@pytest.mark.parametrize(
    ("post", "body", "remark"),
    [
        pytest.param(None, b"", "", id="null"),
        pytest.param({"text": "", "params": []}, b"", "", id="empty"),
        pytest.param({"text": "a=1", "params": headers(("a", "2"))}, b"a=1", "", id="text-before-fields"),
        pytest.param({"text": "//79", "encoding": "base64"}, b"\xff\xfe\xfd", "", id="base64"),
        pytest.param(
            {
                "mimeType": "application/x-www-form-urlencoded; charset=UTF-8",
                "params": headers(("a", "é b"), ("c", "")),
            },
            b"a=%C3%A9+b&c=",
            "whose form was put together from its fields",
            id="fields",
        ),
        pytest.param(
            {"text": "\ufffd"}, "\ufffd".encode(), "with replacement characters, where bytes may be lost", id="lost"
        ),
    ],
)
def test_every_way_a_request_is_written(post: dict[str, Any] | None, body: bytes, remark: str) -> None:
    """A body is text, base64 or the fields of a form; what may differ from the wire is remarked."""
    found = read(entry({"postData": post}))
    assert found.interactions[0].request.body == body
    assert list(found.changed) == [remark] * bool(remark)


@pytest.mark.parametrize(
    ("request_", "response", "reason"),
    [
        pytest.param(
            {}, {"status": 0}, "it has no answer (status 0); it was aborted, blocked or still under way", id="0"
        ),
        pytest.param({}, {"status": 101}, "its status 101 is none of a final answer", id="websocket"),
        pytest.param({}, {"status": 10**15}, "its status 1000000000000000 is none of a final answer", id="huge-status"),
        pytest.param({"method": "CONNECT"}, {}, "it opened a tunnel and is no call", id="tunnel"),
        pytest.param({"url": "data:text/plain,x"}, {}, "its address is not http or https", id="data"),
        pytest.param({"url": "chrome-extension://x/y"}, {}, "its address is not http or https", id="extension"),
        pytest.param({"url": "http://[::1"}, {}, "its address is no URL", id="no-url"),
        pytest.param({}, {"content": {"size": 9}}, NOT_SAVED, id="no-content"),
        pytest.param({}, {"content": {}, "bodySize": 9}, NOT_SAVED, id="body-size"),
        pytest.param({"bodySize": 9}, {}, "the body of its request was not saved", id="no-post-data"),
        pytest.param(
            {"postData": {"mimeType": "multipart/form-data", "params": headers(("a", "1"))}},
            {},
            "the body of its request was saved as fields of a form, not as it was sent",
            id="multipart",
        ),
        pytest.param(
            {},
            {"content": {"text": "a", "encoding": "base64"}},
            "the body of its answer is no valid base64",
            id="bad-base64",
        ),
        pytest.param(
            {"postData": {"text": "a", "encoding": "x"}},
            {},
            "the body of its request is in an encoding other than base64",
            id="encoding",
        ),
    ],
)
def test_what_cannot_be_replayed_is_left_out(request_: dict[str, Any], response: dict[str, Any], reason: str) -> None:
    """The entry is named with the reason, and those around it are read."""
    found = read(entry(), entry(request_, response), entry())
    assert found.left_out == [f"entry 1: {reason}"]
    assert found.places == ["entry 0", "entry 2"]


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        pytest.param({"url": "http://h.test/a b"}, "entry 0.request.path: a path starts", id="space"),
        pytest.param({"method": "GE T"}, "entry 0.request.method: 'GE T' is no name of HTTP", id="method"),
        pytest.param(
            {"headers": headers(("content-type", "a\rb"))}, "entry 0.request.headers[0][1]: a header", id="line-break"
        ),
    ],
)
def test_what_no_cassette_can_hold_is_left_out(request_: dict[str, Any], told: str) -> None:
    """The reason names the member."""
    (reason,) = read(entry(request_)).left_out
    assert reason.startswith(told)
    assert reason.endswith(", so no cassette can hold it")


@pytest.mark.parametrize(("status", "method"), [(204, "POST"), (304, "GET"), (200, "HEAD")], ids=["204", "304", "head"])
def test_an_answer_that_has_no_body_lacks_none(status: int, method: str) -> None:
    """Sizes beside such an answer are those of another one."""
    (interaction,) = read(entry({"method": method}, {"status": status, "content": {"size": 9}})).interactions
    assert (interaction.response.status, interaction.response.body) == (status, b"")


@pytest.mark.parametrize(
    ("started", "moment", "undated"),
    [
        pytest.param("2024-11-04T10:11:12.5+02:00", datetime(2024, 11, 4, 8, 11, 12, 500_000, UTC), 0, id="zone"),
        pytest.param("2024-11-04T10:11:12.1234567Z", datetime(2024, 11, 4, 10, 11, 12, 123_456, UTC), 0, id="7-digits"),
        pytest.param("some day", NOW, 1, id="no-date"),
        pytest.param(None, NOW, 1, id="null"),
        pytest.param("0001-01-01T00:00:00+14:00", NOW, 1, id="before-the-calendar"),
    ],
)
def test_when_an_entry_was_recorded(started: str | None, moment: datetime, undated: int) -> None:
    """ISO 8601 is read; an entry without such a date gets the moment of the import."""
    found = read(entry(startedDateTime=started))
    assert (found.interactions[0].recorded_at, found.undated) == (moment, undated)


@pytest.mark.parametrize(
    ("text", "encoding", "coding", "body", "kept"),
    [
        pytest.param("{}", None, "gzip", b"{}", None, id="text"),
        pytest.param("{}", None, "br", b"{}", None, id="text-of-another-coding"),
        pytest.param(base64.b64encode(gzip.compress(b"{}")).decode(), "base64", "gzip", b"{}", None, id="not-decoded"),
        pytest.param("//79", "base64", "br", b"\xff\xfe\xfd", "br", id="no-text"),
    ],
)
def test_a_content_coding_that_was_undone(
    text: str, encoding: str | None, coding: str, body: bytes, kept: str | None
) -> None:
    """The header goes when the body is plain; bytes that may still be compressed keep it, for the gate to refuse."""
    got = {"headers": headers(("content-encoding", coding)), "content": {"text": text, "encoding": encoding}}
    found = read(entry(response=got))
    response = found.interactions[0].response
    assert (response.body, response.headers.get("content-encoding"), found.decoded) == (body, kept, kept is None)


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        pytest.param({"headers": headers(("Authorization", f"Bearer {CREDENTIAL}"))}, {}, id="authorization"),
        pytest.param({"headers": headers(("Cookie", f"a=b; s={CREDENTIAL}"))}, {}, id="cookie"),
        pytest.param({"cookies": headers(("s", CREDENTIAL))}, {}, id="cookie-in-its-list"),
        pytest.param({"url": f"https://h.test/?token={CREDENTIAL}"}, {}, id="query"),
        pytest.param({"url": f"https://u:{CREDENTIAL}@h.test/"}, {}, id="password"),
        pytest.param({}, {"headers": headers(("set-cookie", f"a=1\ns={CREDENTIAL}; Path=/"))}, id="joined-set-cookie"),
        pytest.param(
            {}, {"headers": headers(("Set-Cookie", "a=1"), ("Set-Cookie", f"s={CREDENTIAL}"))}, id="repeated-set-cookie"
        ),
        pytest.param({}, {"cookies": headers(("s", CREDENTIAL))}, id="set-cookie-in-its-list"),
    ],
)
def test_the_gate_learns_every_credential(request_: dict[str, Any], response: dict[str, Any]) -> None:
    """Wherever a HAR holds a credential, a body that repeats it is refused."""
    gate = WriteGate()
    read(entry(request_, response), gate=gate)
    with pytest.raises(SecretFound):
        gate.inspect("body", CREDENTIAL.encode())


def test_the_gate_learns_no_words_of_every_call() -> None:
    """Host names of pseudo headers and header names of preflights are no credentials, whatever they are called."""
    gate = WriteGate()
    preflight = headers(
        (":authority", "api.example.test"), ("Access-Control-Request-Headers", "authorization,content-type")
    )
    read(entry({"method": "OPTIONS", "headers": preflight}), gate=gate)
    assert gate.lets_pass("https://api.example.test takes content-type and authorization")


def test_another_charset_is_remarked() -> None:
    """Text that was not UTF-8 once is UTF-8 now."""
    got = {"headers": headers(("Content-Type", "text/plain; charset=ISO-8859-1")), "content": {"text": "é"}}
    found = read(entry(response=got))
    assert found.interactions[0].response.body == "é".encode()
    assert found.changed == {"that name another charset, stored as UTF-8": 1}


@pytest.mark.parametrize(
    ("size", "body"),
    [
        pytest.param(2, "é".encode(), id="utf-8"),
        pytest.param(1, b"\xe9", id="latin-1"),
        pytest.param(9, "é".encode(), id="neither"),
        pytest.param(None, "é".encode(), id="not-told"),
    ],
)
def test_the_size_tells_how_text_was_encoded(size: int | None, body: bytes) -> None:
    """mitmproxy gives as Latin-1 what names no charset; where a size agrees with that alone, the bytes are restored."""
    found = read(entry({"postData": {"text": "é"}, "bodySize": size}, {"content": {"text": "é", "size": size}}))
    (interaction,) = found.interactions
    assert (interaction.request.body, interaction.response.body) == (body, body)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(b"", "cannot be read as JSON: line 1, column 1: ", id="empty"),
        pytest.param(b'{"log": \xff}', "cannot be read as JSON: ", id="no-utf-8"),
        pytest.param(b"[" * 100_000, "cannot be read as JSON: ", id="too-deep"),
        pytest.param(b'{"log": ' * 900 + b"1" + b"}" * 900, "no HAR: ", id="deep"),
        pytest.param(b"[]", "no HAR: an object 'log' with a list 'entries' was expected.", id="list"),
        pytest.param(b'{"log": []}', "no HAR: ", id="log-list"),
        pytest.param(b'{"log": {"entries": {}}}', "no HAR: ", id="entries-object"),
        pytest.param(har(1), "entry 0: all of it: ", id="number"),
        pytest.param(har(entry(), {}), "entry 1: request: Field required.", id="no-request"),
        pytest.param(har(entry({"url": None})), "entry 0: request.url: ", id="no-url"),
        pytest.param(har(entry(response={"status": "200"})), "entry 0: response.status: ", id="status-text"),
        pytest.param(har(entry(response={"status": True})), "entry 0: response.status: ", id="status-boolean"),
        pytest.param(har(entry(time=1e300)), "entry 0: time: ", id="huge-time"),
        pytest.param(har(entry({"headers": [["a", "b"]]})), "entry 0: request.headers.0: ", id="header-list"),
        pytest.param(
            har(entry(response={"content": {"text": 1}})), "entry 0: response.content.text: ", id="text-number"
        ),
    ],
)
def test_a_wrong_file_is_told_with_its_place(text: bytes, told: str) -> None:
    """The message starts with the file, and names the line, or the entry and the member."""
    with pytest.raises(CorruptCassette) as caught:
        read_har(text, "recorded.har", WriteGate(), NOW)
    assert caught.value.message.startswith(f"recorded.har: {told}")


def test_a_byte_order_mark_is_no_mistake() -> None:
    """Tools on Windows write one."""
    assert len(read_har(b"\xef\xbb\xbf" + har(entry()), "x", WriteGate(), NOW).interactions) == 1


SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PLACES = st.sampled_from(
    [
        *(("request", name) for name in ("method", "url", "headers", "cookies", "postData", "bodySize")),
        *(("response", name) for name in ("status", "headers", "cookies", "content", "bodySize")),
        *(("request", "postData", name) for name in ("mimeType", "text", "encoding", "params")),
        *(("response", "content", name) for name in ("size", "text", "encoding")),
        ("startedDateTime",),
        ("time",),
        ("request",),
        ("response",),
    ]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(PLACES, ANY_JSON), max_size=3))
@example([(("startedDateTime",), "0001-01-01T00:00:00+14:00")])
@example([(("startedDateTime",), "9999-12-31T23:59:59-14:00")])
@example([(("startedDateTime",), "Mon, 04 Nov 99999999999 10:11:12 GMT")])
@example([(("request", "url"), "http://h.test:99999999999/")])
@example([(("request", "url"), "http://\ufdfa/\ud800")])
def test_any_json_is_read_or_refused(changes: list[tuple[tuple[str, ...], Any]]) -> None:
    """Whatever stands in an entry, the outcome is an import or an error of ours, and what is read can be stored."""
    base = entry({"postData": {"text": "x"}})
    for path, value in changes:
        holder: Any = base
        for step in path[:-1]:
            holder = holder.get(step) if isinstance(holder, dict) else None
        if isinstance(holder, dict):
            holder[path[-1]] = value
    try:
        found = read(base)
    except (CorruptCassette, ConfigError):
        return
    assert len(found.interactions) + len(found.left_out) == 1


@settings(max_examples=200, deadline=None)
@given(ANY_JSON)
def test_any_document_is_read_or_refused(document: Any) -> None:
    """Neither is anything else raised for a document that is no HAR at all."""
    for value in (document, {"log": document}, {"log": {"entries": document}}, {"log": {"entries": [document]}}):
        try:
            read_har(json.dumps(value).encode(), "x", WriteGate(), NOW)
        except (CorruptCassette, ConfigError):
            continue


@settings(deadline=None)
@given(st.lists(INTERACTIONS, max_size=4))
def test_what_is_exported_is_imported_as_it_was(interactions: list[Any]) -> None:
    """Requests, answers, dates and times are equal, and nothing is left out."""
    found = read_har(write_har(Cassette(interactions), BASE), "x", WriteGate(), NOW)
    assert found.left_out == []
    assert found.interactions == interactions


def test_a_compressed_body_is_exported_as_it_reads() -> None:
    """Both sizes are told, the header stays, and the import stores it decoded."""
    held = made(answer=gzip.compress(b"plain text " * 9), headers={"content-encoding": "gzip"})
    text = write_har([held], BASE)
    got = json.loads(text)["log"]["entries"][0]["response"]
    assert got["content"]["text"] == "plain text " * 9
    assert (got["content"]["size"], got["bodySize"]) == (99, len(held.response.body))
    assert got["content"]["compression"] == 99 - len(held.response.body)
    (interaction,) = read_har(text, "x", WriteGate(), NOW).interactions
    assert interaction.response.body == b"plain text " * 9
    assert "content-encoding" not in interaction.response.headers


@pytest.mark.parametrize(("body", "coding"), [(b'{"a":1}', "br"), (b"\xff\xfe", "")])
def test_an_answer_that_came_compressed_is_exported_and_imported_as_it_was(body: bytes, coding: str) -> None:
    """Its headers name the coding where it is text; of bytes nobody could tell whether it was undone."""
    held = made(answer=body)
    held = replace(held, response=replace(held.response, coding="br"))
    text = write_har([held], BASE)
    got = json.loads(text)["log"]["entries"][0]["response"]
    assert got["bodySize"] == -1
    (interaction,) = read_har(text, "x", WriteGate(), NOW).interactions
    assert interaction == replace(held, response=replace(held.response, coding=coding))


REQUIRED: dict[str, dict[str, type]] = {
    "log": {"version": str, "creator": dict, "entries": list},
    "creator": {"name": str, "version": str},
    "entry": {"startedDateTime": str, "time": int, "request": dict, "response": dict, "cache": dict, "timings": dict},
    "request": {
        "method": str, "url": str, "httpVersion": str, "cookies": list, "headers": list, "queryString": list,
        "headersSize": int, "bodySize": int,
    },
    "postData": {"mimeType": str, "text": str},
    "response": {
        "status": int, "statusText": str, "httpVersion": str, "cookies": list, "headers": list, "content": dict,
        "redirectURL": str, "headersSize": int, "bodySize": int,
    },
    "content": {"size": int, "mimeType": str},
    "timings": {"send": int, "wait": int, "receive": int},
}  # fmt: skip
"""What HAR 1.2 demands of each object."""


def check(kind: str, value: dict[str, Any]) -> None:
    """Hold an object of a HAR against the specification, and those in it that are known."""
    for name, type_ in REQUIRED[kind].items():
        assert isinstance(value[name], type_), f"{kind}.{name}"
    for name, inner in value.items():
        if name in REQUIRED:
            check(name, inner)


@settings(deadline=None, max_examples=50)
@given(st.lists(INTERACTIONS, min_size=1, max_size=3))
def test_an_export_has_all_that_har_demands(interactions: list[Any]) -> None:
    """Every required member is there with its type, lengths and times agree, and another reader finds the same."""
    document = json.loads(write_har(interactions, BASE))
    check("log", document["log"])
    parsed = HarParser(document)
    for stored, held, theirs in zip(
        document["log"]["entries"], interactions, HarParser(document).har_data["entries"], strict=True
    ):
        check("entry", stored)
        assert stored["time"] == sum(stored["timings"].values()) == held.elapsed_ms
        assert stored["response"]["content"]["size"] == len(held.response.body)
        assert theirs is stored
    assert parsed.version == "1.2"


def test_another_reader_finds_what_was_recorded() -> None:
    """haralyzer gives address, status, headers and text of the quickstart cassette."""
    text = (Path(__file__).parents[2] / "cassettes" / "quickstart.json").read_bytes()
    cassette = decode(text, "quickstart")
    (page_entry,) = HarParser(json.loads(write_har(cassette, "https://h.test/v1"))).pages[0].entries
    assert page_entry.url == "https://h.test/v1/threads/thread_abc123/runs/run_abc123"
    assert (page_entry.status, page_entry.time) == (200, 74)
    assert page_entry.request.get_header_value("openai-beta") == "assistants=v2"
    assert page_entry.response.text.encode() == cassette[0].response.body


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        pytest.param("https://h.test", "https://h.test/v1/x", id="origin"),
        pytest.param("https://h.test/", "https://h.test/v1/x", id="slash"),
        pytest.param("https://h.test/v1", "https://h.test/v1/x", id="shared-path"),
        pytest.param("https://h.test/v1/", "https://h.test/v1/x", id="shared-path-and-slash"),
        pytest.param("https://h.test:1/@name", "https://h.test:1/@name/v1/x", id="prefix"),
        pytest.param("http://[::1]:8", "http://[::1]:8/v1/x", id="address"),
    ],
)
def test_where_the_calls_of_an_export_go(base_url: str, url: str) -> None:
    """The recorded path follows the base URL, and a path they share stands once."""
    assert json.loads(write_har([made()], base_url))["log"]["entries"][0]["request"]["url"] == url


@pytest.mark.parametrize(
    "base_url",
    [
        pytest.param("", id="empty"),
        pytest.param("h.test", id="no-scheme"),
        pytest.param("ftp://h.test", id="scheme"),
        pytest.param("http://", id="no-host"),
        pytest.param("http://h.test:x", id="port"),
        pytest.param("http://[::1", id="bracket"),
        pytest.param("http://h.test/?a", id="query"),
        pytest.param("http://u@h.test", id="user"),
        pytest.param("http://h\n.test", id="line-break"),
    ],
)
def test_a_base_url_that_is_none_is_refused(base_url: str) -> None:
    """The option is named, with an example."""
    with pytest.raises(ConfigError, match=r"^--base-url "):
        write_har([made()], base_url)
