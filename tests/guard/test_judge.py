"""The judge: limits first and then the rules, of whichever team, wherever in a body metadata stands."""

from typing import Any

import pytest

from runproxy.errors import Refusal
from runproxy.guard import Judge
from runproxy.guard.judge import MAX_PLACES
from runproxy.limits import MAX_FINDINGS
from runproxy.policy import Policies, PolicySettings
from runproxy.routes import BY_NAME, CREATE_RUN, MODIFY_RUN, Route
from runproxy.violations import NOTHING_FOUND, Judgement, Violation

REQUIRED = {"required": ["user_id"]}
MANY = {f"k{number:02}": "v" for number in range(17)}


def judge(policy: dict[str, Any] | None = None, *, enforces_limits: bool = True) -> Judge:
    """Make a judge by a policy."""
    return Judge(Policies.of(PolicySettings.model_validate(policy or {})), enforces_limits)


def told(findings: tuple[Violation, ...]) -> list[tuple[str, str]]:
    """Give code and place of every finding."""
    return [(found.code, found.param) for found in findings]


def body_of(route: Route, body: dict[str, Any], policy: dict[str, Any], team: str | None = None) -> Judgement:
    """Judge a body by a policy."""
    return judge(policy).judge_body(route, body, team)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="empty"),
        pytest.param({"metadata": None}, id="null"),
        pytest.param({"metadata": {}}, id="no-pairs"),
        pytest.param({"metadata": {"k" * 64: "v" * 512}}, id="longest"),
    ],
)
def test_within_the_limits_and_without_rules_nothing_is_found(body: dict[str, Any]) -> None:
    """The ordinary call costs no object."""
    assert Judge().judge_body(MODIFY_RUN, body) == NOTHING_FOUND
    assert judge().judge_metadata(body.get("metadata")) is NOTHING_FOUND


def test_limits_come_before_rules() -> None:
    """What the service would say first is said first, and all of it, before anything of the policy."""
    policy = {"required": ["z"], "key_pattern": "[a-z]+", "keys": {"env": {"enum": ["prod"]}}}
    metadata = {"K" * 65: "x", "env": "lab", "text": "v" * 513, "n": 1}
    assert told(judge(policy).judge_metadata(metadata).violations) == [
        ("property_name_above_max_length", f"metadata.{'K' * 65}"),
        ("string_above_max_length", "metadata.text"),
        ("invalid_type", "metadata.n"),
        ("policy_missing_key", "metadata.z"),
        ("policy_key_pattern", f"metadata.{'K' * 65}"),
        ("policy_value_not_allowed", "metadata.env"),
    ]


def test_limits_that_are_not_enforced_only_warn() -> None:
    """What was counted passes, told before what the policy warns of; types and the policy still refuse."""
    lenient = judge({"keys": {"env": {"enum": ["prod"]}}, "unknown_keys": "warn"}, enforces_limits=False)
    judgement = lenient.judge_metadata({"env": "lab", "text": "v" * 513, "n": 1, "k" * 65: "", **MANY})
    assert told(judgement.violations) == [
        ("invalid_type", "metadata.n"),
        ("policy_value_not_allowed", "metadata.env"),
    ]
    assert told(judgement.warnings)[:4] == [
        ("object_above_max_properties", "metadata"),
        ("string_above_max_length", "metadata.text"),
        ("property_name_above_max_length", f"metadata.{'k' * 65}"),
        ("policy_unknown_key", "metadata.text"),
    ]


@pytest.mark.parametrize("enforces_limits", [True, False])
def test_a_table_that_says_nothing_of_length_adds_nothing_to_the_limits(enforces_limits: bool) -> None:
    """A value that is only too long for the API is a matter of the limits, refused or warned of once."""
    strict = judge({"keys": {"env": {"description": "What for."}}}, enforces_limits=enforces_limits)
    judgement = strict.judge_metadata({"env": "v" * 513})
    assert told((*judgement.violations, *judgement.warnings)) == [("string_above_max_length", "metadata.env")]
    assert bool(judgement.violations) is enforces_limits


