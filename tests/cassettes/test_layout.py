"""The layout of a cassette file: one text for one content, and a torn last write is seen for what it is."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.cassettes import Interaction, decode, encode_interaction
from runproxy.cassettes.layout import EMPTY, HEAD, TAIL, Torn, compose, element, find_tear, reformat, split
from runproxy.errors import CorruptCassette, UnknownFormat
from runproxy.messages import Request, Response, make_headers


def interaction(body: bytes) -> Interaction:
    """Make an interaction that is told by its answer."""
    return Interaction(
        Request("POST", "/v1/threads/t/runs/r", make_headers([("content-type", "application/json")]), b"{}"),
        Response(200, make_headers(), body),
        datetime(2024, 11, 4, tzinfo=UTC),
        74,
    )


def laid_out(body: bytes) -> bytes:
    """Lay out an interaction as it stands in a file."""
    return element(encode_interaction(interaction(body)))


GOLDEN = """{
  "format": "runproxy/1",
  "interactions": [
    {
      "recorded_at": "2024-11-04T00:00:00.000Z",
      "elapsed_ms": 74,
      "request": {
        "method": "POST",
        "path": "/v1/threads/t/runs/r",
        "query": "",
        "headers": [
          ["content-type", "application/json"]
        ],
        "body": {
          "json": {},
          "style": "indent-2"
        }
      },
      "response": {
        "status": 200,
        "headers": [],
        "body": {
          "text": "first\\nline"
        }
      }
    }
  ]
}
"""

# Bodies whose text comes as close as JSON allows to the marks of the layout.
ELEMENTS = [
    laid_out(body)
    for body in (
        b"first\nline",
        b'{"a":{"b":[{}]}}',
        b"\n    }\n  ]\n}\n",
        b',\n    {"',
        b"",
        b'{\n  "a": [\n    1\n  ]\n}',
    )
]


def test_a_file_with_one_interaction_has_this_text() -> None:
    """The layout is what a person reviews in a diff, so it may not change by accident."""
    assert compose([laid_out(b"first\nline")]).decode() == GOLDEN


def test_a_file_without_interactions_has_this_text() -> None:
    """The brackets of an empty list stand where the first interaction will go."""
    assert EMPTY == compose([]) == b'{\n  "format": "runproxy/1",\n  "interactions": [\n  ]\n}\n'
    assert list(decode(EMPTY, "file")) == []


def test_the_closing_brackets_are_seven_bytes() -> None:
    """Appending writes over exactly these."""
    assert TAIL == b"\n  ]\n}\n"
    assert len(TAIL) == 7


def test_appending_is_a_write_over_the_closing_brackets() -> None:
    """A comma and the next interaction take the place of the brackets, and nothing before them moves."""
    before, after = compose(ELEMENTS[:2]), compose(ELEMENTS[:3])
    assert after == before[: -len(TAIL)] + b"," + ELEMENTS[2] + TAIL


@pytest.mark.parametrize("count", range(len(ELEMENTS) + 1))
def test_a_text_is_taken_apart_into_what_it_was_composed_of(count: int) -> None:
    """Splitting undoes composing, whatever the bodies hold."""
    text = compose(ELEMENTS[:count])
    assert split(text) == ELEMENTS[:count]
    assert compose(split(text)) == text
    assert len(list(decode(text, "file"))) == count


@settings(deadline=None, max_examples=150)
@given(
    bodies=st.lists(
        st.binary(max_size=20) | st.text('\n ,{}[]"a', max_size=20).map(str.encode) | st.just(b'{"a":[{}]}'), max_size=4
    )
)
def test_splitting_and_composing_are_inverse_for_all_bodies(bodies: list[bytes]) -> None:
    """No body looks like the border between two interactions."""
    elements = [laid_out(body) for body in bodies]
    assert split(compose(elements)) == elements
    assert [held.response.body for held in decode(compose(elements), "file")] == bodies


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{}", id="another object"),
        pytest.param(orjson.dumps(orjson.loads(GOLDEN)), id="compact"),
        pytest.param(GOLDEN.encode().replace(b"\n", b"\r\n"), id="carriage returns"),
        pytest.param(GOLDEN.encode()[:-1], id="no final newline"),
        pytest.param(b" " + GOLDEN.encode(), id="leading space"),
        pytest.param(HEAD + ELEMENTS[0].replace(b"\n    ", b"\n   ") + TAIL, id="other indentation"),
        pytest.param(HEAD + ELEMENTS[0] + b" " + TAIL, id="trailing space"),
        pytest.param(HEAD + ELEMENTS[0] + b"\n," + ELEMENTS[1] + TAIL, id="comma on its own line"),
        pytest.param(HEAD + b"\n    1" + TAIL, id="no object"),
        pytest.param(HEAD + b" {\n    }" + TAIL, id="brace behind the bracket"),
    ],
)
def test_a_text_laid_out_otherwise_is_not_split(text: bytes) -> None:
    """Only the layout of runproxy itself is taken apart as text."""
    with pytest.raises(ValueError, match="not laid out as runproxy does"):
        split(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOLDEN.encode(), id="as it is"),
        pytest.param(orjson.dumps(orjson.loads(GOLDEN)), id="compact"),
        pytest.param(GOLDEN.encode().replace(b"\n", b"\r\n"), id="carriage returns"),
        pytest.param(GOLDEN.encode()[:-1], id="no final newline"),
    ],
)
def test_a_text_printed_by_another_tool_is_laid_out_anew(text: bytes) -> None:
    """The content stays, the layout becomes runproxy's own."""
    assert reformat(text, "file") == GOLDEN.encode()


