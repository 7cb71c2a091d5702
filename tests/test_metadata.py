"""The metadata contract: what is within the limits, and the service's own words for what is not."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.metadata import check


def pairs(count: int) -> dict[str, str]:
    """Make so many pairs."""
    return {f"k{number}": "v" for number in range(count)}


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(None, id="null"),
        pytest.param({}, id="empty"),
        pytest.param({"k": ""}, id="empty value"),
        pytest.param({"": "v"}, id="empty key"),
        pytest.param(pairs(16), id="16 pairs"),
        pytest.param({"k" * 64: "v"}, id="key of 64"),
        pytest.param({"k": "v" * 512}, id="value of 512"),
        pytest.param({"\U0001f600" * 64: "\U0001f600" * 512}, id="64 and 512 characters of four bytes"),
        pytest.param({"e\u0301" * 32: "e\u0301" * 256}, id="64 and 512 code points that would compose to half"),
        pytest.param({"__proto__": "x", "constructor": "y"}, id="names of JavaScript"),
        pytest.param({"k": "\0\n\u200b"}, id="control characters"),
    ],
)
def test_metadata_within_the_limits_has_no_violation(metadata: object) -> None:
    """The limits count code points, and nothing else about a text matters."""
    assert check(metadata) == []


ATTESTED = [
    pytest.param(
        {"modified": True},
        "metadata.modified",
        "invalid_type",
        "Invalid type for 'metadata.modified': expected a string, but got a boolean instead.",
        id="boolean",
    ),
    pytest.param(
        {"k": 1},
        "metadata.k",
        "invalid_type",
        "Invalid type for 'metadata.k': expected a string, but got an integer instead.",
        id="integer",
    ),
    pytest.param(
        {"k": 1.5},
        "metadata.k",
        "invalid_type",
        "Invalid type for 'metadata.k': expected a string, but got a decimal number instead.",
        id="decimal number",
    ),
    pytest.param(
        {"k": []},
        "metadata.k",
        "invalid_type",
        "Invalid type for 'metadata.k': expected a string, but got an array instead.",
        id="array",
    ),
    pytest.param(
        {"k": {}},
        "metadata.k",
        "invalid_type",
        "Invalid type for 'metadata.k': expected a string, but got an object instead.",
        id="object",
    ),
    pytest.param(
        {"k": None},
        "metadata.k",
        "invalid_type",
        "Invalid type for 'metadata.k': expected a string, but got null instead.",
        id="null",
    ),
    pytest.param(
        pairs(17),
        "metadata",
        "object_above_max_properties",
        "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, "
        "but got an object with 17 properties instead.",
        id="17 pairs",
    ),
    pytest.param(
        {"k": "v" * 600},
        "metadata.k",
        "string_above_max_length",
        "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, "
        "but got a string with length 600 instead.",
        id="value of 600",
    ),
    pytest.param(
        {"k" * 70: "v"},
        "metadata." + "k" * 70,
        "property_name_above_max_length",
        "Invalid property name in 'metadata': 'kkk...kkk' is too long. Expected a string with maximum length 64, "
        "but got a string with length 70 instead.",
        id="key of 70",
    ),
    pytest.param(
        "text",
        "metadata",
        "invalid_type",
        "Invalid type for 'metadata': expected a metadata object, but got a string instead.",
        id="metadata is a string",
    ),
    pytest.param(
        [],
        "metadata",
        "invalid_type",
        "Invalid type for 'metadata': expected a metadata object, but got an array instead.",
        id="metadata is an array",
    ),
    pytest.param(
        7,
        "metadata",
        "invalid_type",
        "Invalid type for 'metadata': expected a metadata object, but got an integer instead.",
        id="metadata is a number",
    ),
    pytest.param(
        False,
        "metadata",
        "invalid_type",
        "Invalid type for 'metadata': expected a metadata object, but got a boolean instead.",
        id="metadata is a boolean",
    ),
]


@pytest.mark.parametrize(("metadata", "param", "code", "message"), ATTESTED)
def test_a_broken_rule_is_told_in_the_words_of_the_service(
    metadata: object, param: str, code: str, message: str
) -> None:
    """Text, param and code of each violation are the service's, to the byte."""
    (found,) = check(metadata)
    assert (found.message, found.param, found.code) == (message, param, code)