@pytest.mark.parametrize(
    ("count", "enforces_limits", "is_asked"),
    [
        pytest.param(16, True, True, id="16"),
        pytest.param(17, True, False, id="17"),
        pytest.param(16, False, True, id="16-not-enforced"),
        pytest.param(17, False, True, id="17-not-enforced"),
    ],
)
def test_rules_are_not_asked_about_more_pairs_than_there_may_be(
    count: int, enforces_limits: bool, is_asked: bool
) -> None:
    """Such a call is refused anyway; where it is not, the rules are all there is."""
    metadata = dict(list(MANY.items())[:count])
    judgement = judge(REQUIRED, enforces_limits=enforces_limits).judge_metadata(metadata)
    codes = [found.code for found in judgement.violations]
    assert ("policy_missing_key" in codes) is is_asked
    assert ("object_above_max_properties" in codes) is (count > 16 and enforces_limits)


@pytest.mark.parametrize("value", ["text", 5, [], True], ids=repr)
@pytest.mark.parametrize("enforces_limits", [True, False])
def test_rules_are_not_asked_about_what_is_no_object(value: object, enforces_limits: bool) -> None:
    """A value of another type has no keys; it is refused, whether limits are enforced or not."""
    judgement = judge(REQUIRED, enforces_limits=enforces_limits).judge_metadata(value)
    assert told(judgement.violations) == [("invalid_type", "metadata")]
    assert judgement.warnings == ()


@pytest.mark.parametrize(
    ("route", "body", "missing"),
    [
        pytest.param(MODIFY_RUN, {}, [], id="modify-without-metadata"),
        pytest.param(MODIFY_RUN, {"metadata": {}}, ["metadata.user_id"], id="modify-with-no-pairs"),
        pytest.param(MODIFY_RUN, {"metadata": None}, ["metadata.user_id"], id="modify-with-null"),
        pytest.param(MODIFY_RUN, {"metadata": {"user_id": "u"}}, [], id="modify-with-the-key"),
        pytest.param(BY_NAME["modify_thread"], {"tool_resources": {}}, [], id="modify-thread-without-metadata"),
        pytest.param(CREATE_RUN, {}, ["metadata.user_id"], id="create-without-metadata"),
        pytest.param(CREATE_RUN, {"metadata": None}, ["metadata.user_id"], id="create-with-null"),
        pytest.param(CREATE_RUN, {"metadata": {"user_id": "u"}}, [], id="create-with-the-key"),
        pytest.param(
            CREATE_RUN,
            {"metadata": {"user_id": "u"}, "additional_messages": [{}, {"metadata": {}}, {"metadata": None}]},
            [],
            id="not-of-what-is-created-along-with-it",
        ),
        pytest.param(
            BY_NAME["create_thread_and_run"],
            {"thread": {"metadata": {}}},
            ["metadata.user_id"],
            id="of-the-run-and-not-of-its-thread",
        ),
    ],
)
def test_required_keys_are_asked_of_what_the_call_is_about(
    route: Route, body: dict[str, Any], missing: list[str]
) -> None:
    """A modify call without metadata leaves it as it is; null clears it; what is created without it has none."""
    assert told(body_of(route, body, REQUIRED).violations) == [("policy_missing_key", param) for param in missing]


STRUCTURE = [
    pytest.param(MODIFY_RUN, {"metadata": {"user_id": "u"}, "x": 1}, ("unknown_parameter", "x"), id="closed-route"),
    pytest.param(
        CREATE_RUN, {"metadata": {"user_id": "u"}, "Metadata": {}}, ("unknown_parameter", "Metadata"), id="lookalike"
    ),
    pytest.param(
        CREATE_RUN,
        {"metadata": {"user_id": "u"}, "additional_messages": {}},
        ("invalid_type", "additional_messages"),
        id="object-for-an-array",
    ),
]


