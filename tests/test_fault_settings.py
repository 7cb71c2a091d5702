"""Faults as people write them: what goes together, what is told of mistakes, and how they are described."""

from typing import Any

import pytest

from runproxy.backends.faults import Hang, Latency, Malformed, Reset, Schedule, SlowBody, Status, Truncate
from runproxy.config import FaultSettings, make_settings
from runproxy.errors import ConfigError


def told(*faults: dict[str, Any]) -> str:
    """Give what is said about faults that cannot be used."""
    with pytest.raises(ConfigError) as caught:
        make_settings({"faults": faults}, "team.toml")
    return caught.value.message


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param({}, "faults.0.kind: Field required", id="no-kind"),
        pytest.param({"kind": "fire"}, "faults.0.kind: Input should be 'latency', 'reset', ", id="kind"),
        pytest.param({"kind": "reset", "name": "No"}, "faults.0.name: String should match pattern", id="name"),
        pytest.param({"kind": "reset", "share": 0}, "faults.0.share: Input should be greater than 0", id="share-0"),
        pytest.param({"kind": "reset", "share": 1.1}, "faults.0.share: Input should be less than", id="share-over"),
        pytest.param({"kind": "reset", "every": 0}, "faults.0.every: Input should be greater than", id="every"),
        pytest.param({"kind": "reset", "times": 0}, "faults.0.times: Input should be greater than", id="times"),
        pytest.param({"kind": "reset", "shar": 1}, "no such setting. Did you mean 'faults.0.share'?", id="spelling"),
        pytest.param(
            {"kind": "reset", "share": 0.5, "every": 2},
            "faults.0: share and every both say how often; keep one of them.",
            id="share-and-every",
        ),
        pytest.param(
            {"kind": "reset", "status": 429},
            "faults.0: status goes with kind = 'status', and the kind is 'reset'.",
            id="status-of-reset",
        ),
        pytest.param(
            {"kind": "truncate", "at": "body"},
            "faults.0: at goes with kind = 'reset', 'status' or 'hang', and the kind is 'truncate'.",
            id="at-of-truncate",
        ),
        pytest.param({"kind": "latency"}, "faults.0: a latency needs latency_ms, how long a call waits.", id="no-time"),
        pytest.param(
            {"kind": "latency", "latency_ms": 1, "jitter_ms": 2},
            "faults.0: jitter_ms is more than latency_ms, and no call can wait for less than no time.",
            id="jitter",
        ),
        pytest.param(
            {"kind": "status", "at": "body"},
            "faults.0: a status stands before the body; 'request' or 'answer' was expected for at.",
            id="status-in-body",
        ),
        pytest.param(
            {"kind": "reset", "after_bytes": 1},
            "faults.0: after_bytes goes with at = 'body', and at is 'request'.",
            id="bytes-before-body",
        ),
        pytest.param({"kind": "status", "status": 199}, "faults.0.status: Input should be greater", id="no-final"),
        pytest.param({"kind": "status", "status": 204, "body": "x"}, "faults.0: a 204 has no body.", id="bodiless"),
        pytest.param(
            {"kind": "status", "status": 200},
            "faults.0: a 200 is no error; say in body what it answers with.",
            id="good-without-body",
        ),
        pytest.param({"kind": "status", "content_type": "a\nb"}, "faults.0.content_type: a text on one", id="lines"),
        pytest.param(
            {"kind": "reset", "route": "modify_rum"},
            "faults: reset: there is no route 'modify_rum'; '*', 'POST /threads/{thread_id}/runs' or one of",
            id="route",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(fault: dict[str, Any], message: str) -> None:
    """File, place, and what was expected."""
    text = told(fault)
    assert text.startswith("team.toml: faults")
    assert message in text


def test_two_faults_of_one_name_are_told() -> None:
    """A name is the kind unless said otherwise."""
    assert "two faults are called 'reset'; give each a name of its own" in told({"kind": "reset"}, {"kind": "reset"})
    assert "two faults are called 'reset'" in told({"kind": "reset"}, {"kind": "hang", "name": "reset"})
    make_settings({"faults": [{"kind": "reset"}, {"kind": "reset", "name": "other"}]}, "team.toml")


@pytest.mark.parametrize(
    ("fault", "made"),
    [
        pytest.param({"kind": "latency", "latency_ms": 9, "jitter_ms": 3}, Latency(9, 3), id="latency"),
        pytest.param({"kind": "reset"}, Reset("request"), id="reset"),
        pytest.param({"kind": "reset", "at": "body", "after_bytes": 3}, Reset("body", 3), id="reset-in-body"),
        pytest.param({"kind": "truncate"}, Truncate(), id="truncate"),
        pytest.param({"kind": "malformed", "how": "framing"}, Malformed("framing"), id="malformed"),
        pytest.param({"kind": "slow_body", "bytes_per_s": 3}, SlowBody(3), id="slow-body"),
        pytest.param({"kind": "hang", "hang_s": 3, "at": "answer"}, Hang(3, "answer"), id="hang"),
    ],
)
def test_a_kind_makes_a_fault(fault: dict[str, Any], made: object) -> None:
    """With its own settings."""
    entry = FaultSettings(**fault).as_entry({})
    assert (entry.fault, entry.name, entry.is_asked_for) == (made, fault["kind"], False)


@pytest.mark.parametrize(
    ("fault", "headers"),
    [
        ({"status": 429}, {"Retry-After": "1"}),
        ({"status": 503}, {"Retry-After": "1"}),
        ({"status": 429, "retry_after_s": 0}, {}),
        ({}, {}),
        ({"retry_after_s": 7}, {"Retry-After": "7"}),
    ],
    ids=str,
)
def test_what_is_tried_again_says_when(fault: dict[str, Any], headers: dict[str, str]) -> None:
    """429 and 503 by themselves, others where it is said."""
    made = FaultSettings(kind="status", **fault).as_entry({}).fault
    assert isinstance(made, Status)
    kept = {name: value for name, value in made.answer.headers.items() if name.lower().startswith("retry-after")}
    assert (made.answer.status, kept) == (fault.get("status", 500), headers)


def test_what_calls_it_strikes() -> None:
    """Schedule and route are those of the settings, and a route of one's own can be named."""
    settings = make_settings(
        {
            "routes": [{"name": "modify_item", "path": "/items/{item_id}"}],
            "faults": [
                {"kind": "reset", "route": "modify_item", "share": 0.5, "after": 2, "times": 3, "by_header": True}
            ],
        },
        "team.toml",
    )
    (entry,) = settings.fault_entries(settings.faults)
    assert entry.schedule == Schedule(0.5, 1, 2, 3)
    assert (entry.target.method, entry.is_asked_for) == ("POST", True)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"kind": "reset"}, "reset on *"),
        (
            {"kind": "status", "name": "busy", "status": 429, "route": "modify_run", "times": 2},
            "busy: status 429 on modify_run, at most 2 times",
        ),
        (
            {"kind": "latency", "latency_ms": 20, "share": 0.25, "after": 3, "by_header": True},
            "latency of 20 ms on *, where a call asks for it, after 3 that pass, a share of 0.25",
        ),
        ({"kind": "hang", "every": 5, "times": 1}, "hang on *, every 5 calls, once"),
    ],
    ids=str,
)
def test_it_is_described_in_one_line(fault: dict[str, Any], text: str) -> None:
    """For the banner of a server."""
    assert FaultSettings(**fault).described == text