@pytest.mark.parametrize(
    ("metadata", "limit", "actual"),
    [
        pytest.param(pairs(17), 16, 17, id="pairs"),
        pytest.param({"k" * 65: "v"}, 64, 65, id="key"),
        pytest.param({"k": "v" * 513}, 512, 513, id="value"),
        pytest.param({"k": "\U0001f600" * 513}, 512, 513, id="value of four-byte characters"),
        pytest.param({"k": "e\u0301" * 300}, 512, 600, id="value that would compose to 300 characters"),
        pytest.param({"k": 1}, None, None, id="a type has no figures"),
    ],
)
def test_a_violation_counts_what_it_counted(metadata: object, limit: int | None, actual: int | None) -> None:
    """The limit and the actual figure stand beside the text, in code points."""
    (found,) = check(metadata)
    assert (found.limit, found.actual) == (limit, actual)


def test_a_long_key_shows_three_characters_of_each_end() -> None:
    """The key is not repeated in the message, but is whole in the param."""
    key = "abc" + "-" * 60 + "xyz"
    (found,) = check({key: "v"})
    assert "'abc...xyz' is too long" in found.message
    assert found.param == f"metadata.{key}"


def test_violations_come_in_the_order_of_the_service() -> None:
    """First the number of pairs, then key by key in the order of the body: name, then type or length of the value."""
    long_name = "n" * 65
    metadata = {"z": 1, long_name: None, "a": "v" * 513, **pairs(15)}
    assert [(found.code, found.param) for found in check(metadata)] == [
        ("object_above_max_properties", "metadata"),
        ("invalid_type", "metadata.z"),
        ("property_name_above_max_length", f"metadata.{long_name}"),
        ("invalid_type", f"metadata.{long_name}"),
        ("string_above_max_length", "metadata.a"),
    ]


def test_metadata_elsewhere_in_a_body_is_named_by_its_place() -> None:
    """The place of the object leads every param and stands in every message."""
    found = check({"k": 1, "l": "v" * 513, "m" * 65: "v"}, "thread.metadata")
    assert [violation.param for violation in found] == [
        "thread.metadata.k",
        "thread.metadata.l",
        "thread.metadata." + "m" * 65,
    ]
    assert all("'thread.metadata" in violation.message for violation in found)


SECRET = "value-that-must-stay-out"


@settings(deadline=None, max_examples=100)
@given(
    metadata=st.dictionaries(
        st.text(max_size=70),
        st.integers(0, 300).map(lambda length: SECRET * length) | st.lists(st.just(SECRET), min_size=1),
        max_size=20,
    )
)
def test_a_violation_never_holds_a_value(metadata: dict[str, Any]) -> None:
    """Values may be secret, so no message, param or code repeats one."""
    assert SECRET not in repr(check(metadata))


@settings(deadline=None, max_examples=200)
@given(
    count=st.sampled_from([0, 1, 15, 16, 17, 40]),
    key_length=st.sampled_from([1, 63, 64, 65, 100]),
    value_length=st.sampled_from([0, 511, 512, 513, 600]),
    character=st.sampled_from(["a", "é", "\u0301", "\U0001f600"]),
)
def test_metadata_passes_exactly_when_it_is_within_all_three_limits(
    count: int, key_length: int, value_length: int, character: str
) -> None:
    """The three limits are independent of each other and of how many bytes a character takes."""
    metadata = {chr(0x4E00 + number).ljust(key_length, character): character * value_length for number in range(count)}
    is_within = count <= 16 and (count == 0 or (key_length <= 64 and value_length <= 512))
    assert (check(json.loads(json.dumps(metadata))) == []) is is_within