def test_a_wrong_text_is_not_laid_out_anew() -> None:
    """What cannot be read is refused with the name of the file."""
    with pytest.raises(CorruptCassette, match=r"^file: "):
        reformat(b"{", "file")
    with pytest.raises(UnknownFormat, match=r"^file: "):
        reformat(b'{"format":"other/1"}', "file")


# Torn writes


def cut_write(before: list[bytes], added: list[bytes], length: int) -> bytes:
    """Give the text of a file whose last write, over the closing brackets, stopped after some bytes."""
    old = compose(before)
    start = len(old) - len(TAIL)
    write = ((b"," if before else b"") + b",".join(added) + TAIL)[:length]
    return old[:start] + write + old[start + len(write) :]


def expected_tear(before: list[bytes], added: list[bytes], length: int) -> Torn | None:
    """Tell what is whole and what is torn, by counting instead of by looking at the text."""
    text = cut_write(before, added, length)
    complete = compose(before + added)
    if text in (compose(before), complete, complete[:-1]):  # all that is missing, at most, is the last line break
        return None
    stands = len(before)
    while stands < len(before + added) and len(compose(before + added[: stands - len(before) + 1])) - 7 <= len(text):
        stands += 1
    whole = compose((before + added)[:stands])
    return Torn(whole, text[len(whole) - len(TAIL) :])


WRITES = [
    pytest.param([], ELEMENTS[:1], id="first interaction"),
    pytest.param(ELEMENTS[:1], ELEMENTS[1:2], id="second interaction"),
    pytest.param(ELEMENTS[:3], ELEMENTS[3:4], id="fourth interaction"),
    pytest.param(ELEMENTS[:2], ELEMENTS[2:5], id="three at once"),
    pytest.param(ELEMENTS[:1], ELEMENTS[:1], id="the same once more"),
]


@pytest.mark.parametrize(("before", "added"), WRITES)
def test_a_write_cut_off_at_any_byte_is_recognised(before: list[bytes], added: list[bytes]) -> None:
    """Wherever the last write stopped, all whole interactions stand and the rest is told apart."""
    for length in range(len(compose(before + added)) - len(compose(before)) + len(TAIL) + 1):
        text = cut_write(before, added, length)
        assert find_tear(text) == expected_tear(before, added, length), f"cut after {length} bytes"


@pytest.mark.parametrize("length", range(1, 7))
def test_a_write_over_a_part_of_the_brackets_loses_nothing(length: int) -> None:
    """As long as the write is shorter than the brackets, the file has its old length and all its interactions."""
    text = cut_write(ELEMENTS[:2], ELEMENTS[2:3], length)
    assert len(text) == len(compose(ELEMENTS[:2]))
    torn = find_tear(text)
    assert torn is not None
    assert torn.whole == compose(ELEMENTS[:2])
    assert len(torn.torn) == len(TAIL)


@pytest.mark.parametrize(("before", "added"), WRITES)
def test_what_stands_whole_is_a_cassette_and_nothing_is_lost(before: list[bytes], added: list[bytes]) -> None:
    """The whole part can be decoded and split, and together with the torn bytes it is the text that was found."""
    for length in range(4, len(b",".join(added)), 7):  # a first write begins as the brackets do that it is put over
        text = cut_write(before, added, length)
        torn = find_tear(text)
        assert torn is not None
        assert torn.whole[: -len(TAIL)] + torn.torn == text
        assert split(torn.whole)[: len(before)] == before
        assert find_tear(torn.whole) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(EMPTY, id="empty cassette"),
        pytest.param(GOLDEN.encode(), id="whole"),
        pytest.param(GOLDEN.encode()[:-1], id="whole but for the final newline"),
        pytest.param(orjson.dumps(orjson.loads(GOLDEN)), id="laid out by another tool"),
        pytest.param(b"", id="no text"),
        pytest.param(HEAD[:-1], id="cut off in the head"),
        pytest.param(b"{}", id="no cassette"),
        pytest.param(GOLDEN.encode().replace(b'"POST"', b"POST"), id="broken by hand"),
        pytest.param(GOLDEN.encode().replace(b'"POST"', b"POST")[:-3], id="broken by hand, then cut off"),
        pytest.param(HEAD.replace(b"/1", b"/2") + ELEMENTS[0], id="another format, cut off"),
    ],
)
def test_a_text_that_is_whole_or_wrong_in_another_way_is_not_torn(text: bytes) -> None:
    """Only a write that was cut off may be mended; everything else is left for a person."""
    assert find_tear(text) is None


@settings(deadline=None, max_examples=100)
@given(
    data=st.data(),
    bodies=st.lists(st.binary(max_size=12) | st.text('\n ,{}[]"', max_size=12).map(str.encode), min_size=1, max_size=3),
)
def test_a_file_cut_off_anywhere_after_an_interaction_gives_back_what_was_whole(
    data: st.DataObject, bodies: list[bytes]
) -> None:
    """Cutting a file at any byte behind its head leaves the interactions that end before the cut."""
    elements = [laid_out(body) for body in bodies]
    text = compose(elements)
    cut = data.draw(st.integers(len(HEAD), len(text) - 2))
    torn = find_tear(text[:cut])
    ends = [len(compose(elements[:count])) - len(TAIL) for count in range(len(elements) + 1)]
    assert torn is not None
    assert torn.whole == compose(elements[: sum(end <= cut for end in ends) - 1])
