"""Bodies are redacted at the places the settings name, and stay as they are everywhere else."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.errors import Unredactable
from runproxy.redaction import BodyRule
from runproxy.redaction.bodies import BodyRedaction, Taken
from runproxy.redaction.placeholders import Placeholders

MADE = Placeholders(b"a-key-of-the-tests")


def rule(pointer: str, action: str = "replace", **more: str) -> BodyRule:
    """Make a rule."""
    return BodyRule.model_validate({"pointer": pointer, "action": action, **more})


def redaction(*rules: BodyRule, ids: bool = False) -> BodyRedaction:
    """Make what redacts by these rules."""
    return BodyRedaction(rules, MADE, MADE.in_place_of_ids if ids else None)


@pytest.mark.parametrize(
    ("pointer", "action", "value", "redacted"),
    [
        pytest.param("/a", "replace", {"a": "x", "b": "x"}, {"a": "REDACTED", "b": "x"}, id="member"),
        pytest.param("/a/b", "replace", {"a": {"b": 1}}, {"a": {"b": "REDACTED"}}, id="nested"),
        pytest.param("/a/*", "replace", {"a": [1, 2]}, {"a": ["REDACTED"] * 2}, id="every-item"),
        pytest.param("/a/*", "replace", {"a": {"b": 1}}, {"a": {"b": "REDACTED"}}, id="every-member"),
        pytest.param("/d/*/m/*", "replace", {"d": [{"m": {"k": "v"}}]}, {"d": [{"m": {"k": "REDACTED"}}]}, id="stars"),
        pytest.param("/a/1", "replace", {"a": [1, 2]}, {"a": [1, "REDACTED"]}, id="index"),
        pytest.param("/a/9", "replace", {"a": [1, 2]}, {"a": [1, 2]}, id="index-too-high"),
        pytest.param("/a/x", "replace", {"a": [1, 2]}, {"a": [1, 2]}, id="no-index"),
        pytest.param("/a/b", "replace", {"a": 1}, {"a": 1}, id="no-container"),
        pytest.param("/a~1b/c~0d", "replace", {"a/b": {"c~d": 1}}, {"a/b": {"c~d": "REDACTED"}}, id="escapes"),
        pytest.param("/a", "drop", {"a": 1, "b": 2}, {"b": 2}, id="drop"),
        pytest.param("/a/*", "drop", {"a": {"b": 1}}, {"a": {}}, id="drop-every-member"),
        pytest.param("/a/0", "drop", {"a": [1, 2]}, {"a": [None, 2]}, id="drop-an-item"),
        pytest.param("/a", "drop", {"b": 1}, {"b": 1}, id="drop-what-is-not-there"),
        pytest.param("/a", "hash", {"a": None}, {"a": None}, id="hash-null"),
        pytest.param("/a", "hash", {"a": "x"}, {"a": MADE.of("x")}, id="hash"),
        pytest.param("/a", "hash", {"a": {"b": 1}}, {"a": MADE.of({"b": 1})}, id="hash-object"),
    ],
)
def test_what_becomes_of_a_body(pointer: str, action: str, value: Any, redacted: Any) -> None:
    """The pointer says where, the action what; all else stays."""
    body = json.dumps(value, indent=2).encode()
    assert redaction(rule(pointer, action)).redacted(body) == json.dumps(redacted, indent=2).encode()


@pytest.mark.parametrize(
    "body",
    [b"", b"text", b'{"b": 1}', b'{"b":1}\n', b"\xff\x00", b'{ "b" : 1.0 }', b"data: [DONE]\n\n"],
)
def test_a_body_without_the_place_stays_the_same_object(body: bytes) -> None:
    """However it is printed, and whatever it is."""
    assert (
        redaction(rule("/a"), ids=True).redacted(body) is body or redaction(rule("/a"), ids=True).redacted(body) == body
    )


@pytest.mark.parametrize(
    ("body", "redacted"),
    [
        pytest.param(b'{"a":1}', b'{"a":"REDACTED"}', id="compact"),
        pytest.param(b'{"a": 1, "b": 2}\n', b'{"a": "REDACTED", "b": 2}\n', id="spaced"),
        pytest.param(b'{\n    "a": 1\n}\n', b'{\n    "a": "REDACTED"\n}\n', id="indent-4"),
        pytest.param(b'{ "a":1 }', b'{"a":"REDACTED"}', id="no-style"),
    ],
)
def test_a_redacted_body_keeps_its_style(body: bytes, redacted: bytes) -> None:
    """Where no style gives the bytes that came in, it is printed compact."""
    assert redaction(rule("/a")).redacted(body) == redacted


def test_a_stream_may_begin_with_a_byte_order_mark() -> None:
    """Which readers of events pass over, and so does what redacts them."""
    body = b'\xef\xbb\xbfdata: {"a":"x"}\n\ndata: {"a":"x"}\n\n'
    assert redaction(rule("/a")).redacted(body) == body.replace(b'"x"', b'"REDACTED"')


def test_ids_are_replaced_where_no_rule_can_be_followed() -> None:
    """As in a text: what no style prints stays as it is around them."""
    body = b'{"a":"run_abc123","a":123456789012345678901234567890}'
    made = MADE.in_place_of_ids("run_abc123").encode()
    assert redaction(ids=True).redacted(body) == body.replace(b"run_abc123", made)


def test_the_events_of_a_stream_are_redacted_one_by_one() -> None:
    """Each line of data is a body of its own; lines of other kinds stay."""
    body = b'event: thread.run\r\ndata: {"a":"x","id":"run_abc123"}\r\n\r\ndata: {"b":1}\n\ndata: [DONE]\n\n'
    redacted = redaction(rule("/a"), ids=True).redacted(body)
    made = MADE.in_place_of_ids("run_abc123").encode()
    assert redacted == body.replace(b'"x"', b'"REDACTED"').replace(b"run_abc123", made)


def test_ids_are_replaced_in_names_texts_and_what_is_no_json() -> None:
    """The same id has one placeholder everywhere."""
    made = MADE.in_place_of_ids("run_abc123")
    only_ids = redaction(ids=True)
    assert only_ids.redacted(b'{"run_abc123":["see run_abc123"]}') == f'{{"{made}":["see {made}"]}}'.encode()
    assert only_ids.redacted(b"\xff run_abc123") == b"\xff " + made.encode()
    deep = b"[" * 900 + b'"run_abc123"' + b"]" * 900
    assert b"run_abc123" not in only_ids.redacted(deep)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"a": 1', id="cut off"),
        pytest.param(b'{"a": NaN}', id="NaN"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', id="byte order mark"),
        pytest.param(b'{"a":1}\n{"a":2}\n', id="lines"),
        pytest.param(b"[" * 300 + b"]" * 300, id="deep"),
        pytest.param(b'data: {"a":\ndata: 1}\n\n', id="event over two lines"),
        pytest.param(b'data: {"a":1}\r\rdata: {"a":2}\r\r', id="events ended by carriage returns alone"),
        pytest.param('{"a": 1}'.encode("utf-16"), id="UTF-16"),
        pytest.param('{"a": 1}'.encode("utf-16-be"), id="UTF-16 without a mark"),
        pytest.param(b'{"a":"x","a":"y"}', id="a name twice"),
        pytest.param(b'{"a":{"b":"x"},"a":{}}', id="a name twice, the place in the first"),
        pytest.param(b'data: {"a":"x","a":"y"}\n\n', id="a name twice in an event"),
        pytest.param(b'{"a":1,"n":123456789012345678901234567890}', id="a number that printing would change"),
    ],
)
def test_json_in_which_no_pointer_can_be_followed_is_not_stored(body: bytes) -> None:
    """What should be redacted and cannot be is told, in place of being stored."""
    with pytest.raises(Unredactable) as caught:
        redaction(rule("/a")).check("the body of the response", body)
    assert caught.value.code == "unredactable_body"
    assert redaction(rule("/a")).redacted(body) == body
    redaction(ids=True).check("the body of the response", body)


@pytest.mark.parametrize("body", [b"", b"plain text", b"--b\r\n\r\n{}\r\n--b--", b"data: [DONE]\n\n", b"3", b"[1]"])
def test_what_is_no_json_or_is_readable_may_be_stored(body: bytes) -> None:
    """There is no place in it that a pointer could mean."""
    redaction(rule("/a")).check("the body", body)


def test_replaced_texts_are_collected_apart_for_one_side_and_for_both() -> None:
    """Scalars are, as text; what stands inside a container is not."""
    taken = Taken()
    rules = (rule("/a"), rule("/b", "drop", **{"in": "request"}), rule("/c", "hash"), rule("/d"))
    redaction(*rules).redacted(b'{"a":"one","b":12345678,"c":["x"],"d":"REDACTED"}', taken)
    assert (taken.shared, taken.own) == ({"one"}, {"12345678"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.sampled_from(["a", "run_abc123", "REDACTED", "é\n"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
STEPS = st.lists(st.sampled_from(["a", "b", "c", "*", "0", "1"]), min_size=1, max_size=3)
RULES = st.lists(
    st.builds(
        lambda steps, action: rule("/" + "/".join(steps), action), STEPS, st.sampled_from(["drop", "hash", "replace"])
    ),
    max_size=4,
)


@settings(max_examples=300, deadline=None)
@given(value=JSON, rules=RULES, ids=st.booleans(), indent=st.sampled_from([None, 2, 3]))
def test_redacting_twice_changes_nothing(value: Any, rules: list[BodyRule], ids: bool, indent: int | None) -> None:
    """Whatever the body and whatever the rules, in any order and over each other."""
    once = redaction(*rules, ids=ids).redacted(json.dumps(value, indent=indent).encode())
    assert redaction(*rules, ids=ids).redacted(once) == once
