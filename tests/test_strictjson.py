"""Strict JSON: a body has one reading, or it is refused."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runproxy.errors import MalformedJson, Refusal
from runproxy.strictjson import MAX_DEPTH, canonical, parse

NOT_JSON = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble "
    "figuring out how to fix this, please contact us through our help center at help.openai.com.)"
)

NAMES = st.text(st.characters(codec="utf-8"), max_size=8)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def nested(depth: int, core: str = "") -> bytes:
    """Print arrays inside arrays."""
    return f"{'[' * depth}{core}{']' * depth}".encode()


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param(b"{}", {}, id="empty object"),
        pytest.param(b' {\t"a" :\r\n 1 } ', {"a": 1}, id="white space around everything"),
        pytest.param(b"null", None, id="null"),
        pytest.param(b'"x"', "x", id="string"),
        pytest.param(b"18446744073709551615", 2**64 - 1, id="largest unsigned integer"),
        pytest.param(b"-9223372036854775808", -(2**63), id="smallest signed integer"),
        pytest.param(b"1.50", 1.5, id="number with a spelling of its own"),
        pytest.param(b"1e5", 1e5, id="exponent"),
        pytest.param(b'"\\ud83d\\ude00"', "😀", id="surrogate pair"),
        pytest.param('"😀"'.encode(), "😀", id="raw emoji"),
        pytest.param(b'"\\u0000"', "\0", id="escaped NUL"),
        pytest.param(b'{"a":{"a":1}}', {"a": {"a": 1}}, id="one name at two depths"),
        pytest.param(b'[{"a":1}, {"a":2}]', [{"a": 1}, {"a": 2}], id="one name in two objects"),
        pytest.param(b'{"a":1,"A":2}', {"a": 1, "A": 2}, id="names that differ in case"),
        pytest.param(
            '{"\u00e9":1,"e\u0301":2}'.encode(),
            {"\u00e9": 1, "e\u0301": 2},
            id="names that differ in normal form",
        ),
        pytest.param(b'{"__proto__":{"constructor":1}}', {"__proto__": {"constructor": 1}}, id="names of JavaScript"),
        pytest.param(b'"' + b"[{" * 100 + b'"', "[{" * 100, id="brackets inside a string"),
        pytest.param(b"[" + b",".join([b"[]"] * 200) + b"]", [[]] * 200, id="wide but flat"),
    ],
)
def test_json_with_one_reading_is_parsed(body: bytes, value: object) -> None:
    """What all parsers agree on passes, with the value they agree on."""
    parsed = parse(body)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" \r\n\t", id="only white space"),
        pytest.param(b"{}junk", id="junk after the value"),
        pytest.param(b"{}\n{}", id="two values"),
        pytest.param(b"{}\x00", id="NUL after the value"),
        pytest.param(b"{}\x0c", id="form feed after the value"),
        pytest.param(b"/* */{}", id="comment"),
        pytest.param(b'{"a":1,}', id="comma before a brace"),
        pytest.param(b"[1,]", id="comma before a bracket"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b"{a:1}", id="name without quotes"),
        pytest.param(b'{"a":1', id="cut off"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":Infinity}', id="Infinity"),
        pytest.param(b"-Infinity", id="negative Infinity"),
        pytest.param(b"+1", id="plus sign"),
        pytest.param(b"01", id="leading zero"),
        pytest.param(b"1.", id="no digit after the point"),
        pytest.param(b"0x10", id="hexadecimal"),
        pytest.param(b"True", id="capital literal"),
        pytest.param(b'"a\nb"', id="raw line break in a string"),
        pytest.param(b'"\\x41"', id="unknown escape"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="byte order mark"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param('{"a":1}'.encode("utf-16-le"), id="UTF-16 without a mark"),
        pytest.param('{"a":1}'.encode("utf-32"), id="UTF-32"),
        pytest.param(b'"\xff"', id="a byte that is no UTF-8"),
        pytest.param(b'"\xc0\xaf"', id="overlong UTF-8"),
        pytest.param(b'"\xed\xa0\x80"', id="surrogate in UTF-8"),
        pytest.param(b'"\\ud800"', id="lone high surrogate"),
        pytest.param(b'"\\udc00"', id="lone low surrogate"),
        pytest.param(b'{"\\ud800":1}', id="lone surrogate in a name"),
        pytest.param(b"+ADw-+AH0-", id="UTF-7"),
    ],
)
def test_what_is_no_json_is_answered_in_the_words_of_the_service(body: bytes) -> None:
    """Text that is not JSON raises `MalformedJson` with the service's message, no code and no param."""
    with pytest.raises(MalformedJson) as caught:
        parse(body)
    error = caught.value
    assert (error.status, error.message, error.code, error.param) == (400, NOT_JSON, None, None)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"a":1,"a":1}', id="same value"),
        pytest.param(b'{"a":1,"a":2}', id="other value"),
        pytest.param(b'{"a":1,"b":2,"a":3}', id="apart"),
        pytest.param(b'{"metadata":{},"\\u006detadata":{}}', id="second one escaped"),
        pytest.param(b'{"\\u006Detadata":{},"metadata":{}}', id="first one escaped"),
        pytest.param(b'{"/":1,"\\/":2}', id="escaped slash"),
        pytest.param(b'{"":1,"":2}', id="empty name"),
        pytest.param(b'{"metadata":{"k":"a","k":"b"}}', id="inside metadata"),
        pytest.param(b'{"x":{"y":{"z":1,"z":2}},"metadata":{}}', id="depth 3 of a sibling"),
        pytest.param(b'[[{"k":[]},{"k":1,"k":2}]]', id="inside arrays"),
        pytest.param('{"é":1,"\\u00e9":2}'.encode(), id="beyond ASCII, escaped once"),
        pytest.param(b'{"\\ud83d\\ude00":1,"\xf0\x9f\x98\x80":2}', id="surrogate pair and raw"),
        pytest.param(b'{"__proto__":1,"__proto__":2}', id="prototype"),
    ],
)
def test_a_name_that_stands_twice_in_one_object_is_refused(body: bytes) -> None:
    """Parsers take the first or the last of two equal names, so there is no one reading."""
    with pytest.raises(Refusal) as caught:
        parse(body)
    assert (caught.value.status, caught.value.code) == (400, "duplicate_name")
    assert not isinstance(caught.value, MalformedJson)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param("18446744073709551616", id="one above 64 bits"),
        pytest.param("-9223372036854775809", id="one below 64 bits"),
        pytest.param("9" * 21, id="21 digits"),
        pytest.param("-" + "9" * 21, id="21 digits below zero"),
        pytest.param("9" * 5000, id="5,000 digits"),
        pytest.param("1e999", id="too large for a float"),
        pytest.param("-1e999", id="too small for a float"),
        pytest.param("1.5E400", id="capital exponent"),
        pytest.param("9" * 400 + ".0", id="400 digits before the point"),
    ],
)
@pytest.mark.parametrize("frame", ["%s", '{"x":[%s]}'], ids=["alone", "inside"])
def test_a_number_that_readers_round_differently_is_refused(frame: str, number: str) -> None:
    """Integers beyond 64 bits and floats beyond double precision are refused, wherever they stand."""
    with pytest.raises(Refusal) as caught:
        parse((frame % number).encode())
    assert (caught.value.status, caught.value.code) == (400, "number_out_of_range")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(nested(MAX_DEPTH), id="arrays"),
        pytest.param(nested(MAX_DEPTH - 1, "{}"), id="arrays and an empty object"),
        pytest.param(b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH, id="objects"),
        pytest.param(b"[" + nested(63) + b"," + nested(63) + b"]", id="two deep siblings"),
    ],
)
def test_64_levels_pass(body: bytes) -> None:
    """Nesting up to the limit is parsed as it stands."""
    assert parse(body) == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(nested(MAX_DEPTH + 1), id="arrays"),
        pytest.param(nested(MAX_DEPTH, "{}"), id="empty object at the bottom"),
        pytest.param(nested(MAX_DEPTH, "1,[]"), id="empty array after a number"),
        pytest.param(b'{"a":' * 65 + b"1" + b"}" * 65, id="objects"),
        pytest.param(b'{"metadata":{},"x":' + nested(64) + b"}", id="in a sibling"),
        pytest.param(nested(1000), id="1,000 levels"),
    ],
)
def test_65_levels_are_refused(body: bytes) -> None:
    """Deeper nesting is refused with a code of its own."""
    with pytest.raises(Refusal) as caught:
        parse(body)
    assert (caught.value.status, caught.value.code) == (400, "nesting_too_deep")
    assert "64 levels" in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(nested(100_000), id="closed"),
        pytest.param(b"[" * 100_000, id="never closed"),
        pytest.param(b'{"a":' * 100_000, id="objects"),
    ],
)
def test_nesting_that_no_parser_survives_is_refused(body: bytes) -> None:
    """An attack on the parser's stack ends in a refusal like any other."""
    with pytest.raises(Refusal):
        parse(body)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param(b'{ "b" : 1 ,\n "a" : [ ] }', b'{"b":1,"a":[]}', id="white space goes, order stays"),
        pytest.param(b'"\\u00e9\\/"', '"é/"'.encode(), id="needless escapes go"),
        pytest.param(b'"\\u0000\\n"', b'"\\u0000\\n"', id="needed escapes stay"),
        pytest.param(b"[1.50,2.0]", b"[1.5,2.0]", id="a float stays a float"),
    ],
)
def test_the_canonical_form_is_compact_utf8_in_the_order_of_the_body(body: bytes, text: bytes) -> None:
    """What is forwarded is printed anew from what was understood."""
    assert canonical(parse(body)) == text