@pytest.mark.parametrize(("route", "body", "finding"), STRUCTURE)
@pytest.mark.parametrize("action", ["enforce", "warn", "off"])
@pytest.mark.parametrize("enforces_limits", [True, False])
def test_a_body_whose_metadata_cannot_be_told_for_sure_is_always_refused(
    route: Route, body: dict[str, Any], finding: tuple[str, str], action: str, enforces_limits: bool
) -> None:
    """One reading is demanded whatever is enforced and whatever only warns."""
    strict = judge({**REQUIRED, "action": action}, enforces_limits=enforces_limits)
    judgement = strict.judge_body(route, body)
    assert told(judgement.violations) == [finding]
    assert judgement.warnings == ()


def test_findings_stand_in_the_order_of_the_body() -> None:
    """Place by place: limits and rules of the one before those of the next; violations and warnings apart."""
    policy = {"required": ["a"], "key_pattern": "[a-z]", "unknown_keys": "warn"}
    body = {"additional_messages": [{"metadata": {"n": 1, "X": "x"}}], "METADATA": {}, "metadata": {"b": "c"}}
    judgement = body_of(CREATE_RUN, body, policy)
    assert told(judgement.violations) == [
        ("invalid_type", "additional_messages[0].metadata.n"),
        ("policy_key_pattern", "additional_messages[0].metadata.X"),
        ("unknown_parameter", "METADATA"),
        ("policy_missing_key", "metadata.a"),
    ]
    assert told(judgement.warnings) == [
        ("policy_unknown_key", "additional_messages[0].metadata.n"),
        ("policy_unknown_key", "additional_messages[0].metadata.X"),
        ("policy_unknown_key", "metadata.b"),
    ]


ALL_SHAPES = {"forbidden_shapes": ["email", "phone", "credit_card", "token"]}
TEAMS = {
    "required": ["a"],
    "teams": {"strict": {"required": ["a", "b"]}, "mild": {"action": "warn"}, "free": {"action": "off"}},
}


@pytest.mark.parametrize(
    ("team", "violations", "warnings"),
    [
        pytest.param(None, 1, 0, id="nobody"),
        pytest.param("unheard-of", 1, 0, id="team-without-rules"),
        pytest.param("strict", 2, 0, id="stricter"),
        pytest.param("mild", 0, 1, id="milder"),
        pytest.param("free", 0, 0, id="off"),
    ],
)
def test_the_rules_are_those_of_the_team(team: str | None, violations: int, warnings: int) -> None:
    """The team that a call is of decides, in bodies as in metadata by itself."""
    for judgement in (
        body_of(MODIFY_RUN, {"metadata": {}}, TEAMS, team),
        judge(TEAMS).judge_metadata({}, "metadata", team),
    ):
        assert (len(judgement.violations), len(judgement.warnings)) == (violations, warnings)


def test_the_limits_are_the_same_for_all_teams() -> None:
    """A team whose rules are off is still held to the limits of the API."""
    assert told(judge(TEAMS).judge_metadata({"a": 1}, "metadata", "free").violations) == [
        ("invalid_type", "metadata.a")
    ]


def test_metadata_by_itself_is_named_by_its_place() -> None:
    """The place is an argument, and leads every param of limits and rules alike."""
    judgement = judge({"required": ["z"]}).judge_metadata({"a": 1}, "thread.metadata")
    assert told(judgement.violations) == [
        ("invalid_type", "thread.metadata.a"),
        ("policy_missing_key", "thread.metadata.z"),
    ]


def messages(count: int, metadata: object) -> dict[str, Any]:
    """Make the body of a run with so many messages of its own."""
    return {"additional_messages": [{"metadata": metadata}] * count, "metadata": {"user_id": "u"}}


def test_a_body_with_a_thousand_metadata_objects_is_judged() -> None:
    """That is as many as are looked at."""
    assert body_of(CREATE_RUN, messages(MAX_PLACES - 1, {}), REQUIRED) == NOTHING_FOUND
    assert MAX_PLACES == 1000


