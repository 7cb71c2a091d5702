"""Rules that are not in force, tried on the calls that were made."""

from dataclasses import replace
from typing import Any

import pytest

from runproxy.audit.event import AuditEvent, MetadataObject, Pair
from runproxy.audit.reading import LoggedCall
from runproxy.audit.simulate import Simulation, simulate
from runproxy.policy import Policies, PolicySettings
from tests.audit.calls import call


def tried(*calls: AuditEvent, **rules: Any) -> Simulation:
    """Try rules on calls."""
    logged = [LoggedCall(number, one) for number, one in enumerate(calls)]
    return simulate(logged, Policies.of(PolicySettings.model_validate(rules)))


def test_who_would_break_a_rule_is_told_with_examples() -> None:
    """By rule and place, with the teams, and how many of the calls were let pass when they were made."""
    found = tried(
        call({"team": "a"}, team="search", request_id="req_1"),
        call({"user": "b"}, team="search", request_id="req_2"),
        call({"user": "c"}, team="ads", request_id="req_3"),
        call({"user": "d"}, team="ads", request_id="req_4", decision="refused"),
        required=["team"],
    )
    (rule,) = found.rules.values()
    assert (found.calls, found.refused, found.newly) == (4, 3, 2)
    assert (rule.code, rule.param, rule.calls, rule.newly) == ("policy_missing_key", "metadata.team", 3, 2)
    assert rule.teams == {"search", "ads"}
    assert rule.examples == ["req_2", "req_3", "req_4"]
    assert {one.team: (one.calls, one.refused, one.newly) for one in found.teams.values()} == {
        "search": (2, 1, 1),
        "ads": (2, 2, 1),
    }


def test_rules_that_only_warn_are_tried_as_if_they_refused() -> None:
    """Also those of single teams; what is switched off stays off."""
    found = tried(
        call({"user": "a"}, team="search"),
        call({"user": "a"}, team="ads"),
        call({"user": "a"}, team="old"),
        action="warn",
        required=["team"],
        teams={"ads": {"action": "enforce"}, "old": {"action": "off"}},
    )
    assert {one.team: (one.action, one.refused) for one in found.teams.values()} == {
        "search": ("warn", 1),
        "ads": ("enforce", 1),
        "old": ("off", 0),
    }


@pytest.mark.parametrize("form", ["left_out", "hashed", "masked"])
def test_a_value_that_is_not_on_file_is_judged_as_far_as_it_can_be(form: Any) -> None:
    """Its length and its type are known; whether it matches a pattern is not, and that is told."""
    rules = {"keys": {"user": {"pattern": "u_.*", "max_chars": 10}}}
    short, long = (call({"user": "x" * chars}) for chars in (5, 20))
    short, long = (
        replace(one, pairs=(replace(one.pairs[0], form=form, value="h:1" if form == "hashed" else None),))
        for one in (short, long)
    )
    found = tried(short, long, **rules)
    assert [rule.code for rule in found.rules.values()] == ["policy_value_too_long"]
    assert (found.refused, found.half_judged, dict(found.missing)) == (1, 1, {"user": 1})


def test_a_value_that_no_rule_asks_for_is_not_missed() -> None:
    """Only keys whose values the rules need are told."""
    one = call({"user": "x"})
    left_out = replace(one, pairs=(replace(one.pairs[0], form="left_out", value=None),))
    assert tried(left_out, required=["user"]).half_judged == 0
    assert tried(left_out, forbidden_shapes=["email"]).half_judged == 1


def test_a_key_that_is_masked_breaks_no_rule_of_keys() -> None:
    """What it was called nobody knows."""
    one = call({"(holds a credential)": "x"})
    assert tried(one, unknown_keys="reject", required=[]).refused == 0


def test_limits_of_the_api_are_judged_too() -> None:
    """Seventeen pairs, a long value and a number were refused, and would be again."""
    found = tried(
        call({f"k{number}": "v" for number in range(17)}, decision="refused"),
        replace(call({"n": "1"}, decision="refused"), pairs=(Pair("metadata", "n", "1", 1, "number"),)),
        replace(call({"n": "1"}, decision="refused"), pairs=(Pair("metadata", "n", "x" * 512, 600, form="cut"),)),
    )
    assert (found.refused, found.newly) == (3, 0)
    assert [rule.code for rule in found.rules.values()] == [
        "object_above_max_properties",
        "invalid_type",
        "string_above_max_length",
    ]


def test_what_was_refused_unread_is_not_judged() -> None:
    """A body that was no JSON has no metadata to judge; a call that writes none has nothing to be refused for."""
    unread = replace(call(decision="refused"), objects=())
    silent = replace(call(), objects=())
    found = tried(unread, silent, required=["team"])
    assert (found.calls, found.unread, found.refused) == (2, 1, 0)


def test_metadata_inside_others_is_asked_for_no_required_key() -> None:
    """As the guard does: required keys are those of what the call is about."""
    objects = (MetadataObject("metadata", 1), MetadataObject("messages[0].metadata", 1, is_main=False))
    pairs = (Pair("metadata", "team", "a", 1), Pair("messages[0].metadata", "note", "b", 1))
    assert tried(replace(call(), objects=objects, pairs=pairs), required=["team"]).refused == 0
    created = replace(call(), objects=(MetadataObject("metadata", None),))
    assert tried(created, required=["team"]).refused == 1
