"""Matching: which requests count as the same, and how a miss is explained."""

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from runproxy.matching import (
    ABSENT,
    MAX_DIFFERENCES,
    Difference,
    digested,
    match_key,
    may_be_of_digest,
    nearest,
)
from runproxy.messages import Digest, Request, make_headers

TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)
EXACT: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXTS
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    EXACT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
QUERY_PAIRS = st.lists(st.builds("{}={}".format, st.text("ab%2F+", max_size=3), st.text("ab1", max_size=3)), max_size=6)


def call(target: str = "/p", body: bytes = b"", method: str = "POST") -> Request:
    """Make a request."""
    return Request(method, target, make_headers(), body)


def reversed_names(value: Any) -> Any:
    """Turn round the order of names in every object."""
    if isinstance(value, dict):
        return {name: reversed_names(value[name]) for name in reversed(value)}
    if isinstance(value, list):
        return [reversed_names(held) for held in value]
    return value


def is_same(one: Request, other: Request) -> bool:
    """Tell whether one recording answers both."""
    return match_key(one) == match_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(b'{"a":1,"b":2}', b'{"b":2,"a":1}', id="order of names"),
        pytest.param(b'{"x":{"a":1,"b":2}}', b'{"x":{"b":2,"a":1}}', id="order of names inside"),
        pytest.param(b'[{"a":1,"b":2}]', b'[{"b":2,"a":1}]', id="order of names inside an array"),
        pytest.param(b'{"a":1}', b' {\n "a" : 1 }\n', id="white space"),
        pytest.param(b'"\\u00e9\\/"', '"é/"'.encode(), id="escapes"),
        pytest.param(b"1", b"1.0", id="whole float"),
        pytest.param(b'{"a":[1,2]}', b'{"a":[1.0,2e0]}', id="whole floats inside"),
        pytest.param(b"100", b"1e2", id="exponent"),
        pytest.param(b"0", b"-0.0", id="negative zero"),
        pytest.param(b"1.5", b"15e-1", id="spelling of a fraction"),
        pytest.param(b'{"t":"1.0"}', b'{"t": "1.0"}', id="number in a string"),
    ],
)
def test_json_bodies_are_compared_by_value(one: bytes, other: bytes) -> None:
    """How a value is written does not matter."""
    assert is_same(call(body=one), call(body=other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(b"[1,2]", b"[2,1]", id="order of an array"),
        pytest.param(b"[1,1]", b"[1]", id="length of an array"),
        pytest.param(b'{"a":1}', b'{"a":2}', id="value"),
        pytest.param(b'{"a":1}', b'{"A":1}', id="case of a name"),
        pytest.param(b'{"a":null}', b"{}", id="null and absent"),
        pytest.param(b"1", b'"1"', id="number and string"),
        pytest.param(b"1", b"true", id="number and boolean"),
        pytest.param(b"0", b"false", id="zero and false"),
        pytest.param(b"1", b"1.5", id="fraction"),
        pytest.param(b'"1"', b'"1.0"', id="strings of numbers"),
        pytest.param(b"[]", b"{}", id="array and object"),
        pytest.param(b"null", b"", id="null and no body"),
        pytest.param('"\u00e9"'.encode(), '"e\u0301"'.encode(), id="normal forms"),
        pytest.param(b"9007199254740993", b"9007199254740992", id="integers that a float cannot tell apart"),
        pytest.param(b"a", b"a ", id="text"),
        pytest.param(b"{a", b"{ a", id="broken JSON"),
        pytest.param(b"\xff", b"\xfe", id="bytes"),
        pytest.param(b'"a"', b"a", id="JSON and text"),
    ],
)
def test_bodies_of_other_meaning_are_told_apart(one: bytes, other: bytes) -> None:
    """Two values of another type, order or amount are two calls."""
    assert not is_same(call(body=one), call(body=other))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("/p?a=1&b=2", "/p?b=2&a=1", True, id="order of pairs"),
        pytest.param("/p?a=1&a=2", "/p?a=2&a=1", True, id="order of a name's values"),
        pytest.param("/p?a=1&a=1", "/p?a=1", False, id="number of pairs"),
        pytest.param("/p?a=1", "/p?a=2", False, id="value"),
        pytest.param("/p?a=1", "/p", False, id="with and without"),
        pytest.param("/p?a=b", "/p?a=%62", False, id="spelling"),
        pytest.param("/p?a", "/p?a=", False, id="name without a value"),
        pytest.param("/p/q", "/q/p", False, id="path"),
        pytest.param("/p", "/P", False, id="case of the path"),
        pytest.param("/p/", "/p", False, id="trailing slash"),
        pytest.param("/p?a=1?b=2", "/p?b=2?a=1", False, id="question mark in a value"),
    ],
)
def test_targets_are_compared_with_the_query_as_sorted_pairs(one: str, other: str, same: bool) -> None:
    """Path and pairs are compared as they are written; only the order of pairs is free."""
    assert is_same(call(one), call(other)) is same


