"""The format `runproxy/1`: the text of an interaction, and errors that name file and place."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.cassettes import FORMAT, Interaction, decode, decode_interaction, encode_interaction
from runproxy.cassettes.format import StoredInteraction
from runproxy.coding import CODINGS
from runproxy.errors import CorruptCassette, UnknownFormat
from runproxy.messages import BODILESS, Request, Response, make_headers

FILE = "some/file.json"
MOMENT = datetime(2024, 11, 4, 12, 30, 15, 123000, tzinfo=UTC)

FULL = Interaction(
    Request(
        "POST",
        "/v1/threads/thread_1/runs/run_1?api-version=v1&a=%2F",
        make_headers([("content-type", "application/json"), ("openai-beta", "assistants=v2")]),
        b'{"metadata":{"k":"v"}}',
    ),
    Response(
        200,
        make_headers([("x-request-id", 'a "b"'), ("x-request-id", "é")]),
        b'{\n  "id": "run_1",\n  "tools": []\n}\n',
    ),
    MOMENT,
    74,
)
FULL_TEXT = """{
  "recorded_at": "2024-11-04T12:30:15.123Z",
  "elapsed_ms": 74,
  "request": {
    "method": "POST",
    "path": "/v1/threads/thread_1/runs/run_1",
    "query": "api-version=v1&a=%2F",
    "headers": [
      ["content-type", "application/json"],
      ["openai-beta", "assistants=v2"]
    ],
    "body": {
      "json": {
        "metadata": {
          "k": "v"
        }
      }
    }
  },
  "response": {
    "status": 200,
    "headers": [
      ["x-request-id", "a \\"b\\""],
      ["x-request-id", "é"]
    ],
    "body": {
      "json": {
        "id": "run_1",
        "tools": []
      },
      "style": "indent-2+newline"
    }
  }
}"""

BARE = Interaction(Request("GET", "/", make_headers()), Response(204, make_headers()), MOMENT, 0)
BARE_TEXT = """{
  "recorded_at": "2024-11-04T12:30:15.123Z",
  "elapsed_ms": 0,
  "request": {
    "method": "GET",
    "path": "/",
    "query": "",
    "headers": []
  },
  "response": {
    "status": 204,
    "headers": []
  }
}"""


def stored(interaction: Interaction = FULL) -> Any:
    """Give an interaction as the JSON value it is stored as."""
    return orjson.loads(encode_interaction(interaction))


def document(*interactions: object) -> bytes:
    """Print a cassette of stored interactions."""
    return orjson.dumps({"format": FORMAT, "interactions": interactions})


def is_equal(one: Interaction, other: Interaction) -> bool:
    """Compare two interactions with the order and the spelling of their headers."""
    headers = [[list(found.headers.items()) for found in (held.request, held.response)] for held in (one, other)]
    return one == other and headers[0] == headers[1]


@pytest.mark.parametrize(
    ("header", "status"),
    [("Content-Length", 200), ("transfer-encoding", 200), ("Connection", 404), ("content-type", 204)],
)
def test_an_answer_that_would_be_framed_twice_is_refused(header: str, status: int) -> None:
    """Framing is the sender's: no header of it in a cassette, and no body where HTTP allows none."""
    stored = orjson.loads(encode_interaction(FULL))
    stored["response"] |= {"status": status, "headers": [[header, "5"]]}
    with pytest.raises(CorruptCassette, match="response: an answer "):
        decode_interaction(stored, "file")


@pytest.mark.parametrize(
    ("method", "status", "headers", "is_read"),
    [
        pytest.param("HEAD", 200, [["content-length", "12"]], True, id="HEAD"),
        pytest.param("GET", 304, [["Content-Length", "12"]], True, id="304"),
        pytest.param("GET", 200, [["content-length", "12"]], False, id="a body is awaited"),
        pytest.param("HEAD", 204, [["content-length", "0"]], False, id="204"),
        pytest.param("HEAD", 200, [["content-length", "twelve"]], False, id="no number"),
        pytest.param("HEAD", 200, [["content-length", "1"], ["content-length", "1"]], False, id="twice"),
    ],
)
def test_a_length_stands_where_no_body_could_tell_it(
    method: str, status: int, headers: list[list[str]], is_read: bool
) -> None:
    """What HEAD and 304 say of the body that they stand for; anywhere else a client would wait for one."""
    text = {**stored(BARE), "request": {"method": method, "path": "/"}, "response": {"status": status}}
    text["response"] = {"status": status, "headers": headers}
    if is_read:
        read = decode_interaction(text, FILE)
        assert stored(read)["response"]["headers"] == headers
        return
    with pytest.raises(CorruptCassette, match="length"):
        decode_interaction(text, FILE)


