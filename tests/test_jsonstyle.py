"""JSON styles: what a service printed is found again as a value and the name of a style, to the byte."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.jsonstyle import COMPACT, INDENT_2, STYLES, detect, render

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=12,
)

VALUE = {"id": "run_1", "n": [1, {"ü": None}]}


def test_the_styles_are_listed_with_the_most_frequent_first() -> None:
    """The names are part of the cassette format, so they may not change."""
    assert STYLES == (
        "indent-2",
        "indent-2+newline",
        "compact",
        "compact+newline",
        "spaced",
        "spaced+newline",
        "indent-4",
        "indent-4+newline",
    )
    assert (INDENT_2, COMPACT) == ("indent-2", "compact")


PRINTED = [
    pytest.param("compact", '{"id":"run_1","n":[1,{"ü":null}]}', id="compact"),
    pytest.param("spaced", '{"id": "run_1", "n": [1, {"ü": null}]}', id="spaced"),
    pytest.param(
        "indent-2",
        '{\n  "id": "run_1",\n  "n": [\n    1,\n    {\n      "ü": null\n    }\n  ]\n}',
        id="indent-2",
    ),
    pytest.param(
        "indent-4",
        '{\n    "id": "run_1",\n    "n": [\n        1,\n        {\n            "ü": null\n        }\n    ]\n}',
        id="indent-4",
    ),
]


@pytest.mark.parametrize(("style", "text"), PRINTED)
def test_a_style_prints_these_very_bytes(style: str, text: str) -> None:
    """Each style has one form, in UTF-8 and without escapes; `+newline` adds exactly one line feed."""
    assert render(VALUE, style) == text.encode()
    assert render(VALUE, f"{style}+newline") == f"{text}\n".encode()


@pytest.mark.parametrize(("style", "text"), PRINTED)
def test_a_printed_value_is_found_with_its_style(style: str, text: str) -> None:
    """The style that printed a body is told from the bytes alone."""
    assert detect(text.encode()) == (VALUE, style)
    assert detect(f"{text}\n".encode()) == (VALUE, f"{style}+newline")


@pytest.mark.parametrize(
    "style",
    [
        pytest.param("indent-3", id="unknown name"),
        pytest.param("", id="no name"),
        pytest.param("+newline", id="only an ending"),
        pytest.param("compact+newline+newline", id="ending twice"),
        pytest.param("Compact", id="other case"),
    ],
)
def test_an_unknown_style_is_a_key_error(style: str) -> None:
    """A style that does not exist prints nothing."""
    with pytest.raises(KeyError):
        render({}, style)


@pytest.mark.parametrize(
    ("body", "style"),
    [
        pytest.param(b"1", "indent-2", id="a scalar looks alike in every style"),
        pytest.param(b"{}", "indent-2", id="empty object"),
        pytest.param(b"[]\n", "indent-2+newline", id="empty array with newline"),
        pytest.param(b"[1]", "compact", id="one item"),
        pytest.param(b'["a\\nb"]', "compact", id="escaped line break"),
        pytest.param(b'{"a": 1e-07}', "spaced", id="small float as Python prints it"),
        pytest.param(b'{"a":1e-7}', "compact", id="small float as the compact printer prints it"),
    ],
)
def test_the_most_frequent_style_that_fits_is_taken(body: bytes, style: str) -> None:
    """Where several styles print the same bytes, the first one listed is named."""
    found = detect(body)
    assert found is not None
    assert found[1] == style
    assert render(*found) == body


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not json", id="no JSON"),
        pytest.param(b'{"a":1', id="cut off"),
        pytest.param(b'{"a" :1}', id="space before the colon"),
        pytest.param(b'{"a":  1}', id="two spaces"),
        pytest.param(b'{\n\t"a": 1\n}', id="tabs"),
        pytest.param(b'{\r\n  "a": 1\r\n}', id="carriage returns"),
        pytest.param(b'{"a":1}\n\n', id="two final newlines"),
        pytest.param(b'{"a":1} ', id="final space"),
        pytest.param(b' {"a":1}', id="leading space"),
        pytest.param(b'{"a":1.00}', id="number with another spelling"),
        pytest.param(b'{"a":1E3}', id="exponent with another spelling"),
        pytest.param(b'{"a":18446744073709551616}', id="integer beyond 64 bits"),
        pytest.param(b'{"a":1,"a":1}', id="name twice"),
        pytest.param(b'"\\u00fc"', id="escape that UTF-8 needs not"),
        pytest.param(b'"\\/"', id="escaped slash"),
        pytest.param(b'"\xff"', id="no UTF-8"),
    ],
)
def test_what_no_style_gives_back_has_no_style(body: bytes) -> None:
    """A body is only stored as a value when that value prints back to the same bytes."""
    assert detect(body) is None


@settings(deadline=None, max_examples=200)
@given(value=JSON_VALUES, style=st.sampled_from(STYLES))
def test_whatever_a_style_prints_is_found_again(value: Any, style: str) -> None:
    """Detecting what was rendered gives the value, and a style that prints the same bytes."""
    body = render(value, style)
    found = detect(body)
    assert found is not None
    assert found[0] == value
    assert render(*found) == body


@settings(deadline=None, max_examples=200)
@given(
    body=st.binary(max_size=40) | st.text().map(str.encode) | JSON_VALUES.map(lambda value: json.dumps(value).encode())
)
def test_a_detected_style_is_never_wrong(body: bytes) -> None:
    """Whatever the bytes are, either no style is named or one that gives exactly these bytes."""
    found = detect(body)
    assert found is None or render(*found) == body