def test_json_nested_deeper_than_it_can_be_printed_is_compared_byte_by_byte() -> None:
    """A body of 300 arrays has a key, which the white space in it is a part of."""
    body = b"[" * 300 + b"]" * 300
    assert is_same(call(body=body), call(body=body))
    assert not is_same(call(body=body), call(body=body + b" "))


def test_methods_are_compared() -> None:
    """A call with another method is another call."""
    assert not is_same(call(method="POST"), call(method="PUT"))


def test_headers_do_not_count() -> None:
    """Two calls that differ in headers only are the same."""
    assert is_same(call(), Request("POST", "/p", make_headers([("OpenAI-Beta", "assistants=v2")])))


def test_a_target_that_is_no_utf8_has_a_key() -> None:
    """Raw bytes in a target are compared as bytes."""
    assert is_same(call("/\udcff"), call("/\udcff"))
    assert not is_same(call("/\udcff"), call("/\udcfe"))


@settings(deadline=None, max_examples=200)
@given(value=JSON_VALUES, indent=st.sampled_from([None, 0, 2]), ascii_only=st.booleans())
def test_neither_the_order_of_names_nor_the_spelling_matters(value: Any, indent: int | None, ascii_only: bool) -> None:
    """The key of a value survives turning all objects round and printing in another way."""
    other = json.dumps(reversed_names(value), indent=indent, ensure_ascii=ascii_only).encode()
    assert is_same(call(body=orjson.dumps(value)), call(body=other))


@settings(deadline=None, max_examples=200)
@given(one=JSON_VALUES, other=JSON_VALUES)
def test_two_json_bodies_are_the_same_exactly_when_their_sorted_forms_are(one: Any, other: Any) -> None:
    """Keys neither merge nor split values."""
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert is_same(call(body=orjson.dumps(one)), call(body=orjson.dumps(other))) is same


@settings(deadline=None, max_examples=100)
@given(values=st.lists(JSON_VALUES, min_size=2, max_size=5), data=st.data())
def test_the_order_of_an_array_matters(values: list[Any], data: st.DataObject) -> None:
    """A shuffled array is another value, unless shuffling changed nothing."""
    shuffled = data.draw(st.permutations(values))
    same = json.dumps(shuffled, sort_keys=True) == json.dumps(values, sort_keys=True)
    assert is_same(call(body=orjson.dumps(values)), call(body=orjson.dumps(shuffled))) is same


@settings(deadline=None, max_examples=100)
@given(number=st.integers(-(2**53), 2**53))
def test_a_whole_float_is_the_integer(number: int) -> None:
    """`1` equals `1.0`, at any depth and up to what a float holds exactly."""
    one, other = f'{{"a":[{number}]}}', f'{{"a":[{number}.0]}}'
    assert is_same(call(body=one.encode()), call(body=other.encode()))


@settings(deadline=None, max_examples=100)
@given(pairs=QUERY_PAIRS, data=st.data())
def test_the_order_of_query_pairs_does_not_matter(pairs: list[str], data: st.DataObject) -> None:
    """Any order of the same pairs is the same query."""
    shuffled = data.draw(st.permutations(pairs))
    assert is_same(call(f"/p?{'&'.join(pairs)}"), call(f"/p?{'&'.join(shuffled)}"))


@settings(deadline=None, max_examples=100)
@given(one=QUERY_PAIRS, other=QUERY_PAIRS)
def test_queries_of_other_pairs_are_told_apart(one: list[str], other: list[str]) -> None:
    """Queries are the same exactly when they hold the same pairs equally often."""
    assume(one)
    assume(other)
    same = sorted(one) == sorted(other)
    assert is_same(call(f"/p?{'&'.join(one)}"), call(f"/p?{'&'.join(other)}")) is same


def is_json(body: bytes) -> bool:
    """Tell whether a body would be compared by value."""
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


OTHER_BODIES = st.binary(min_size=1, max_size=12).filter(lambda body: not is_json(body))


@settings(deadline=None, max_examples=100)
@given(one=OTHER_BODIES, other=OTHER_BODIES)
def test_bodies_that_are_no_json_are_compared_byte_by_byte(one: bytes, other: bytes) -> None:
    """Such bodies are the same exactly when their bytes are."""
    assert is_same(call(body=one), call(body=other)) is (one == other)


# The nearest recording


