"""Stored bodies: readable where that is possible, and always the very bytes again."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from runproxy.cassettes.body import StoredBody, to_stored
from runproxy.jsonstyle import STYLES, render
from runproxy.messages import Piece

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)
PRINTED = st.builds(
    lambda value, indent, ascii_only, end: json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode() + end,
    JSON_VALUES,
    st.sampled_from([None, 1, 2, 4, "\t"]),
    st.booleans(),
    st.sampled_from([b"", b"\n", b"\r\n", b" "]),
)


def there_and_back(body: bytes) -> bytes:
    """Store a body as text of a file and read it again."""
    stored = to_stored(body)
    return b"" if stored is None else StoredBody.model_validate(orjson.loads(orjson.dumps(stored))).to_bytes()


@settings(deadline=None, max_examples=400)
@given(body=st.binary(max_size=60) | st.text(max_size=30).map(lambda text: text.encode("utf-8", "replace")) | PRINTED)
@example(body=b'{"a":1,"a":1}')
@example(body=b"\xef\xbb\xbf{}")
@example(body=b"1e400")
@example(body=b"-0")
@example(body=b'"\\ud800"')
@example(body=b"18446744073709551616")
def test_any_body_comes_back_to_the_byte(body: bytes) -> None:
    """Whatever the bytes are, what was stored gives them back."""
    assert there_and_back(body) == body


VALUE = {"a": [1, "é"]}


@pytest.mark.parametrize("style", [style for style in STYLES if style != "compact"])
def test_json_is_stored_as_a_value_and_its_style(style: str) -> None:
    """A person reads the value, the style tells how it was printed."""
    body = render(VALUE, style)
    assert to_stored(body) == {"json": VALUE, "style": style}
    assert there_and_back(body) == body


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        pytest.param(b"", None, id="empty"),
        pytest.param('{"a":[1,"é"]}'.encode(), {"json": VALUE}, id="compact needs no style"),
        pytest.param(b"null", {"json": None, "style": "indent-2"}, id="null"),
        pytest.param(b"{}", {"json": {}, "style": "indent-2"}, id="empty object"),
        pytest.param(b"[1,2]", {"json": [1, 2]}, id="array"),
        pytest.param(b'{"a" : 1}', {"text": '{"a" : 1}'}, id="JSON of no style"),
        pytest.param(b'{"a":1,"a":1}', {"text": '{"a":1,"a":1}'}, id="name twice"),
        pytest.param(b'{"a":"\\u00e9"}', {"text": '{"a":"\\u00e9"}'}, id="escape"),
        pytest.param(b"{", {"text": "{"}, id="broken JSON"),
        pytest.param(b"\n", {"text": "\n"}, id="white space"),
        pytest.param("text é\r\n".encode(), {"text": "text é\r\n"}, id="text"),
        pytest.param(b"data: {}\n\ndata: [DONE]\n\n", {"text": "data: {}\n\ndata: [DONE]\n\n"}, id="event stream"),
        pytest.param(b"\xff\x00", {"base64": "/wA="}, id="bytes"),
        pytest.param(b"\x1f\x8b\x08", {"base64": "H4sI"}, id="gzip"),
        pytest.param(b'{"a":"\xff"}', {"base64": "eyJhIjoi/yJ9"}, id="JSON that is no UTF-8"),
    ],
)
def test_a_body_is_stored_as_the_most_readable_kind(body: bytes, stored: dict[str, object] | None) -> None:
    """JSON before text, text before base64, and nothing for no body."""
    assert to_stored(body) == stored
    assert there_and_back(body) == body


@pytest.mark.parametrize(
    ("stored", "body"),
    [
        pytest.param({"json": {"b": 1, "a": 2}}, b'{"b":1,"a":2}', id="names stay in order"),
        pytest.param({"json": [1.0, 1]}, b"[1.0,1]", id="floats stay floats"),
        pytest.param({"json": None}, b"null", id="null is a value"),
        pytest.param({"json": [], "style": "compact"}, b"[]", id="compact may be said"),
        pytest.param({"json": [1], "style": "indent-4+newline"}, b"[\n    1\n]\n", id="style"),
        pytest.param({"text": ""}, b"", id="empty text"),
        pytest.param({"text": "é"}, "é".encode(), id="text is UTF-8"),
        pytest.param({"base64": ""}, b"", id="empty base64"),
        pytest.param({"base64": "/wA="}, b"\xff\x00", id="base64"),
    ],
)
def test_a_body_written_by_hand_is_read(stored: dict[str, object], body: bytes) -> None:
    """Each of the three kinds gives the bytes a person would expect."""
    assert StoredBody.model_validate(stored).to_bytes() == body


@pytest.mark.parametrize(
    ("stored", "place", "reason"),
    [
        pytest.param({}, (), "exactly one of 'json', 'text', 'base64' and 'chunks'", id="nothing"),
        pytest.param(
            {"style": "compact"}, (), "exactly one of 'json', 'text', 'base64' and 'chunks'", id="only a style"
        ),
        pytest.param({"json": 1, "text": "1"}, (), "exactly one of", id="two kinds"),
        pytest.param({"json": None, "base64": ""}, (), "exactly one of", id="two kinds, one null"),
        pytest.param({"text": "a", "style": "compact"}, (), "'style' goes with 'json'", id="style of text"),
        pytest.param({"base64": "", "style": "compact"}, (), "'style' goes with 'json'", id="style of base64"),
        pytest.param({"json": 1, "style": "tabs"}, ("style",), "unknown style 'tabs'; there are indent-2,", id="style"),
        pytest.param({"base64": "*"}, ("base64",), "base64", id="no base64"),
        pytest.param({"base64": "/wA"}, ("base64",), "padding", id="base64 cut off"),
        pytest.param({"base64": "/w A="}, ("base64",), "base64", id="base64 with a space"),
        pytest.param({"text": 1}, ("text",), "string", id="text that is a number"),
        pytest.param({"text": "a", "note": "b"}, ("note",), "not permitted", id="unknown member"),
        pytest.param({"json_value": 1}, ("json_value",), "not permitted", id="name of the attribute"),
    ],
)
def test_a_wrong_body_is_refused_with_its_place(stored: dict[str, object], place: tuple[str, ...], reason: str) -> None:
    """The first problem names the member and what is wrong with it."""
    with pytest.raises(ValidationError) as caught:
        StoredBody.model_validate(stored)
    first = caught.value.errors()[0]
    assert first["loc"] == place
    assert reason in first["msg"]


@pytest.mark.parametrize("depth", [240, 250, 253, 254, 255, 600, 1024, 2000])
def test_deep_bodies_are_stored_one_way_or_another(depth: int) -> None:
    """What is nested too deep to stand as JSON in a cassette stands there as text."""
    body = b"[" * depth + b"]" * depth
    stored = to_stored(body)
    assert stored is not None
    orjson.dumps({"interactions": [{"response": {"body": stored}}]})
    assert StoredBody.model_validate(stored).to_bytes() == body


@pytest.mark.parametrize("kind", ["text", "base64"])
def test_null_is_no_text(kind: str) -> None:
    """A body that is null where a string was expected is told, not taken for an empty one."""
    with pytest.raises(ValidationError):
        StoredBody.model_validate({kind: None})


CUTS = st.lists(st.integers(1, 5), max_size=8).map(lambda lengths: [Piece(length, length) for length in lengths])


@given(pieces=CUTS, data=st.data())
def test_a_streamed_body_keeps_its_bytes_and_its_pieces(pieces: list[Piece], data: st.DataObject) -> None:
    """Whatever the bytes are, and wherever it was cut, in the middle of a character too."""
    size = sum(piece.length for piece in pieces)
    body = data.draw(st.binary(min_size=size, max_size=size) | st.just(("ä€" * size).encode()[:size]))
    stored = to_stored(body, pieces)
    if stored is None:
        assert not pieces
        return
    read = StoredBody.model_validate(stored)
    assert (read.to_bytes(), read.pieces()) == (body, tuple(pieces))


@pytest.mark.parametrize(
    ("chunk", "told"),
    [
        pytest.param({"after_ms": 1}, "exactly one of 'text' and 'base64'", id="nothing"),
        pytest.param({"after_ms": 1, "text": ""}, "not empty", id="empty"),
        pytest.param({"after_ms": 1, "text": "a", "base64": "YQ=="}, "exactly one of", id="two kinds"),
        pytest.param({"after_ms": -1, "text": "a"}, "greater than or equal to 0", id="before its time"),
        pytest.param({"text": "a"}, "Field required", id="no time"),
    ],
)
def test_a_wrong_chunk_is_refused(chunk: dict[str, object], told: str) -> None:
    """As a body by hand may have one."""
    with pytest.raises(ValidationError, match=told):
        StoredBody.model_validate({"chunks": [chunk]})