@settings(deadline=None, max_examples=200)
@given(value=JSON_VALUES, indent=st.sampled_from([None, 0, 3]), ascii_only=st.booleans())
def test_every_value_survives_parsing_and_printing(value: Any, indent: int | None, ascii_only: bool) -> None:
    """However a value within the limits is written, it is read as itself, and its canonical form reads the same."""
    parsed = parse(json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode())
    assert parsed == value
    again = canonical(parsed)
    assert canonical(parse(again)) == again
    assert parse(again) == value


@settings(deadline=None, max_examples=300)
@given(body=st.binary(max_size=30) | st.text('{}[]":,0123456789.eE-+\\u \ntruefalsn', max_size=30).map(str.encode))
@example(body=b"1e999")
@example(body=b'{"a":0,"a":0}')
def test_whatever_is_sent_ends_in_a_value_that_the_standard_library_reads_too_or_in_a_refusal(body: bytes) -> None:
    """No bytes lead to any other error, and an accepted body means the same to a second parser."""
    try:
        value = parse(body)
    except Refusal:
        return
    assert json.loads(body) == value


@settings(deadline=None, max_examples=100)
@given(
    name=NAMES,
    values=st.tuples(JSON_VALUES, JSON_VALUES),
    others=st.dictionaries(NAMES, JSON_VALUES, max_size=3),
    frames=st.lists(st.sampled_from(["[%s]", '{"x":%s}', "[0,%s,0]", '{"x":1,"y":%s}']), max_size=6),
    is_escaped=st.booleans(),
)
def test_a_duplicate_name_is_found_wherever_it_stands(
    name: str, values: tuple[Any, Any], others: dict[str, Any], frames: list[str], is_escaped: bool
) -> None:
    """At any depth, in any neighbourhood and in either spelling, the second of two equal names is a refusal."""
    first, *between, last = [
        f"{json.dumps(name)}:{json.dumps(values[0])}",
        *(f"{json.dumps(other)}:{json.dumps(value)}" for other, value in others.items() if other != name),
        f"{json.dumps(name, ensure_ascii=is_escaped)}:{json.dumps(values[1])}",
    ]
    text = f"{{{','.join([first, *between, last])}}}"
    for frame in frames:
        text = frame.replace("%s", text)
    with pytest.raises(Refusal) as caught:
        parse(text.encode())
    assert caught.value.code == "duplicate_name"