def differences(sent: Request, recorded: Request) -> tuple[Difference, ...]:
    """Give how a call differs from the only recording."""
    found = nearest(sent, {0: recorded})
    assert found is not None
    assert found.position == 0
    return found.differences


def test_an_empty_cassette_has_no_nearest_recording() -> None:
    """There is nothing to compare with."""
    assert nearest(call(), {}) is None


@pytest.mark.parametrize(
    ("sent", "recorded", "expected"),
    [
        pytest.param(call(), call(), [], id="nothing"),
        pytest.param(call(method="PUT"), call(), [("method", "PUT", "POST")], id="method"),
        pytest.param(call("/a"), call("/b"), [("path", "/a", "/b")], id="path"),
        pytest.param(call("/p?a=1"), call("/p?a=2"), [("query.a", '"1"', '"2"')], id="query value"),
        pytest.param(call("/p?a=1"), call("/p"), [("query.a", '"1"', ABSENT)], id="query too much"),
        pytest.param(call("/p"), call("/p?a="), [("query.a", ABSENT, '""')], id="query too little"),
        pytest.param(call("/p?a=1&a=2"), call("/p?a=1"), [("query.a", '"1, 2"', '"1"')], id="query value twice"),
        pytest.param(
            call(body=b'{"m":{"k":"a"}}'), call(body=b'{"m":{"k":"b"}}'), [("body.m.k", '"a"', '"b"')], id="value"
        ),
        pytest.param(call(body=b'{"m":{"k":1}}'), call(body=b'{"m":{}}'), [("body.m.k", "1", ABSENT)], id="too much"),
        pytest.param(call(body=b"{}"), call(body=b'{"m":null}'), [("body.m", ABSENT, "null")], id="too little"),
        pytest.param(
            call(body=b"[1,2]"), call(body=b"[1,3,4]"), [("body/1", "2", "3"), ("body/2", ABSENT, "4")], id="array"
        ),
        pytest.param(
            call(body=b'{"a":[{"b":1}]}'), call(body=b'{"a":[{"b":2}]}'), [("body.a/0.b", "1", "2")], id="depth"
        ),
        pytest.param(call(body=b'{"a":1}'), call(body=b'{"a":true}'), [("body.a", "1", "true")], id="type"),
        pytest.param(call(body=b'{"a":[]}'), call(body=b'{"a":{}}'), [("body.a", "[]", "{}")], id="kind of container"),
        pytest.param(call(body=b"1"), call(body=b"1.0"), [], id="equal numbers"),
        pytest.param(call(body=b'{"a":1,"b":2}'), call(body=b'{"b":2,"a":1}'), [], id="order of names"),
        pytest.param(call(body=b"{}"), call(), [("body", "{}", '""')], id="no body"),
        pytest.param(call(body=b"\xff"), call(body=b"x"), [("body", '"\ufffd"', '"x"')], id="bytes that are no text"),
        pytest.param(
            call("/p?a=1", b"{}", "PUT"),
            call("/q?b=1", b"[]"),
            [
                ("method", "PUT", "POST"),
                ("path", "/p", "/q"),
                ("query.a", '"1"', ABSENT),
                ("query.b", ABSENT, '"1"'),
                ("body", "{}", "[]"),
            ],
            id="everything, in order",
        ),
    ],
)
def test_a_difference_names_the_place_and_both_sides(
    sent: Request, recorded: Request, expected: list[tuple[str, str, str]]
) -> None:
    """Each place where call and recording part is listed with what was sent and what was recorded."""
    assert differences(sent, recorded) == tuple(Difference(*items) for items in expected)


def test_a_long_value_is_shown_in_part() -> None:
    """A difference stays readable however long the values are."""
    ((found),) = differences(call(body=orjson.dumps("x" * 500)), call(body=b'"y"'))
    assert found.sent == f'"{"x" * 199}… (502 characters)'
    assert found.recorded == '"y"'


def test_no_more_than_20_differences_are_given() -> None:
    """The first ones in the order of the call are enough to see what is wrong."""
    sent = {f"k{number:02}": number for number in range(30)}
    found = differences(call(body=orjson.dumps(sent)), call(body=b"{}"))
    assert [difference.where for difference in found] == [f"body.k{number:02}" for number in range(MAX_DIFFERENCES)]


@settings(deadline=None, max_examples=100)
@given(sent=JSON_VALUES, recorded=JSON_VALUES)
def test_json_bodies_differ_somewhere_exactly_when_their_keys_differ(sent: Any, recorded: Any) -> None:
    """A miss always comes with a reason, and a match never does."""
    one, other = call(body=orjson.dumps(sent)), call(body=orjson.dumps(recorded))
    assert (differences(one, other) == ()) is is_same(one, other)


