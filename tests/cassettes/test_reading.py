"""Cassettes that were edited by hand: what a reader would take in another way than it stands there is refused."""

import json
from collections.abc import Callable

import pytest

from runproxy.cassettes import decode
from runproxy.cassettes.layout import make_head, reformat
from runproxy.errors import CorruptCassette
from runproxy.matching import MatchSettings
from tests.cassettes.recordings import recording, text_of

HELD = [recording("/v1/a", {"id": 1, "tools": [{"type": "x"}]}), recording("/v1/b", {"id": 2})]
MATCH = MatchSettings(ignore_body=("/at",))


def laid_out(old: bytes, new: bytes) -> bytes:
    """Edit a cassette, and leave its layout."""
    text = text_of(HELD).replace(b'  "interactions"', b'  "match": {"ignore_body": ["/at"]},\n  "interactions"', 1)
    assert text.startswith(make_head(MATCH))
    assert old in text
    return text.replace(old, new, 1)


def printed_otherwise(old: bytes, new: bytes) -> bytes:
    """Edit a cassette that another tool has laid out, with line breaks of two characters."""
    return laid_out(old, new).replace(b'": ', b'":  ').replace(b"\n", b"\r\n")


@pytest.mark.parametrize("edited", [laid_out, printed_otherwise])
@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            b'  "interactions"', b'  "interactions": [],\n  "interactions"', "'interactions' stands", id="list"
        ),
        pytest.param(b'{"ignore', b'{"headers": [], "headers": [], "ignore', "match: 'headers' stands", id="match"),
        pytest.param(
            b'"elapsed_ms": 0',
            b'"elapsed_ms": 1,\n      "elapsed_ms": 0',
            "interactions[0]: 'elapsed_ms' stands",
            id="interaction",
        ),
        pytest.param(
            b'"status": 200', b'"status": 404, "status": 200', "interactions[0].response: 'status' stands", id="answer"
        ),
        pytest.param(
            b'"type": "x"',
            b'"type": "x", "type": "y"',
            "interactions[0].response.body.json.tools[0]: 'type' stands",
            id="body",
        ),
    ],
)
def test_a_name_that_stands_twice_is_refused(
    old: bytes, new: bytes, problem: str, edited: Callable[[bytes, bytes], bytes]
) -> None:
    """As after a conflict that was resolved by keeping both sides; readers would see one of them."""
    text = edited(old, new)
    for read in (decode, reformat):
        with pytest.raises(CorruptCassette) as caught:
            read(text, "edited.json")
        assert caught.value.message == f"edited.json: {problem} twice in one object."


@pytest.mark.parametrize("edited", [laid_out, printed_otherwise])
@pytest.mark.parametrize("number", ["18446744073709551616", "-9223372036854775809", "123456789012345678901234567890"])
def test_a_number_that_would_be_rounded_is_refused(number: str, edited: Callable[[bytes, bytes], bytes]) -> None:
    """The client would get another one than stands there."""
    with pytest.raises(CorruptCassette) as caught:
        decode(edited(b'"id": 2', b'"id": ' + number.encode()), "edited.json")
    place = "edited.json: interactions[1].response.body.json.id: "
    assert caught.value.message == f"{place}a number outside the range that JSON readers agree on."


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'"/v1/a"', b'"\\u002fv1\\/a"', id="escapes"),
        pytest.param(b'"id": 2', b'"id": 2.0e0', id="exponent"),
        pytest.param(b'"id": 2', b'"id": 18446744073709551615', id="largest"),
        pytest.param(b'"id": 2', b'"id"\t:\r\n2', id="white-space"),
        pytest.param(b'"id": 2', b'"id": " \\n\\t x"', id="white-space-in-a-string"),
    ],
)
def test_what_says_the_same_in_another_way_is_read(old: bytes, new: bytes) -> None:
    """However it is spelled."""
    text = laid_out(old, new)
    assert [json.loads(held.response.body) for held in decode(text, "edited.json")] == [
        held["response"]["body"]["json"] for held in json.loads(text)["interactions"]
    ]


@pytest.mark.parametrize("edited", [laid_out, printed_otherwise])
def test_a_conflict_is_told_with_its_line(edited: Callable[[bytes, bytes], bytes]) -> None:
    """With the command that makes none."""
    marked = b'\n<<<<<<< HEAD\n        "status": 404,\n=======\n        "status": 200,\n>>>>>>> other\n'
    text = edited(b'\n        "status": 200,\n', marked)
    with pytest.raises(CorruptCassette) as caught:
        decode(text, "edited.json")
    line = text[: text.index(b"<<<")].count(b"\n") + 1
    assert caught.value.message.startswith(f"edited.json: line {line} is a conflict that git has marked.")
    assert "'runproxy cassette merge --driver'" in caught.value.message


def test_bytes_that_are_no_text_are_told_with_their_place() -> None:
    """As an editor leaves them that writes another encoding."""
    text = laid_out(b'"id": 2', '"id": "é"'.encode("latin-1"))
    with pytest.raises(CorruptCassette) as caught:
        decode(text, "edited.json")
    offset = text.index(b"\xe9")
    line, column = text[:offset].count(b"\n") + 1, offset - text[:offset].rfind(b"\n")
    place = f"edited.json: not valid JSON at line {line}, column {column} (offset {offset}): not UTF-8."
    assert caught.value.message.startswith(place)
