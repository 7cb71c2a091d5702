"""Sections: tables that people write by hand."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from runproxy.sections import Section, merge


class Tool(Section):
    """A tool."""

    size: int = 3
    """How large it is."""
    name: str = "saw"
    """What it is called."""


VALUES = st.recursive(
    st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda values: st.dictionaries(st.sampled_from("abc"), values, max_size=3),
    max_leaves=8,
)
TABLES = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def test_a_name_that_is_unknown_is_refused() -> None:
    """A typing error is told, not passed over."""
    with pytest.raises(ValidationError) as caught:
        Tool.model_validate({"sise": 4})
    assert [(problem["type"], problem["loc"]) for problem in caught.value.errors()] == [("extra_forbidden", ("sise",))]


def test_a_section_does_not_change() -> None:
    """What is in force stays as it was read."""
    tool = Tool()
    with pytest.raises(ValidationError) as caught:
        tool.size = 4  # type: ignore[misc]
    assert caught.value.errors()[0]["type"] == "frozen_instance"


def test_sections_with_the_same_values_are_equal() -> None:
    """That is how a change is told from a file that was only written anew."""
    assert Tool() == Tool(size=3)
    assert Tool() != Tool(size=4)


def test_the_text_below_a_field_describes_it() -> None:
    """The description in the example file is the one in the source."""
    assert {name: field.description for name, field in Tool.model_fields.items()} == {
        "size": "How large it is.",
        "name": "What it is called.",
    }


@settings(deadline=None, max_examples=100)
@given(base=TABLES, over=TABLES)
def test_what_is_laid_over_counts_and_nothing_else_goes_missing(base: dict[str, Any], over: dict[str, Any]) -> None:
    """Nothing over changes nothing, laying over twice is laying over once, and all names of both are there."""
    merged = merge(base, over)
    assert merge(base, {}) == base
    assert merge({}, over) == over
    assert merge(merged, over) == merged
    assert merged.keys() == base.keys() | over.keys()
    assert {name: merged[name] for name in base.keys() - over.keys()} == {
        name: base[name] for name in base.keys() - over.keys()
    }


@settings(deadline=None, max_examples=100)
@given(base=TABLES, over=TABLES)
def test_merging_leaves_its_arguments_as_they_were(base: dict[str, Any], over: dict[str, Any]) -> None:
    """Neither table is written to, at any depth."""
    before = repr((base, over))
    merge(base, over)
    assert repr((base, over)) == before
