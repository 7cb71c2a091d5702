"""Places in the text of a JSON document."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runproxy.positions import Position, Steps, position_below, positions

TEXT = """{
  "a": [1, {"b\\u00e9": "x, ]"}],
  "é": {}, "c": [[], [2]]
}"""


@pytest.mark.parametrize(
    ("steps", "line", "column"),
    [
        pytest.param((), 1, 1, id="the-whole"),
        pytest.param(("a",), 2, 3, id="a-member"),
        pytest.param(("a", 0), 2, 9, id="in-an-array"),
        pytest.param(("a", 1), 2, 12, id="an-object-in-an-array"),
        pytest.param(("a", 1, "bé"), 2, 13, id="an-escaped-name"),
        pytest.param(("é",), 3, 3, id="a-name-beyond-ascii"),
        pytest.param(("c",), 3, 12, id="columns-count-code-points"),
        pytest.param(("c", 1, 0), 3, 23, id="arrays-in-arrays"),
        pytest.param(("c", 1, 9), 3, 22, id="absent-in-an-array"),
        pytest.param(("a", 1, "no", "such"), 2, 12, id="absent-in-an-object"),
    ],
)
def test_a_place_has_a_line_and_a_column(steps: Steps, line: int, column: int) -> None:
    """Both from 1; what is absent is told of where it would stand."""
    assert positions(TEXT, [steps]) == {steps: Position(line, column)}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda held: st.lists(held, max_size=4) | st.dictionaries(st.text(), held, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 0, 2]), st.booleans())
def test_at_each_place_stands_what_is_there(value: object, indent: int | None, is_ascii: bool) -> None:
    """Read from there on, the text is the name of the member, or the value."""
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)
    expected = dict(_walk((), value))
    lines = text.split("\n")
    for steps, found in positions(text, expected).items():
        rest = "\n".join([lines[found.line - 1][found.column - 1 :], *lines[found.line :]])
        assert json.JSONDecoder().raw_decode(rest)[0] == expected[steps]


def _walk(steps: Steps, value: object) -> list[tuple[Steps, object]]:
    here = [(steps, steps[-1] if steps and isinstance(steps[-1], str) else value)]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return here + [found for step, held in items for found in _walk((*steps, step), held)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[[]]", None, id="not-so-deep"),
        pytest.param('[[], "[[[", {"[": 1}]', None, id="brackets-in-text-and-side-by-side"),
        pytest.param('[[],\n {"a": []}]', Position(2, 8), id="deeper"),
    ],
)
def test_what_is_nested_too_deep_is_found(text: str, expected: Position | None) -> None:
    """The first bracket that stands in two others."""
    assert position_below(2, text) == expected
