"""Violations: the service's words, and the list of them in a header."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.violations import Violation, listed, type_in_words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "a boolean"),
        (0, "an integer"),
        (0.0, "a decimal number"),
        ("", "a string"),
        ({}, "an object"),
        ([], "an array"),
    ],
    ids=str,
)
def test_a_type_is_named_as_the_service_names_it(value: object, words: str) -> None:
    """A boolean is no integer, and an integer is no decimal number."""
    assert type_in_words(value) == words


def test_a_long_list_is_cut_and_counted() -> None:
    """What does not fit the header is counted in its last item, so that nothing goes missing."""
    text = listed([Violation("unknown_parameter", f"field_{number:04}", "text") for number in range(500)])
    *items, more = text.split(", ")
    assert items[0] == 'unknown_parameter;param="field_0000"'
    assert more == f"more;count={500 - len(items)}"
    assert 3800 < len(text) < 4100


def test_a_long_param_is_shown_up_to_200_characters() -> None:
    """A name as long as the body does not make a header line that clients refuse."""
    assert listed([Violation("c", "n" * 1000, "text")]) == f'c;param="{"n" * 200}"'


@settings(deadline=None, max_examples=50)
@given(params=st.lists(st.text(st.characters(codec="utf-8"), max_size=300), max_size=40))
def test_the_list_is_always_one_short_line_of_ascii(params: list[str]) -> None:
    """Whatever the names are, the header can be sent and received."""
    text = listed([Violation("unknown_parameter", param, "text") for param in params])
    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 4100