def post(body: bytes, target: str = "/p") -> Request:
    """Make a request with a body."""
    return Request("POST", target, make_headers(), body)


def test_a_text_that_looks_like_a_key_of_json_is_another_request() -> None:
    """What is JSON and what is not never share a key, and the difference is told."""
    assert match_key(post(b"json 1")) != match_key(post(b"1"))
    found = nearest(post(b'"a"'), {0: post(b"a")})
    assert found is not None
    assert [difference.where for difference in found.differences] == ["body"]


def test_an_empty_query_is_no_query() -> None:
    """A question mark alone changes nothing: it does not outlive the recording."""
    assert match_key(post(b"", "/p?")) == match_key(post(b"", "/p"))


@pytest.mark.parametrize("depth", [300, 600, 1000])
def test_deep_bodies_are_compared_as_text(depth: int) -> None:
    """Bodies nested deeper than the printer goes match themselves, and a miss on them is explained."""
    deep, other = (b"[" * depth + core + b"]" * depth for core in (b"1.5", b"2.5"))
    assert match_key(post(deep)) == match_key(post(deep)) != match_key(post(other))
    found = nearest(post(deep), {0: post(other)})
    assert found is not None
    assert [difference.where for difference in found.differences] == ["body"]


def multipart(boundary: str, *parts: str) -> bytes:
    """Write an upload as clients do."""
    head = 'Content-Disposition: form-data; name="file"; filename="a.txt"'
    return "".join([f"--{boundary}\r\n{head}\r\n\r\n{part}\r\n" for part in parts] + [f"--{boundary}--\r\n"]).encode()


@given(st.lists(st.text("abc-\r\n", max_size=8), min_size=1, max_size=3))
def test_two_uploads_of_the_same_parts_are_the_same(parts: list[str]) -> None:
    """Clients make a fresh boundary for every call."""
    one, other = multipart("0123456789abcdef", *parts), multipart("fedcba9876543210", *parts)
    assert is_same(call(body=one), call(body=other))
    assert differences(call(body=one), call(body=other)) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(multipart("x1", "a"), multipart("x2", "b"), id="another part"),
        pytest.param(multipart("x1", "a"), multipart("x2", "a", "a"), id="more parts"),
        pytest.param(multipart("x1", "a")[:-6], multipart("x2", "a")[:-6], id="no end"),
        pytest.param(b"--x1\r\na", b"--x2\r\na", id="no multipart"),
        pytest.param(multipart("x1", "x1"), multipart("x2", "x2"), id="a boundary that is in a part"),
    ],
)
def test_other_uploads_differ(one: bytes, other: bytes) -> None:
    """Only the boundary itself is left out of account."""
    assert not is_same(call(body=one), call(body=other))


FIRST, SECOND = Digest("a" * 64, 300), Digest("b" * 64, 200)
OF_FIRST = f"300 bytes, of which only the digest is kept (SHA-256 {'a' * 64})"
OF_SECOND = f"200 bytes, of which only the digest is kept (SHA-256 {'b' * 64})"


@pytest.mark.parametrize(
    ("sent", "recorded", "told"),
    [
        pytest.param(FIRST, SECOND, (OF_FIRST, OF_SECOND), id="two digests"),
        pytest.param(b"ab", SECOND, ("2 bytes", OF_SECOND), id="a body and a digest"),
        pytest.param(FIRST, b"{}", (OF_FIRST, "2 bytes"), id="a digest and a body"),
        pytest.param(b"", SECOND, (ABSENT, OF_SECOND), id="nothing and a digest"),
    ],
)
def test_bodies_of_which_only_a_digest_is_known_are_told_apart_in_words(
    sent: bytes | Digest, recorded: bytes | Digest, told: tuple[str, str]
) -> None:
    """How long they are, and the digest where there is one."""
    one, other = (
        replace(call(), digest=held) if isinstance(held, Digest) else call(body=held) for held in (sent, recorded)
    )
    assert not is_same(one, other)
    assert differences(one, other) == (Difference("body", *told),)


def test_two_digests_are_the_same_by_their_hash() -> None:
    """The length of a multipart body changes with that of its boundary."""
    one, other = (replace(call(), digest=Digest("a" * 64, length)) for length in (300, 310))
    assert is_same(one, other)
    assert differences(one, other) == ()


@given(st.binary(min_size=1, max_size=50))
def test_a_body_and_its_digest_are_two_keys(body: bytes) -> None:
    """They are brought together where it is known that a digest was recorded."""
    assert not is_same(call(body=body), digested(call(body=body)))
    assert may_be_of_digest(match_key(digested(call(body=body))))
