"""What the rules ask of a key, in words."""

from typing import Any

import pytest

from runproxy.policy import Ruleset, explain
from runproxy.policy.tables import TeamTable

FULL: dict[str, Any] = {
    "required": ["env"],
    "unknown_keys": "reject",
    "key_pattern": "[a-z_]+",
    "forbidden_shapes": ["email", "token"],
    "near_limit_percent": 75,
    "keys": {
        "env": {
            "description": "Where it runs.",
            "example": "prod",
            "enum": ["dev", "prod"],
            "pattern": "[a-z]+",
            "min_chars": 3,
            "max_chars": 4,
        }
    },
}
ENFORCED = "action: a call that breaks a rule is refused"


def explained(key: str, **tables: Any) -> list[str]:
    """Explain a key by rules made of tables."""
    return list(explain(Ruleset.of(TeamTable.model_validate(tables)), key))


def test_every_rule_of_a_key_is_a_line() -> None:
    """From the action to the limits, in the order in which they are looked at."""
    assert explained("env", **FULL) == [
        ENFORCED,
        "required: metadata must have this key",
        "name: fits the pattern for keys, [a-z_]+",
        "value: one of 'dev', 'prod'",
        "value: matches [a-z]+, from its start to its end",
        "value: 3 to 4 characters",
        "about: Where it runs. Example: 'prod'.",
        "value: must not hold email, token",
        "warned of: 75% of a limit of the API, and more",
    ]


def test_a_key_that_breaks_rules_by_its_name_is_told_so() -> None:
    """A key that nobody may send is explained like any other."""
    assert explained("Colour", **FULL) == [
        ENFORCED,
        "name: does not fit the pattern for keys, [a-z_]+",
        "unknown to the rules: rejected",
        "value: must not hold email, token",
        "warned of: 75% of a limit of the API, and more",
    ]


@pytest.mark.parametrize(
    ("tables", "lines"),
    [
        pytest.param({}, [ENFORCED, "unknown to the rules: allowed"], id="no-rules"),
        pytest.param(
            {"action": "warn", "unknown_keys": "warn"},
            ["action: a call that breaks a rule passes with a warning", "unknown to the rules: passes with a warning"],
            id="warn",
        ),
        pytest.param(
            {"action": "off"}, ["action: the rules are switched off", "unknown to the rules: allowed"], id="off"
        ),
        pytest.param({"keys": {"a": {}}}, [ENFORCED, "value: 0 to 512 characters"], id="table-without-a-rule"),
        pytest.param({"required": ["a"]}, [ENFORCED, "required: metadata must have this key"], id="required-only"),
        pytest.param(
            {"keys": {"a": {"description": "What for"}}},
            [ENFORCED, "value: 0 to 512 characters", "about: What for."],
            id="description",
        ),
        pytest.param(
            {"near_limit_percent": 100},
            [ENFORCED, "unknown to the rules: allowed", "warned of: 100% of a limit of the API, and more"],
            id="near",
        ),
    ],
)
def test_only_rules_that_there_are_are_told(tables: dict[str, Any], lines: list[str]) -> None:
    """What is not asked makes no line."""
    assert explained("a", **tables) == lines
