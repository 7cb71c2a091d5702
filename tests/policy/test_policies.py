"""The rules of all teams: what a team's tables change, and what they leave as it is for all."""

from typing import Any

import pytest

from runproxy.config import make_settings
from runproxy.errors import ConfigError
from runproxy.policy import NO_POLICY, Policies, PolicySettings
from runproxy.violations import NOTHING_FOUND

BASE: dict[str, Any] = {
    "action": "warn",
    "required": ["user_id", "env"],
    "unknown_keys": "reject",
    "key_pattern": "[a-z_]+",
    "forbidden_shapes": ["email"],
    "near_limit_percent": 90,
    "keys": {
        "env": {"description": "Where it runs.", "enum": ["dev", "prod"], "example": "dev"},
        "user_id": {"pattern": "u_[0-9]+"},
    },
}


def policies(base: dict[str, Any], **teams: dict[str, Any]) -> Policies:
    """Make the rules of tables for all and for teams."""
    return Policies.of(PolicySettings.model_validate({**base, "teams": teams}))


def told(policy: dict[str, Any]) -> str:
    """Give what is said about a policy that contradicts itself."""
    with pytest.raises(ConfigError) as caught:
        make_settings({"policy": policy}, "team.toml")
    return caught.value.message


@pytest.mark.parametrize(
    ("team", "attribute", "value"),
    [
        pytest.param({"action": "enforce"}, "action", "enforce", id="action"),
        pytest.param({"action": "off"}, "is_idle", True, id="off"),
        pytest.param({"required": []}, "required", (), id="required"),
        pytest.param({"required": ["env"]}, "required", ("env",), id="a-list-is-replaced"),
        pytest.param({"unknown_keys": "allow"}, "unknown_keys", "allow", id="back-to-the-default"),
        pytest.param({"key_pattern": ""}, "key_pattern", None, id="pattern-taken-back"),
        pytest.param({"forbidden_shapes": []}, "forbidden_shapes", (), id="shapes-taken-back"),
        pytest.param({"near_limit_percent": 50}, "near_limit", 0.5, id="near"),
    ],
)
def test_what_a_team_sets_is_in_force_for_it_and_nothing_else_changes(
    team: dict[str, Any], attribute: str, value: object
) -> None:
    """One setting of the team replaces the same one for all; its other rules, and everybody's, stay."""
    found = policies(BASE, search=team)
    common, own = found.of_team(None), found.of_team("search")
    assert getattr(own, attribute) == value
    assert getattr(common, attribute) != value
    fields = {"required", "unknown_keys", "forbidden_shapes", "near_limit", "action"} - {attribute, *team}
    assert {name: getattr(own, name) for name in fields} == {name: getattr(common, name) for name in fields}


def test_tables_of_keys_are_laid_over_each_other_field_by_field() -> None:
    """A team that allows other values keeps the description, and the tables of other keys."""
    found = policies(BASE, search={"keys": {"env": {"enum": ["lab"], "example": ""}, "colour": {"max_chars": 3}}})
    own = found.of_team("search")
    assert own.keys["env"].enum == ("lab",)
    assert own.keys["env"].advice == " Where it runs. Example: 'lab'."
    assert own.keys["user_id"] == found.common.keys["user_id"]
    assert own.keys["colour"].max_chars == 3
    assert "colour" not in found.common.keys
    assert found.common.keys["env"].enum == ("dev", "prod")


def test_a_team_without_a_word_of_its_own_has_the_rules_for_all() -> None:
    """An empty table changes nothing."""
    found = policies(BASE, search={})
    metadata = {"X": "u@example.com", "env": "lab"}
    assert found.of_team("search").judge(metadata, "metadata") == found.common.judge(metadata, "metadata")


@pytest.mark.parametrize(
    ("team", "count"),
    [
        pytest.param("strict", 1, id="team-with-rules"),
        pytest.param("loose", 0, id="team-without"),
        pytest.param("unheard_of", 0, id="team-of-nobody"),
        pytest.param("", 0, id="empty-name"),
        pytest.param(None, 0, id="no-team"),
    ],
)
def test_whose_rules_count(team: str | None, count: int) -> None:
    """Those of the team where it has some, else those for all."""
    found = policies({"keys": {"a": {}}}, strict={"required": ["a"]}, loose={"near_limit_percent": 0})
    assert len(found.of_team(team).judge({}, "metadata").violations) == count


def test_teams_do_not_see_each_other() -> None:
    """What one team sets is in no other team's rules."""
    found = policies({}, one={"required": ["a"]}, two={"required": ["b"]})
    assert (found.of_team("one").required, found.of_team("two").required) == (("a",), ("b",))
    assert found.common.is_idle


def test_no_policy_asks_nothing_of_anybody() -> None:
    """Without a policy nothing is found."""
    assert NO_POLICY.of_team("search").is_idle
    assert NO_POLICY.common.judge({"a": "u@example.com"}, "metadata") is NOTHING_FOUND


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        pytest.param(
            {"keys": {"env": {"min_chars": 3, "max_chars": 2}}},
            "policy: keys.env: min_chars is greater than max_chars.",
            id="length",
        ),
        pytest.param(
            {"keys": {"env": {"example": "x", "enum": ["y"]}}},
            "policy: keys.env.example: the example breaks the rule it is to explain.",
            id="example",
        ),
        pytest.param(
            {"keys": {"env": {"enum": ["y"], "max_chars": 0}}},
            "policy: keys.env.enum: 'y' breaks another rule of this key.",
            id="enum",
        ),
        pytest.param(
            {"key_pattern": "[a-z]+", "required": ["User"]},
            "policy: the key 'User' could never be sent: it does not fit key_pattern, or is too long.",
            id="key-pattern",
        ),
        pytest.param(
            {"required": [f"k{number}" for number in range(17)]},
            "policy: required: metadata cannot have more than 16 keys.",
            id="too-many-required",
        ),
        pytest.param(
            {"keys": {"env": {"pattern": "[a-z]+"}}, "teams": {"search": {"keys": {"env": {"enum": ["1"]}}}}},
            "policy: teams.search: keys.env.enum: '1' breaks another rule of this key.",
            id="team-against-all",
        ),
        pytest.param(
            {"required": ["User"], "teams": {"search": {"key_pattern": "[a-z]+"}}},
            "policy: teams.search: the key 'User' could never be sent: it does not fit key_pattern, or is too long.",
            id="pattern-of-a-team-against-the-keys-of-all",
        ),
    ],
)
def test_a_contradiction_is_told_with_its_place(policy: dict[str, Any], message: str) -> None:
    """File, table and key are named, so that a person finds the line."""
    assert told(policy) == f"team.toml: {message}"


def test_a_policy_in_two_places_is_refused() -> None:
    """A policy file beside a policy in the settings would leave open which counts."""
    with pytest.raises(ConfigError) as caught:
        make_settings({"guard": {"policy_file": "p.toml"}, "policy": {"required": ["a"]}}, "team.toml")
    assert caught.value.message == (
        "team.toml: the policy is both here, below [policy], and in guard.policy_file; keep one of them."
    )