def test_a_body_that_came_compressed_is_stored_as_it_reads() -> None:
    """With the coding as its last member, which is one more line in a diff."""
    held = replace(FULL, response=replace(FULL.response, coding="gzip"))
    text = encode_interaction(held).decode()
    assert text == FULL_TEXT.replace(
        '"style": "indent-2+newline"', '"style": "indent-2+newline",\n      "coding": "gzip"'
    )
    assert is_equal(decode_interaction(orjson.loads(text), FILE), held)
    empty = replace(FULL, response=replace(FULL.response, body=b"", coding="br"))
    assert stored(empty)["response"]["body"] == {"text": "", "coding": "br"}


@pytest.mark.parametrize(
    ("side", "change", "reason"),
    [
        pytest.param("request", {"body": {"text": "a", "coding": "gzip"}}, "not permitted", id="of a request"),
        pytest.param("response", {"body": {"text": "a", "coding": "zip"}}, "unknown coding 'zip'", id="unknown"),
        pytest.param(
            "response",
            {"body": {"text": "a", "coding": "br"}, "headers": [["Content-Encoding", "br"]]},
            "takes the place of",
            id="told twice",
        ),
    ],
)
def test_a_coding_that_cannot_be_is_refused(side: str, change: dict[str, object], reason: str) -> None:
    """With its place."""
    text = stored()
    text[side] |= change
    with pytest.raises(CorruptCassette, match=reason):
        decode_interaction(text, FILE)


@pytest.mark.parametrize(("interaction", "text"), [(FULL, FULL_TEXT), (BARE, BARE_TEXT)], ids=["full", "bare"])
def test_an_interaction_has_one_text(interaction: Interaction, text: str) -> None:
    """Members stand in a fixed order, a header on one line, and an empty body is left out."""
    assert encode_interaction(interaction).decode() == text
    assert is_equal(decode_interaction(orjson.loads(text), FILE), interaction)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        pytest.param(datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00.000Z", id="whole second"),
        pytest.param(datetime(2024, 1, 2, 3, 4, 5, 6789, tzinfo=UTC), "2024-01-02T03:04:05.006Z", id="microseconds"),
        pytest.param(
            datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=2))), "2024-01-02T00:00:00.000+02:00", id="elsewhere"
        ),
    ],
)
def test_a_moment_is_printed_in_milliseconds(moment: datetime, text: str) -> None:
    """UTC is written as Z."""
    interaction = Interaction(BARE.request, BARE.response, moment, 0)
    assert stored(interaction)["recorded_at"] == text
    read = decode_interaction(stored(interaction), FILE).recorded_at
    assert read == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def test_a_cassette_is_read_in_the_order_of_the_file() -> None:
    """Every interaction comes out as it went in."""
    read = list(decode(document(stored(FULL), stored(BARE), stored(FULL)), FILE))
    assert len(read) == 3
    assert all(is_equal(one, other) for one, other in zip(read, (FULL, BARE, FULL), strict=True))


def test_an_empty_cassette_is_read() -> None:
    """A list without interactions is a cassette."""
    assert list(decode(document(), FILE)) == []


def test_what_may_be_left_out_has_a_default() -> None:
    """A person writes only what matters."""
    minimal = {
        "recorded_at": "2024-11-04T12:30:15.123Z",
        "request": {"method": "GET", "path": "/"},
        "response": {"status": 204},
    }
    assert is_equal(decode_interaction(minimal, FILE), BARE)


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["content-type", "X-Request-Id", "allow"]),
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8),
    ),
    max_size=3,
).map(make_headers)
BODIES = st.binary(max_size=20) | st.sampled_from([b"{}", b'{"a":1}', b'{\n  "a": 1\n}\n', b"null", b"text"])
INTERACTIONS = st.builds(
    Interaction,
    st.builds(
        Request, st.sampled_from(["GET", "POST"]), st.sampled_from(["/", "/a%2Fb", "/a?b=c", "/?=&"]), HEADERS, BODIES
    ),
    st.builds(
        lambda status, headers, body, coding: (
            Response(status, headers) if status in BODILESS else Response(status, headers, body, coding=coding)
        ),
        st.integers(200, 599) | st.sampled_from([204, 304]),
        HEADERS,
        BODIES,
        st.sampled_from(["", *CODINGS]),
    ),
    st.datetimes(timezones=st.just(UTC)).map(
        lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    ),
    st.integers(0, 10**6),
)