def test_a_body_with_more_metadata_objects_is_refused() -> None:
    """Judging takes time, so there is an end to it, told with a code of its own and with what to do."""
    with pytest.raises(Refusal) as caught:
        body_of(CREATE_RUN, messages(MAX_PLACES, {}), REQUIRED)
    assert (caught.value.status, caught.value.code) == (400, "too_many_metadata_objects")
    assert caught.value.message == (
        "Your request holds metadata in more than 1000 places, which is more than is looked at. Send it in parts."
    )


@pytest.mark.parametrize(
    ("metadata", "policy", "code"),
    [
        pytest.param({"n": 1}, {}, "invalid_type", id="limits"),
        pytest.param({"X": "x"}, {"key_pattern": "[a-z]+"}, "policy_key_pattern", id="rules"),
        pytest.param({f"k{number}": 1 for number in range(900)}, {}, "object_above_max_properties", id="one-place"),
    ],
)
def test_no_more_violations_are_found_than_anybody_reads(
    metadata: dict[str, Any], policy: dict[str, Any], code: str
) -> None:
    """Of very many the first ones are told."""
    judgement = body_of(CREATE_RUN, messages(900, metadata), policy)
    assert len(judgement.violations) == MAX_FINDINGS
    assert judgement.violations[0].code == code
    assert judgement.violations[0].param.startswith("additional_messages[0].metadata")


@pytest.mark.parametrize(
    ("metadata", "policy"),
    [
        pytest.param({"X": "x"}, {"key_pattern": "[a-z]+", "action": "warn"}, id="policy-that-warns"),
        pytest.param({"X": "x"}, {"unknown_keys": "warn"}, id="unknown-keys"),
        pytest.param({"k": "v" * 513}, {}, id="limits"),
    ],
)
def test_no_more_warnings_are_found_than_anybody_reads(metadata: dict[str, Any], policy: dict[str, Any]) -> None:
    """The call passes, and the first warnings are told."""
    judgement = judge(policy, enforces_limits=False).judge_body(CREATE_RUN, messages(900, metadata))
    assert (len(judgement.violations), len(judgement.warnings)) == (0, MAX_FINDINGS)


def test_very_many_warnings_do_not_hide_a_violation() -> None:
    """What refuses is found behind a thousand things that only warn."""
    body = {**messages(900, {"X": "x"}), "metadata": {"env": "lab", "n": 1}}
    policy = {"unknown_keys": "warn", "keys": {"env": {"enum": ["prod"]}}}
    assert told(body_of(CREATE_RUN, body, policy).violations) == [
        ("invalid_type", "metadata.n"),
        ("policy_value_not_allowed", "metadata.env"),
    ]
    warned = body_of(CREATE_RUN, body, {**policy, "key_pattern": "[a-z]+", "action": "warn"})
    assert told(warned.violations) == [("invalid_type", "metadata.n")]
    assert len(warned.warnings) == MAX_FINDINGS


@pytest.mark.parametrize("piece", ["1 ", "1-", "a@", "+1 ("], ids=["digits", "dashes", "addresses", "numbers"])
def test_a_value_of_a_quarter_of_a_megabyte_is_judged_to_its_end(piece: str) -> None:
    """A value that is far too long, made for the shapes to stumble over, comes to its end and is refused."""
    judgement = judge(ALL_SHAPES).judge_metadata({"k": piece * (250_000 // len(piece))})
    assert judgement.violations[0].code == "string_above_max_length"


@pytest.mark.parametrize("count", [255, 2047], ids=["within-the-limits", "longer"])
def test_metadata_of_combining_marks_is_judged_to_its_end(count: int) -> None:
    """A megabyte of marks in an order that normalising has to turn round takes no longer than other text."""
    marks = "a" + "\u0301" * count + "\u0316" * count
    body = messages(32_000 // len(marks), {f"k{number}": marks for number in range(16)})
    assert len(body_of(CREATE_RUN, body, ALL_SHAPES).violations) in (0, 16 * (32_000 // len(marks)))
