"""The rules for one team: each kind of rule, what is said of who breaks it, and in which order."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.limits import MAX_FINDINGS
from runproxy.policy import Ruleset
from runproxy.policy.tables import TeamTable
from runproxy.violations import NOTHING_FOUND, Judgement, Violation

MANY = {f"k{number:02}": "v" for number in range(17)}
USER = {"user_id": {"description": "Who asked.", "example": "u_17"}}


def rules(**tables: Any) -> Ruleset:
    """Make rules of tables."""
    return Ruleset.of(TeamTable.model_validate(tables))


def judged(metadata: dict[str, Any], **tables: Any) -> Judgement:
    """Judge metadata by rules made of tables."""
    return rules(**tables).judge(metadata, "metadata")


def told(violations: tuple[Violation, ...]) -> list[tuple[str, str]]:
    """Give code and place of every finding."""
    return [(found.code, found.param) for found in violations]


@pytest.mark.parametrize(
    ("metadata", "tables"),
    [
        pytest.param({"a": "b"}, {"required": ["a"]}, id="required"),
        pytest.param({"a": ""}, {"required": ["a"]}, id="required-and-empty"),
        pytest.param({"a": 1}, {"required": ["a"]}, id="required-and-no-string"),
        pytest.param({}, {"keys": {"a": {"enum": ["b"]}}}, id="a-table-requires-nothing"),
        pytest.param({"a_b": "c"}, {"key_pattern": "[a-z_]+"}, id="key-pattern"),
        pytest.param({"x": "y"}, {"required": [], "unknown_keys": "allow"}, id="unknown-allowed"),
        pytest.param(
            {"a": "1", "b": "2"}, {"unknown_keys": "reject", "required": ["a"], "keys": {"b": {}}}, id="known"
        ),
        pytest.param({"a": 5}, {"keys": {"a": {"pattern": "x"}}}, id="no-string-is-not-its-matter"),
        pytest.param({"a": ["u@example.com"]}, {"forbidden_shapes": ["email"]}, id="no-shapes-in-arrays"),
        pytest.param({"a": "nobody"}, {"forbidden_shapes": ["email", "phone", "credit_card", "token"]}, id="no-shape"),
        pytest.param({"a": {"u@example.com": "x"}}, {"forbidden_shapes": ["email"]}, id="no-shapes-in-objects"),
        pytest.param({}, {"near_limit_percent": 1}, id="nothing-is-near-nothing"),
    ],
)
def test_metadata_that_keeps_the_rules(metadata: dict[str, Any], tables: dict[str, Any]) -> None:
    """Nothing is found."""
    assert judged(metadata, **tables) == NOTHING_FOUND


KNOWN = {"required": ["user_id", "team"], "keys": {"env": {}}}
REFUSED = [
    pytest.param(
        {},
        {"required": ["user_id"]},
        "policy_missing_key",
        "metadata.user_id",
        "Missing 'metadata.user_id': the policy requires this key.",
        id="missing",
    ),
    pytest.param(
        {"User_id": "u"},
        {"required": ["user_id"], "keys": USER},
        "policy_missing_key",
        "metadata.user_id",
        "Missing 'metadata.user_id': the policy requires this key. Who asked. Example: 'u_17'.",
        id="missing-with-advice",
    ),
    pytest.param(
        {"Run-Kind": "x"},
        {"key_pattern": "[a-z_]+"},
        "policy_key_pattern",
        "metadata.Run-Kind",
        "Invalid key 'metadata.Run-Kind': the policy wants keys that match [a-z_]+.",
        id="key-pattern",
    ),
    pytest.param(
        {"userId": "x"},
        {"key_pattern": "[a-z_]+", "keys": USER},
        "policy_key_pattern",
        "metadata.userId",
        "Invalid key 'metadata.userId': the policy wants keys that match [a-z_]+. Did you mean 'user_id'?",
        id="key-pattern-with-a-near-key",
    ),
    pytest.param(
        {"k\n": "x"},
        {"key_pattern": "[a-z]"},
        "policy_key_pattern",
        "metadata.k\n",
        "Invalid key 'metadata.k\n': the policy wants keys that match [a-z].",
        id="key-pattern-is-for-the-whole-key",
    ),
    pytest.param(
        {"user_id": "u", "team": "t", "usr_id": "x"},
        {"unknown_keys": "reject", **KNOWN},
        "policy_unknown_key",
        "metadata.usr_id",
        "Unknown key 'metadata.usr_id': the policy does not know it. Did you mean 'user_id'?",
        id="unknown-with-a-near-key",
    ),
    pytest.param(
        {"user_id": "u", "team": "t", "colour": "x"},
        {"unknown_keys": "reject", **KNOWN},
        "policy_unknown_key",
        "metadata.colour",
        "Unknown key 'metadata.colour': the policy does not know it. It knows 'env', 'team', 'user_id'.",
        id="unknown",
    ),
    pytest.param(
        {"colour": "x"},
        {"unknown_keys": "reject"},
        "policy_unknown_key",
        "metadata.colour",
        "Unknown key 'metadata.colour': the policy does not know it. It knows no key at all.",
        id="nothing-known",
    ),
    pytest.param(
        {"env": "x"},
        {"keys": {"env": {"enum": ["prod"]}}},
        "policy_value_not_allowed",
        "metadata.env",
        "Invalid 'metadata.env': the policy allows 'prod'. Example: 'prod'.",
        id="value",
    ),
    pytest.param(
        {"note": "to user@example.com"},
        {"forbidden_shapes": ["email"]},
        "policy_forbidden_shape",
        "metadata.note",
        "Invalid 'metadata.note': it holds what looks like an e-mail address, which the policy forbids in metadata.",
        id="email",
    ),
    pytest.param(
        {"note": "+14155552671"},
        {"forbidden_shapes": ["email", "phone"]},
        "policy_forbidden_shape",
        "metadata.note",
        "Invalid 'metadata.note': it holds what looks like a telephone number, which the policy forbids in metadata.",
        id="phone",
    ),
    pytest.param(
        {"note": "4111 1111 1111 1111"},
        {"forbidden_shapes": ["credit_card"]},
        "policy_forbidden_shape",
        "metadata.note",
        "Invalid 'metadata.note': it holds what looks like the number of a payment card, which the policy forbids in "
        "metadata.",
        id="card",
    ),
    pytest.param(
        {"u@example.com": "x"},
        {"forbidden_shapes": ["email"]},
        "policy_forbidden_shape",
        "metadata.u@example.com",
        "Invalid 'metadata.u@example.com': its key holds what looks like an e-mail address, which the policy forbids "
        "in metadata.",
        id="shape-of-a-key",
    ),
    pytest.param(
        {"user_id": "Bearer " + "a" * 20},
        {"forbidden_shapes": ["token"], "keys": USER},
        "policy_forbidden_shape",
        "metadata.user_id",
        "Invalid 'metadata.user_id': it holds what looks like a secret token, which the policy forbids in metadata. "
        "Who asked. Example: 'u_17'.",
        id="token-with-advice",
    ),
]


@pytest.mark.parametrize(("metadata", "tables", "code", "param", "message"), REFUSED)
def test_a_broken_rule_is_told_with_what_to_write_instead(
    metadata: dict[str, Any], tables: dict[str, Any], code: str, param: str, message: str
) -> None:
    """Each rule has its code, its place and its text, and refuses."""
    judgement = judged(metadata, **tables)
    (found,) = judgement.violations
    assert (found.code, found.param, found.message) == (code, param, message)
    assert judgement.warnings == ()


@pytest.mark.parametrize(("metadata", "tables", "code", "param", "message"), REFUSED)
def test_a_policy_that_only_warns_says_the_same(
    metadata: dict[str, Any], tables: dict[str, Any], code: str, param: str, message: str
) -> None:
    """With `warn` nothing is refused, and the texts are those of a refusal."""
    judgement = judged(metadata, action="warn", **tables)
    assert judgement.violations == ()
    assert [(found.code, found.param, found.message) for found in judgement.warnings] == [(code, param, message)]


@pytest.mark.parametrize(("metadata", "tables", "code", "param", "message"), REFUSED)
def test_a_policy_that_is_off_says_nothing(
    metadata: dict[str, Any], tables: dict[str, Any], code: str, param: str, message: str
) -> None:
    """With `off` no rule is looked at."""
    assert judged(metadata, action="off", **tables) is NOTHING_FOUND


@pytest.mark.parametrize(
    ("metadata", "param", "message", "limit", "actual"),
    [
        pytest.param(
            dict(list(MANY.items())[:12]), "metadata", "'metadata' has 12 of at most 16 pairs.", 16, 12, id="pairs"
        ),
        pytest.param(
            dict(list(MANY.items())[:16]), "metadata", "'metadata' has 16 of at most 16 pairs.", 16, 16, id="all-pairs"
        ),
        pytest.param(
            {"k" * 48: "v"},
            f"metadata.{'k' * 48}",
            f"The key 'metadata.{'k' * 48}' has 48 of at most 64 characters.",
            64,
            48,
            id="key",
        ),
        pytest.param(
            {"k": "\U0001f600" * 384},
            "metadata.k",
            "'metadata.k' has 384 of at most 512 characters.",
            512,
            384,
            id="value",
        ),
        pytest.param(
            {"k": "v" * 512}, "metadata.k", "'metadata.k' has 512 of at most 512 characters.", 512, 512, id="longest"
        ),
    ],
)
def test_what_is_near_a_limit_of_the_api_is_warned_of(
    metadata: dict[str, Any], param: str, message: str, limit: int, actual: int
) -> None:
    """From the share on that was set, up to the limit itself, with both figures; nothing is refused."""
    judgement = judged(metadata, near_limit_percent=75)
    assert judgement == Judgement((), (Violation("policy_near_limit", param, message, limit, actual),))


@pytest.mark.parametrize(
    ("metadata", "percent"),
    [
        pytest.param(dict(list(MANY.items())[:11]), 75, id="eleven-pairs"),
        pytest.param(MANY, 75, id="seventeen-pairs-are-the-limits-matter"),
        pytest.param({"k" * 47: "v"}, 75, id="key-of-47"),
        pytest.param({"k" * 65: "v"}, 75, id="key-of-65"),
        pytest.param({"k": "v" * 383}, 75, id="value-of-383"),
        pytest.param({"k": "v" * 513}, 75, id="value-of-513"),
        pytest.param({"k": 5}, 75, id="no-string"),
        pytest.param({"k" * 63: "v" * 511}, 100, id="one-less"),
        pytest.param({"k" * 64: "v" * 512}, 0, id="switched-off"),
    ],
)
def test_what_is_not_near_a_limit_is_not_warned_of(metadata: dict[str, Any], percent: int) -> None:
    """Below the share there is nothing to say, and beyond the limit it is the limit that speaks."""
    assert judged(metadata, near_limit_percent=percent) == NOTHING_FOUND


@pytest.mark.parametrize("key", ["{}", "{", "}", "{0:>99}", "{0.real}", "{name}", "%s", "%(name)s"])
def test_a_key_is_no_template(key: str) -> None:
    """Braces in a key stand in the warning as they were sent, and nothing is put in their place."""
    judgement = judged({key: "v" * 512}, near_limit_percent=100)
    assert [found.message for found in judgement.warnings] == [f"'metadata.{key}' has 512 of at most 512 characters."]


def test_an_unknown_key_can_be_warned_of() -> None:
    """With `unknown_keys = "warn"` the text is that of a refusal, and the call passes."""
    judgement = judged({"env": "x", "evn": "y"}, unknown_keys="warn", keys={"env": {}})
    assert judgement.violations == ()
    (found,) = judgement.warnings
    assert (found.code, found.param) == ("policy_unknown_key", "metadata.evn")
    assert found.message == "Unknown key 'metadata.evn': the policy does not know it. Did you mean 'env'?"


def test_required_keys_are_not_asked_of_things_inside() -> None:
    """Where metadata is not that of what the call is about, all other rules count."""
    strict = rules(required=["user_id"], key_pattern="[a-z_]+")
    assert told(strict.judge({"X": "y"}, "messages[0].metadata", asks_required=False).violations) == [
        ("policy_key_pattern", "messages[0].metadata.X")
    ]


@pytest.mark.parametrize("action", ["enforce", "warn"])
def test_no_more_is_found_than_anybody_reads(action: str) -> None:
    """Of a thousand mistakes the first ones are told, and as many warnings; the rest is not looked for."""
    metadata = {f"K{number}": "v" * 512 for number in range(1000)}
    judgement = judged(metadata, action=action, key_pattern="[a-z]+", near_limit_percent=100)
    broken = judgement.violations if action == "enforce" else judgement.warnings[:MAX_FINDINGS]
    notable = judgement.warnings if action == "enforce" else judgement.warnings[MAX_FINDINGS:]
    assert MAX_FINDINGS == 256
    assert told(broken) == [("policy_key_pattern", f"metadata.K{number}") for number in range(MAX_FINDINGS)]
    assert told(notable) == [("policy_near_limit", f"metadata.K{number}") for number in range(MAX_FINDINGS)]


EVERY_RULE: dict[str, Any] = {
    "required": ["team", "user_id"],
    "key_pattern": "[a-z_]+",
    "unknown_keys": "reject",
    "forbidden_shapes": ["token", "email"],
    "near_limit_percent": 1,
    "keys": {"env": {"enum": ["prod"], "pattern": "[a-z]+", "max_chars": 4}},
}


def test_findings_come_in_one_order() -> None:
    """Missing keys; then key by key of the body its name, whether it is known, its value, its shapes."""
    shaped = "Bearer " + "a" * 20 + " u@example.com"
    judgement = judged({"X": shaped, "env": "PRODUCTION", "y": "v"}, **EVERY_RULE)
    assert told(judgement.violations) == [
        ("policy_missing_key", "metadata.team"),
        ("policy_missing_key", "metadata.user_id"),
        ("policy_key_pattern", "metadata.X"),
        ("policy_unknown_key", "metadata.X"),
        ("policy_forbidden_shape", "metadata.X"),
        ("policy_forbidden_shape", "metadata.X"),
        ("policy_value_not_allowed", "metadata.env"),
        ("policy_value_too_long", "metadata.env"),
        ("policy_value_pattern", "metadata.env"),
        ("policy_unknown_key", "metadata.y"),
    ]
    assert "a secret token" in judgement.violations[4].message
    assert "an e-mail address" in judgement.violations[5].message


def test_warnings_come_in_one_order() -> None:
    """Unknown keys; then what is near a limit: pairs, then key by key its name and its value."""
    tables = {**EVERY_RULE, "unknown_keys": "warn", "required": []}
    judgement = judged({"y": "v" * 40, "env": "prod"}, **tables)
    assert judgement.violations == ()
    assert told(judgement.warnings) == [
        ("policy_unknown_key", "metadata.y"),
        ("policy_near_limit", "metadata"),
        ("policy_near_limit", "metadata.y"),
        ("policy_near_limit", "metadata.y"),
        ("policy_near_limit", "metadata.env"),
    ]


def test_what_would_refuse_comes_first_among_warnings() -> None:
    """A policy that warns lists broken rules before what it only tells."""
    tables = {**EVERY_RULE, "action": "warn", "unknown_keys": "warn", "required": ["team"]}
    assert [found.code for found in judged({"y": "v"}, **tables).warnings] == [
        "policy_missing_key",
        "policy_unknown_key",
        "policy_near_limit",
        "policy_near_limit",
    ]


def test_metadata_elsewhere_in_a_body_is_named_by_its_place() -> None:
    """The place of the object leads every param, and stands in every message."""
    tables = {**EVERY_RULE, "near_limit_percent": 100}
    judgement = rules(**tables).judge({"X": "u@example.com", "env": "?"}, "messages[1].metadata")
    assert {found.param.rpartition(".")[0] for found in judgement.violations} == {"messages[1].metadata"}
    assert all(f"'{found.param}'" in found.message for found in judgement.violations)


def test_a_suggestion_minds_no_case() -> None:
    """Who writes a key in capitals is told the key as it is."""
    (found,) = judged({"USER_ID": "x"}, unknown_keys="reject", keys=USER).violations
    assert found.message.endswith("Did you mean 'user_id'?")


@pytest.mark.parametrize("known", ["USER_ID", "UserID"])
def test_a_known_key_in_capitals_is_suggested_too(known: str) -> None:
    """Who writes such a key in small letters, or with a typing error, is told the key as it is."""
    for sent in (known.lower(), f"{known}S"):
        (found,) = judged({sent: "x"}, unknown_keys="reject", keys={known: {}, "zz": {}}).violations
        assert found.message.endswith(f"Did you mean {known!r}?")


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"user_idd": "x", **MANY}, id="too-many-pairs"),
        pytest.param({"user_id" + "d" * 58: "x"}, id="key-too-long"),
    ],
)
def test_nothing_is_suggested_for_what_is_beyond_the_limits(metadata: dict[str, Any]) -> None:
    """Looking for near keys takes time, so it is not done for calls that cannot pass."""
    found = judged(metadata, unknown_keys="reject", keys=USER).violations
    assert len(found) == len(metadata)
    assert {violation.message.partition("know it.")[2] for violation in found} == {" It knows 'user_id'."}


def test_a_long_list_of_known_keys_is_cut_and_counted() -> None:
    """Sixteen keys are shown, the rest is a figure."""
    (found,) = judged({"zzz": "x"}, unknown_keys="reject", keys={key: {} for key in MANY}).violations
    shown = ", ".join(f"'k{number:02}'" for number in range(16))
    assert found.message.endswith(f"the policy does not know it. It knows {shown} and 1 more.")


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        pytest.param(
            {"required": ["User"], "key_pattern": "[a-z]+"},
            "the key 'User' could never be sent: it does not fit key_pattern, or is too long",
            id="required",
        ),
        pytest.param(
            {"keys": {"User": {}}, "key_pattern": "[a-z]+"},
            "the key 'User' could never be sent: it does not fit key_pattern, or is too long",
            id="table",
        ),
        pytest.param(
            {"required": ["k" * 65]},
            f"the key '{'k' * 65}' could never be sent: it does not fit key_pattern, or is too long",
            id="too-long",
        ),
        pytest.param({"required": list(MANY)}, "required: metadata cannot have more than 16 keys", id="too-many"),
        pytest.param(
            {"keys": {"env": {"min_chars": 2, "max_chars": 1}}},
            "keys.env: min_chars is greater than max_chars",
            id="below-a-key",
        ),
    ],
)
def test_rules_that_nobody_could_keep_are_refused(tables: dict[str, Any], message: str) -> None:
    """A contradiction is told when the rules are made, not by refusing every call."""
    with pytest.raises(ValueError, match=r"key|required") as caught:
        rules(**tables)
    assert str(caught.value) == message


@pytest.mark.parametrize("table", [{"enum": ["u@example.com", "v@example.com"]}, {"example": "u@example.com"}])
def test_a_value_that_is_allowed_and_forbidden_is_refused(table: dict[str, Any]) -> None:
    """An allowed value or an example that has a forbidden shape contradicts the policy it stands in."""
    with pytest.raises(ValueError, match=r"keys\.mail"):
        rules(forbidden_shapes=["email"], required=["mail"], keys={"mail": table})


@pytest.mark.parametrize("tables", [{"required": ["u@example.com"]}, {"keys": {"u@example.com": {}}}])
def test_a_key_that_is_known_and_forbidden_is_refused(tables: dict[str, Any]) -> None:
    """A key whose own name has a forbidden shape could never be sent."""
    with pytest.raises(ValueError, match="u@example"):
        rules(forbidden_shapes=["email"], **tables)


@pytest.mark.parametrize(
    ("tables", "is_idle"),
    [
        pytest.param({}, True, id="nothing"),
        pytest.param({"action": "warn"}, True, id="nothing-to-warn-of"),
        pytest.param({"required": ["a"]}, False, id="required"),
        pytest.param({"keys": {"a": {}}}, False, id="keys"),
        pytest.param({"key_pattern": "a"}, False, id="key-pattern"),
        pytest.param({"forbidden_shapes": ["email"]}, False, id="shapes"),
        pytest.param({"near_limit_percent": 1}, False, id="near"),
        pytest.param({"unknown_keys": "warn"}, False, id="unknown-warned"),
        pytest.param({"unknown_keys": "reject"}, False, id="unknown-rejected"),
        pytest.param({"action": "off", "required": ["a"]}, True, id="off"),
    ],
)
def test_rules_that_ask_nothing_are_idle(tables: dict[str, Any], is_idle: bool) -> None:
    """Whoever has no rules pays nothing for them."""
    assert rules(**tables).is_idle is is_idle


def test_a_key_is_judged_in_linear_time() -> None:
    """A pattern for keys that makes other engines hang comes to its end on a key that nearly fits."""
    (found,) = judged({"a" * 100_000 + "!": "v"}, key_pattern="(a+)+$").violations
    assert found.code == "policy_key_pattern"


SECRETS = st.text(st.characters(codec="utf-8", categories=["Lo"]), min_size=4, max_size=30)
FRAMES = ["{}", "{}@example.com", "+14155552671 {}", "4111111111111111 {}", "Bearer " + "a" * 20 + " {}"]


@settings(deadline=None, max_examples=200)
@given(
    secret=SECRETS,
    frame=st.sampled_from(FRAMES),
    keys=st.lists(st.sampled_from(["env", "X", "user_id", "evn", "k" * 64]), min_size=1, unique=True),
    is_string=st.booleans(),
    action=st.sampled_from(["enforce", "warn"]),
)
def test_a_value_is_never_repeated(secret: str, frame: str, keys: list[str], is_string: bool, action: str) -> None:
    """Values may be secret, so no code, param or message holds one, whatever it breaks."""
    text = frame.format(secret)
    value = text if is_string else {text: [text]}
    judgement = judged(dict.fromkeys(keys, value), **{**EVERY_RULE, "action": action})
    assert judgement != NOTHING_FOUND
    for found in (*judgement.violations, *judgement.warnings):
        assert secret not in f"{found.code}{found.param}{found.message}"


@settings(deadline=None, max_examples=200)
@given(
    metadata=st.dictionaries(st.text(max_size=70), st.text(max_size=600) | st.integers() | st.none(), max_size=20),
    action=st.sampled_from(["enforce", "warn", "off"]),
)
def test_what_an_action_does_is_the_same_for_all_findings(metadata: dict[str, Any], action: str) -> None:
    """The findings do not depend on the action; it only decides what refuses."""
    enforced = judged(metadata, **EVERY_RULE)
    expected = {"enforce": enforced, "warn": enforced.as_warnings(), "off": NOTHING_FOUND}
    assert judged(metadata, **{**EVERY_RULE, "action": action}) == expected[action]