@settings(deadline=None, max_examples=150)
@given(interactions=st.lists(INTERACTIONS, max_size=3))
def test_whatever_is_encoded_is_decoded_again(interactions: list[Interaction]) -> None:
    """No part of an interaction is lost or changed on the way through a file."""
    read = list(decode(document(*map(stored, interactions)), FILE))
    assert len(read) == len(interactions)
    assert all(is_equal(one, other) for one, other in zip(read, interactions, strict=True))
    assert [encode_interaction(held) for held in read] == [encode_interaction(held) for held in interactions]


ABSENT = object()


def changed(path: str, value: object) -> Any:
    """Give a stored interaction with one member set or taken out."""
    *parents, last = path.split("/")
    interaction = inner = stored()
    for parent in parents:
        inner = inner[parent]
    if value is ABSENT:
        del inner[last]
    else:
        inner[last] = value
    return interaction


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("recorded_at", ABSENT, "recorded_at: Field required."),
        ("recorded_at", "2024-11-04T12:30:15", "recorded_at: Input should have timezone info."),
        ("elapsed_ms", -1, "elapsed_ms: Input should be greater than or equal to 0."),
        ("note", "x", "note: Extra inputs are not permitted."),
        ("request", ABSENT, "request: Field required."),
        (
            "request/method",
            "P OST",
            "request.method: 'P OST' is no name of HTTP.",
        ),
        ("request/path", "v1", "request.path: a path starts with '/' and holds no '?', no '#' and no white space."),
        ("request/path", "/v1?a", "request.path: a path starts with '/' and holds no '?', no '#' and no white space."),
        ("request/path", "/v1\n", "request.path: a path starts with '/' and holds no '?', no '#' and no white space."),
        ("request/query", "a b", "request.query: a query holds no '#' and no white space."),
        ("request/query", "a#b", "request.query: a query holds no '#' and no white space."),
        ("request/headers", {"a": "b"}, "request.headers: Input should be a valid list."),
        (
            "request/headers",
            [["a", "b"], ["a b", "c"]],
            "request.headers[1][0]: 'a b' is no name of HTTP.",
        ),
        ("request/headers", [["a", "b\nc"]], "request.headers[0][1]: a header value cannot hold a line break."),
        ("request/headers", [["a"]], "request.headers[0][1]: Field required."),
        ("request/target", "/", "request.target: Extra inputs are not permitted."),
        (
            "request/body",
            {},
            "request.body: a body holds exactly one of 'json', 'text', 'base64', 'chunks' and 'sha256'.",
        ),
        ("request/body", {"sha256": "0" * 64}, "request.body: 'sha256' and 'length' go together."),
        ("request/body", {"text": "a", "length": 1}, "request.body: 'sha256' and 'length' go together."),
        ("request/body", {"sha256": "0" * 64, "length": 0}, "request.body.length: Input should be greater than 0."),
        (
            "request/body",
            {"sha256": "A" * 64, "length": 1},
            "request.body.sha256: String should match pattern '^[0-9a-f]{64}$'.",
        ),
        ("response/body", {}, "response.body: a body holds exactly one of 'json', 'text', 'base64' and 'chunks'."),
        ("response/body", {"sha256": "0" * 64, "length": 1}, "response.body.sha256: Extra inputs are not permitted."),
        ("request/body", {"text": "", "style": "compact"}, "request.body: 'style' goes with 'json'."),
        ("response", ABSENT, "response: Field required."),
        ("response/status", ABSENT, "response.status: Field required."),
        ("response/status", 199, "response.status: Input should be greater than or equal to 200."),
        ("response/status", 600, "response.status: Input should be less than or equal to 599."),
        ("response/headers", [["a", "\0"]], "response.headers[0][1]: a header value cannot hold a line break."),
        ("response/body", {"base64": "*"}, "response.body.base64: Only base64 data is allowed."),
        ("response/body", {"json": 1, "note": 1}, "response.body.note: Extra inputs are not permitted."),
    ],
)
def test_a_wrong_interaction_is_refused_with_file_and_path(path: str, value: object, problem: str) -> None:
    """The message leads to the very member that is wrong, in the very interaction."""
    with pytest.raises(CorruptCassette) as caught:
        decode(document(stored(), stored(), changed(path, value)), FILE)
    assert caught.value.message == f"some/file.json: interactions[2].{problem}"


