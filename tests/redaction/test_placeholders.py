"""Placeholders are equal for equal values, recognised when met again, and tell nothing without the key."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runproxy.redaction.placeholders import Placeholders

MADE = Placeholders(b"a-key-of-the-tests")
OTHER = Placeholders(b"another-key-of-the-tests")
JSON = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
PREFIXES = re.findall("[a-z]+", "asst batch call chatcmpl conv file ftjob msg resp run step thread upload vs vsfb")
IDS = st.builds(
    "{}{}{}".format,
    st.sampled_from(PREFIXES),
    st.sampled_from(["_", "-"]),
    st.text("abcXYZ", min_size=3, max_size=30).map(lambda name: f"{name}0{name}"),
)
AROUND = st.text('abc09_-./?&="{}\\n%2F ', max_size=12)


@given(value=JSON)
def test_a_placeholder_has_twelve_hex_digits_and_is_its_own_placeholder(value: object) -> None:
    """Whatever the value, redacting the placeholder again gives the same."""
    made = MADE.of(value)
    assert re.fullmatch(r"\[redacted:[0-9a-f]{12}\]", str(made))
    assert MADE.of(made) == made


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        pytest.param("a@example.org", "a@example.org", True, id="equal texts"),
        pytest.param(1, 1.0, True, id="equal numbers"),
        pytest.param({"a": 1, "b": [2.0]}, {"b": [2], "a": 1.0}, True, id="equal objects"),
        pytest.param("1", 1, False, id="text and number"),
        pytest.param(True, 1, False, id="true and one"),
        pytest.param("a@example.org", "A@example.org", False, id="other case"),
        pytest.param([1, 2], [2, 1], False, id="other order"),
    ],
)
def test_equal_values_have_one_placeholder(one: object, other: object, is_same: bool) -> None:
    """Equal means what it means for the bodies that are compared."""
    assert (MADE.of(one) == MADE.of(other)) == is_same


def test_the_key_decides() -> None:
    """Nobody without the key can try values against a placeholder."""
    assert MADE.of("a") != OTHER.of("a")
    assert MADE.in_place_of_ids("run_abc123") != OTHER.in_place_of_ids("run_abc123")
    assert repr(MADE) == "Placeholders(…)"


def test_null_stays() -> None:
    """That there is no value is no secret."""
    assert MADE.of(None) is None


@given(found=IDS, before=AROUND, after=AROUND)
def test_replacing_ids_twice_changes_nothing(found: str, before: str, after: str) -> None:
    """A placeholder is recognised whatever stands around it."""
    once = MADE.in_place_of_ids(f"{before}{found}{after}")
    assert MADE.in_place_of_ids(once) == once


@given(found=IDS)
def test_a_placeholder_of_an_id_has_its_shape(found: str) -> None:
    """The prefix stays, and 24 letters and digits follow."""
    prefix = re.split("[_-]", found)[0]
    made = MADE.in_place_of_ids(found)
    assert re.fullmatch(rf"{prefix}[_-][A-Za-z0-9]{{24}}", made)
    assert found[len(prefix) + 1 :] not in made


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("thread_abc123", id="alone"),
        pytest.param("/v1/threads/thread_abc123/runs", id="path"),
        pytest.param("after%3Dmsg_abc123", id="behind a URL escape"),
        pytest.param('{\\"id\\":\\"run_abc123\\"}', id="JSON in JSON"),
        pytest.param("see:\\nrun_abc123", id="behind a JSON escape"),
        pytest.param("No thread found with id 'thread_abc123'.", id="sentence"),
        pytest.param("parent_thread_abc123", id="behind an underscore"),
        pytest.param("file-AbCdEfGhIjKlMnOpQrStUv", id="letters only"),
        pytest.param("chatcmpl-abc123", id="dash"),
    ],
)
def test_an_id_is_replaced(text: str) -> None:
    """Wherever the API writes ids."""
    replaced = MADE.in_place_of_ids(text)
    assert "abc123" not in replaced
    assert "AbCdEf" not in replaced
    assert len(replaced) > len(text.removeprefix("file-AbCdEfGhIjKlMnOpQrStUv"))


@pytest.mark.parametrize(
    "text",
    [
        "thread_id",
        "run_steps",
        "file_search",
        "thread.run",
        "assistants=v2",
        "call_function",
        "user_abc123",
        "xrun_abc123",
    ],
)
def test_what_is_no_id_stays(text: str) -> None:
    """Names and words of the API, and ids of others."""
    assert MADE.in_place_of_ids(text) == text


def test_an_id_of_the_placeholders_shape_is_replaced() -> None:
    """Only what this key made is taken for a placeholder."""
    real = "thread_" + "aB3" * 8
    assert MADE.in_place_of_ids(real) != real
