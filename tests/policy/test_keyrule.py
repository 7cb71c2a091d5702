"""The rules for the value of one key: what breaks them, what is said then, and which nobody could keep."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.policy import KeyTable
from runproxy.policy.keyrule import KeyRule
from runproxy.violations import Violation

PLACE = "metadata.env"
STAGES = ["dev", "test", "prod"]


def rule(**table: Any) -> KeyRule:
    """Make the rule of a table."""
    return KeyRule.of("keys.env", KeyTable.model_validate(table))


def judged(value: str, **table: Any) -> list[Violation]:
    """Judge a value by a table."""
    return list(rule(**table).judge(value, PLACE))


@pytest.mark.parametrize(
    ("value", "table"),
    [
        pytest.param("anything", {}, id="no-rule"),
        pytest.param("", {}, id="empty-value"),
        pytest.param("prod", {"enum": STAGES}, id="enum"),
        pytest.param("", {"enum": ["", "x"]}, id="enum-with-an-empty-value"),
        pytest.param("abc", {"min_chars": 3, "max_chars": 3}, id="length"),
        pytest.param("\U0001f600" * 3, {"max_chars": 3}, id="characters-not-bytes"),
        pytest.param("e\u0301", {"min_chars": 2}, id="code-points-not-letters"),
        pytest.param("u_1", {"pattern": "u_[0-9]+"}, id="pattern"),
        pytest.param("", {"pattern": "(?:u_[0-9]+)?"}, id="pattern-of-an-empty-value"),
    ],
)
def test_a_value_that_keeps_the_rules(value: str, table: dict[str, Any]) -> None:
    """Nothing is found."""
    assert judged(value, **table) == []


@pytest.mark.parametrize(
    ("value", "table", "code", "message"),
    [
        pytest.param(
            "staging",
            {"enum": STAGES},
            "policy_value_not_allowed",
            "Invalid 'metadata.env': the policy allows 'dev', 'test', 'prod'. Example: 'dev'.",
            id="enum",
        ),
        pytest.param(
            "prd",
            {"enum": STAGES, "example": "test"},
            "policy_value_not_allowed",
            "Invalid 'metadata.env': the policy allows 'dev', 'test', 'prod'. Did you mean 'prod'? Example: 'test'.",
            id="enum-with-a-near-value",
        ),
        pytest.param(
            "Prod",
            {"enum": STAGES, "description": "Where the run takes place."},
            "policy_value_not_allowed",
            "Invalid 'metadata.env': the policy allows 'dev', 'test', 'prod'. Did you mean 'prod'? "
            "Where the run takes place. Example: 'dev'.",
            id="enum-minds-case",
        ),
        pytest.param(
            "ab",
            {"min_chars": 3},
            "policy_value_too_short",
            "Invalid 'metadata.env': the policy wants at least 3 characters, but it has 2.",
            id="too-short",
        ),
        pytest.param(
            "",
            {"min_chars": 2, "example": "u_1"},
            "policy_value_too_short",
            "Invalid 'metadata.env': the policy wants at least 2 characters, but it has 0. Example: 'u_1'.",
            id="empty",
        ),
        pytest.param(
            "abcd",
            {"max_chars": 3, "description": "A short name"},
            "policy_value_too_long",
            "Invalid 'metadata.env': the policy wants at most 3 characters, but it has 4. A short name.",
            id="too-long",
        ),
        pytest.param(
            "u-1",
            {"pattern": "u_[0-9]+", "description": "Who asked.", "example": "u_17"},
            "policy_value_pattern",
            "Invalid 'metadata.env': the policy wants a value that matches u_[0-9]+. Who asked. Example: 'u_17'.",
            id="pattern",
        ),
        pytest.param(
            "u_1 or so",
            {"pattern": "u_[0-9]+"},
            "policy_value_pattern",
            "Invalid 'metadata.env': the policy wants a value that matches u_[0-9]+.",
            id="pattern-of-the-start-only",
        ),
    ],
)
def test_a_value_that_breaks_a_rule_is_told_what_to_write(
    value: str, table: dict[str, Any], code: str, message: str
) -> None:
    """The message names the rule, what it allows, what the key is for, and an example."""
    (found,) = judged(value, **table)
    assert (found.code, found.param, found.message) == (code, PLACE, message)


@pytest.mark.parametrize(
    ("value", "table", "limit", "actual"),
    [
        pytest.param("ab", {"min_chars": 3}, 3, 2, id="too-short"),
        pytest.param("abcd", {"max_chars": 3}, 3, 4, id="too-long"),
        pytest.param("x", {"enum": STAGES}, None, None, id="enum-counts-nothing"),
        pytest.param("x", {"pattern": "y"}, None, None, id="pattern-counts-nothing"),
    ],
)
def test_a_length_is_told_in_figures(value: str, table: dict[str, Any], limit: int | None, actual: int | None) -> None:
    """Limit and actual figure stand beside the text where something was counted."""
    (found,) = judged(value, **table)
    assert (found.limit, found.actual) == (limit, actual)


def test_all_broken_rules_of_a_value_are_told_in_one_order() -> None:
    """Allowed values, least length, greatest length, pattern."""
    short = judged("", enum=["abc"], pattern="[a-z]+", min_chars=3, max_chars=3)
    long = judged("ABCD", enum=["abc"], pattern="[a-z]+", min_chars=3, max_chars=3)
    assert [found.code for found in short] == [
        "policy_value_not_allowed",
        "policy_value_too_short",
        "policy_value_pattern",
    ]
    assert [found.code for found in long] == [
        "policy_value_not_allowed",
        "policy_value_too_long",
        "policy_value_pattern",
    ]


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        pytest.param(1, "'v00'", id="one"),
        pytest.param(16, ", ".join(f"'v{number:02}'" for number in range(16)), id="sixteen"),
        pytest.param(17, ", ".join(f"'v{number:02}'" for number in range(16)) + " and 1 more", id="seventeen"),
        pytest.param(500, ", ".join(f"'v{number:02}'" for number in range(16)) + " and 484 more", id="many"),
    ],
)
def test_a_long_list_of_values_is_cut_and_counted(count: int, shown: str) -> None:
    """Sixteen values are shown, the rest is a figure; what comes near is told even from the rest."""
    enum = [f"v{number:02}" for number in range(count)]
    assert rule(enum=enum).allowed == shown
    (found,) = judged(f"x{enum[-1]}", enum=enum)
    assert found.message.startswith(f"Invalid 'metadata.env': the policy allows {shown}. Did you mean ")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        pytest.param(
            {"min_chars": 3, "max_chars": 2}, "keys.env: min_chars is greater than max_chars", id="no-length-left"
        ),
        pytest.param(
            {"example": "stage", "enum": STAGES},
            "keys.env.example: the example breaks the rule it is to explain",
            id="example-outside-enum",
        ),
        pytest.param(
            {"example": "A", "pattern": "[a-z]"},
            "keys.env.example: the example breaks the rule it is to explain",
            id="example-outside-pattern",
        ),
        pytest.param(
            {"example": "ab", "max_chars": 1},
            "keys.env.example: the example breaks the rule it is to explain",
            id="example-too-long",
        ),
        pytest.param(
            {"enum": ["a", "B"], "pattern": "[a-z]"},
            "keys.env.enum: 'B' breaks another rule of this key",
            id="enum-outside-pattern",
        ),
        pytest.param(
            {"enum": ["ab", ""], "min_chars": 1},
            "keys.env.enum: '' breaks another rule of this key",
            id="enum-too-short",
        ),
        pytest.param(
            {"enum": ["ab"], "max_chars": 1},
            "keys.env.enum: 'ab' breaks another rule of this key",
            id="enum-too-long",
        ),
    ],
)
def test_a_rule_that_contradicts_itself_is_refused_with_its_place(table: dict[str, Any], message: str) -> None:
    """What nobody could keep, or what would mislead, is told when the rules are made."""
    with pytest.raises(ValueError, match=r"^keys\.env") as caught:
        rule(**table)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("table", "advice"),
    [
        pytest.param({}, "", id="nothing"),
        pytest.param({"description": "Who asked"}, " Who asked.", id="description"),
        pytest.param({"description": "Who asked."}, " Who asked.", id="one-full-stop"),
        pytest.param({"example": "u_1"}, " Example: 'u_1'.", id="example"),
        pytest.param({"enum": ["a", "b"]}, " Example: 'a'.", id="first-value-for-example"),
        pytest.param({"enum": ["a", "b"], "example": "b"}, " Example: 'b'.", id="example-before-first-value"),
        pytest.param({"description": "Who.", "example": "u_1"}, " Who. Example: 'u_1'.", id="both"),
    ],
)
def test_the_advice_is_made_of_description_and_example(table: dict[str, Any], advice: str) -> None:
    """Both are whole sentences that can follow any message."""
    assert rule(**table).advice == advice


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(a|a)*", "(.*a){20}"])
def test_a_long_value_is_held_against_a_pattern_in_linear_time(pattern: str) -> None:
    """A pattern that makes other engines hang comes to its end on a value that nearly fits."""
    assert [found.code for found in judged("a" * 512 + "!", pattern=pattern)] == ["policy_value_pattern"]
    assert [found.code for found in judged("a" * 100_000 + "!", pattern=pattern)] == ["policy_value_pattern"]


def test_a_greatest_length_that_is_the_limit_of_the_api_asks_nothing() -> None:
    """More than the API takes is told by the limits, in the service's words, and not by the policy too."""
    assert judged("v" * 513, max_chars=512) == []
    assert [found.code for found in judged("v" * 513, max_chars=511)] == ["policy_value_too_long"]


@settings(deadline=None, max_examples=100)
@given(secret=st.text(st.characters(codec="utf-8", categories=["Lo"]), min_size=4, max_size=600))
def test_a_value_is_never_repeated(secret: str) -> None:
    """Whichever rules it breaks, and however near it comes, the value stands in no finding."""
    found = judged(secret, enum=STAGES, pattern="[a-z]+", min_chars=3, max_chars=4)
    assert found
    assert secret not in repr(found)
    assert secret not in "".join(violation.message for violation in found)