def test_an_unknown_style_is_refused_with_the_known_ones() -> None:
    """The message lists what could have been meant."""
    with pytest.raises(CorruptCassette, match=r"\.body\.style: unknown style 'tabs'; there are indent-2, .*\.$"):
        decode_interaction(changed("request/body", {"json": 1, "style": "tabs"}), FILE)


@pytest.mark.parametrize("wrong", [None, 1, "text", []], ids=repr)
def test_an_interaction_that_is_no_object_is_refused(wrong: object) -> None:
    """The position is named, though there is no member to name."""
    with pytest.raises(CorruptCassette, match=r"^some/file\.json: interactions\[0\]: "):
        list(decode(document(wrong), FILE))


def test_an_error_does_not_repeat_values_of_a_body() -> None:
    """A cassette may hold what should not end up in a log."""
    with pytest.raises(CorruptCassette) as caught:
        decode_interaction(changed("request/body", {"base64": "made-up-secret"}), FILE)
    error = caught.value
    assert "made-up-secret" not in f"{error} {error!r} {error.__cause__!r}"
    assert error.__suppress_context__


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            b"[]", 'some/file.json: no cassette: a JSON object with "format": "runproxy/1" was expected.', id="array"
        ),
        pytest.param(
            b'{"interactions":[]}',
            'some/file.json: no cassette: a JSON object with "format": "runproxy/1" was expected.',
            id="no format",
        ),
        pytest.param(
            b'{"format":"runproxy/1"}', "some/file.json: interactions: a list was expected.", id="no interactions"
        ),
        pytest.param(
            b'{"format":"runproxy/1","interactions":{}}',
            "some/file.json: interactions: a list was expected.",
            id="interactions are no list",
        ),
        pytest.param(
            b'{"format":"runproxy/1","interactions":[],"b":1,"a":1}',
            "some/file.json: a: no such member in a cassette.",
            id="unknown member",
        ),
    ],
)
def test_what_is_no_cassette_is_refused_with_the_file(text: bytes, message: str) -> None:
    """The message tells what was expected."""
    with pytest.raises(CorruptCassette) as caught:
        list(decode(text, FILE))
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param(b"", "line 1, column 1 (offset 0)", id="empty"),
        pytest.param(b'{\n "format": }', "line 2, column 12 (offset 13)", id="missing value"),
        pytest.param(b'{"format": "runproxy/1"}}', "line 1, column 25 (offset 24)", id="one brace too much"),
    ],
)
def test_text_that_is_no_json_is_refused_with_line_and_offset(text: bytes, place: str) -> None:
    """The place can be found in an editor, and the message says what to do."""
    with pytest.raises(CorruptCassette) as caught:
        list(decode(text, FILE))
    assert caught.value.message.startswith(f"some/file.json: not valid JSON at {place}: ")
    assert "The file was left as it is" in caught.value.message


@pytest.mark.parametrize(
    ("found", "shown"),
    [("runproxy/2", "'runproxy/2'"), ("vcr/1", "'vcr/1'"), ("RUNPROXY/1", "'RUNPROXY/1'"), (1, "1"), (None, "None")],
)
def test_an_unknown_format_is_told_from_a_broken_file(found: object, shown: str) -> None:
    """The message names the format that was found and the one that is known, before anything else is looked at."""
    with pytest.raises(UnknownFormat) as caught:
        list(decode(orjson.dumps({"format": found, "other": 1}), FILE))
    assert caught.value.message == (
        f"some/file.json: format {shown} was found, this runproxy knows 'runproxy/1'. A newer runproxy may read it."
    )


def test_the_model_has_no_member_that_is_not_written() -> None:
    """What can be read is what is written, so nothing is lost by laying out a cassette anew."""
    assert set(stored()) == set(StoredInteraction.model_fields)
