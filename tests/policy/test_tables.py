"""The tables of a policy: their defaults, and mistakes in them that are told with their place."""

from typing import Any

import pytest

from runproxy.config import make_settings
from runproxy.errors import ConfigError
from runproxy.policy import KeyTable, PolicySettings
from runproxy.policy.tables import TeamTable

ENGINE = "(patterns are RE2's: no look-around, no back-references)"


def told(policy: dict[str, Any]) -> str:
    """Give what is said about a policy that cannot be used."""
    with pytest.raises(ConfigError) as caught:
        make_settings({"policy": policy}, "team.toml")
    return caught.value.message


def test_an_empty_policy_asks_nothing() -> None:
    """Every rule is off by itself; a rule that is broken refuses."""
    assert PolicySettings().model_dump() == {
        "action": "enforce",
        "required": (),
        "unknown_keys": "allow",
        "key_pattern": "",
        "forbidden_shapes": (),
        "near_limit_percent": 0,
        "keys": {},
        "teams": {},
    }


def test_an_empty_table_of_a_key_allows_every_value() -> None:
    """A key may have a table only to be known."""
    assert KeyTable().model_dump() == {
        "description": "",
        "example": "",
        "pattern": "",
        "enum": (),
        "min_chars": 0,
        "max_chars": 512,
    }


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param({"action": "off"}, id="action"),
        pytest.param({"required": ["a", "b"]}, id="required"),
        pytest.param({"required": [f"k{number}" for number in range(16)]}, id="sixteen-required"),
        pytest.param({"required": ["k" * 64]}, id="required-of-64"),
        pytest.param({"unknown_keys": "warn"}, id="unknown"),
        pytest.param({"key_pattern": "[a-z_]+"}, id="key-pattern"),
        pytest.param({"forbidden_shapes": ["email", "phone", "credit_card", "token"]}, id="shapes"),
        pytest.param({"near_limit_percent": 100}, id="near"),
        pytest.param({"keys": {"k" * 64: {}}}, id="key-of-64"),
        pytest.param({"keys": {"a": {"min_chars": 512, "max_chars": 512}}}, id="one-length"),
        pytest.param({"keys": {"a": {"enum": ["", "b"]}}}, id="empty-value-allowed"),
        pytest.param({"teams": {"search": {"keys": {"a": {"example": "b"}}}}}, id="team"),
    ],
)
def test_a_policy_that_can_be_kept_is_taken(policy: dict[str, Any]) -> None:
    """What is written is what is in force."""
    taken = make_settings({"policy": policy}, "team.toml").policy
    assert taken == PolicySettings.model_validate(policy)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        pytest.param(
            {"action": "refuse"},
            "policy.action: Input should be 'enforce', 'warn' or 'off'; found 'refuse'.",
            id="action",
        ),
        pytest.param(
            {"unknown_keys": "deny"},
            "policy.unknown_keys: Input should be 'allow', 'warn' or 'reject'; found 'deny'.",
            id="unknown-keys",
        ),
        pytest.param(
            {"required": ["a", "b", "a"]},
            "policy.required: 'a' stands there more than once; found ['a', 'b', 'a'].",
            id="required-twice",
        ),
        pytest.param(
            {"required": [1]}, "policy.required.0: Input should be a valid string; found 1.", id="required-number"
        ),
        pytest.param(
            {"forbidden_shapes": ["ssn", "email", "iban"]},
            "policy.forbidden_shapes: there is no shape 'iban', 'ssn'; there are 'email', 'phone', 'credit_card', "
            "'token'; found ['ssn', 'email', 'iban'].",
            id="unknown-shapes",
        ),
        pytest.param(
            {"forbidden_shapes": ["email", "email"]},
            "policy.forbidden_shapes: 'email' stands there more than once; found ['email', 'email'].",
            id="shape-twice",
        ),
        pytest.param(
            {"near_limit_percent": 101},
            "policy.near_limit_percent: Input should be less than or equal to 100; found 101.",
            id="near-high",
        ),
        pytest.param(
            {"near_limit_percent": -1},
            "policy.near_limit_percent: Input should be greater than or equal to 0; found -1.",
            id="near-low",
        ),
        pytest.param(
            {"key_pattern": "(?=a)"},
            f"policy.key_pattern: the pattern cannot be used: invalid perl operator: (?= {ENGINE}; found '(?=a)'.",
            id="look-ahead",
        ),
        pytest.param(
            {"keys": {"env": {"pattern": r"(a)\1"}}},
            "policy.keys.env.pattern: the pattern cannot be used: invalid escape sequence: "
            rf"\1 {ENGINE}; found '(a)\\1'.",
            id="back-reference",
        ),
        pytest.param(
            {"keys": {"env": {"enum": ["a", "a"]}}},
            "policy.keys.env.enum: 'a' stands there more than once; found ['a', 'a'].",
            id="enum-twice",
        ),
        pytest.param(
            {"keys": {"env": {"min_chars": -1}}},
            "policy.keys.env.min_chars: Input should be greater than or equal to 0; found -1.",
            id="min-low",
        ),
        pytest.param(
            {"keys": {"env": {"max_chars": 513}}},
            "policy.keys.env.max_chars: Input should be less than or equal to 512; found 513.",
            id="max-above-the-api",
        ),
        pytest.param(
            {"keys": {"env": 5}},
            "policy.keys.env: a table [policy.keys.env] was expected; found 5.",
            id="key-is-no-table",
        ),
        pytest.param(
            {"keys": {"env": {"patern": "a"}}},
            "policy.keys.env.patern: no such setting. Did you mean 'policy.keys.env.pattern'?",
            id="typo-below-a-key",
        ),
        pytest.param(
            {"teams": {"search": {"requierd": []}}},
            "policy.teams.search.requierd: no such setting. Did you mean 'policy.teams.search.required'?",
            id="typo-below-a-team",
        ),
        pytest.param(
            {"teams": {"search": {"keys": {"env": {"colour": 1}}}}},
            "policy.teams.search.keys.env.colour: no such setting. Did you mean 'policy.teams.search.keys.env.enum'?",
            id="typo-below-a-key-of-a-team",
        ),
        pytest.param(
            {"teams": {"search": {"key_pattern": "("}}},
            f"policy.teams.search.key_pattern: the pattern cannot be used: missing ): ( {ENGINE}; found '('.",
            id="pattern-of-a-team",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_there_is(policy: dict[str, Any], message: str) -> None:
    """File, path, what is wrong, and what was found, in one line."""
    assert told(policy) == f"team.toml: {message}"


def test_a_key_longer_than_the_api_allows_is_refused() -> None:
    """A table for a key that nobody can send is a mistake."""
    key = "k" * 65
    assert told({"keys": {key: {}}}).startswith(f"team.toml: policy.keys.{key}.[key]: String should have at most 64")


def test_a_huge_pattern_is_refused_with_its_place() -> None:
    """A list that was written as a pattern is told as too long."""
    message = told({"keys": {"env": {"pattern": "a|" * 501}}})
    assert message.startswith("team.toml: policy.keys.env.pattern: the pattern has more than 1000 characters; found ")


def test_a_team_has_no_teams_of_its_own() -> None:
    """Rules are laid over each other once."""
    assert told({"teams": {"search": {"teams": {}}}}).startswith(
        "team.toml: policy.teams.search.teams: no such setting"
    )
    assert "teams" not in TeamTable.model_fields
