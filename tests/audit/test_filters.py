"""Filters: what a person writes, on a command line or in an address."""

from datetime import UTC, datetime

import pytest

from runproxy.audit.errors import UnusableFilter
from runproxy.audit.filters import Filter, Near, Rule

NOW = datetime(2026, 11, 26, 21, 30, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "ago_ms"),
    [
        pytest.param("7d", 7 * 86_400_000, id="days"),
        pytest.param("90m", 90 * 60_000, id="minutes"),
        pytest.param("2026-11-26T21:00", 30 * 60_000, id="moment"),
        pytest.param("2026-11-26T21:00:00Z", 30 * 60_000, id="moment-in-utc"),
        pytest.param("2026-11-26T23:00:00+02:00", 30 * 60_000, id="moment-elsewhere"),
        pytest.param("2026-11-26", 21 * 3_600_000 + 30 * 60_000, id="day"),
    ],
)
def test_a_time_is_a_span_back_or_a_moment(text: str, ago_ms: int) -> None:
    """A moment without a zone is UTC."""
    assert Filter.parse({"since": text, "until": text}, now=NOW) == Filter(NOW_MS - ago_ms, NOW_MS - ago_ms)


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize("text", ["", "7", "d", "yesterday", "7dd", "-7d", "2026-13-01", "\u0667d", "999999w"])
def test_what_is_no_time_is_told_with_an_example(name: str, text: str) -> None:
    """The error names the part, shows what was given and what was expected."""
    with pytest.raises(UnusableFilter) as caught:
        Filter.parse({name: text}, now=NOW)
    assert caught.value.message.startswith(f"{name}: {text!r} is neither a span such as '7d' nor a time such as ")
    assert (caught.value.status, caught.value.exit_code) == (400, 2)


def test_a_pair_is_a_key_and_a_value() -> None:
    """A value may hold more equal signs, or nothing; both forms in which it may be on file are looked for."""
    asked = Filter.parse({}, ["a=b=c", "d="], now=NOW, forms_of=lambda value: (value, f"h:{value}"))
    assert asked.where == (("a", ("b=c", "h:b=c")), ("d", ("", "h:")))


@pytest.mark.parametrize("text", ["", "a", "=b"])
def test_what_is_no_pair_is_told(text: str) -> None:
    """The error shows what was given."""
    with pytest.raises(UnusableFilter, match="KEY=VALUE was expected"):
        Filter.parse({}, [text], now=NOW)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param("invalid_type", Rule("invalid_type"), id="whatever-it-did"),
        pytest.param("invalid_type:refused", Rule("invalid_type", True), id="refused"),
        pytest.param("invalid_type:warned", Rule("invalid_type", False), id="warned"),
    ],
)
def test_a_rule_is_its_code_and_what_it_did(text: str, rule: Rule) -> None:
    """Without a word behind it, both are meant."""
    assert Filter.parse({"rule": text}, now=NOW).rule == rule


@pytest.mark.parametrize(
    ("text", "near"),
    [
        pytest.param("pairs", Near("pairs"), id="pairs"),
        pytest.param("key", Near("key"), id="key"),
        pytest.param("value", Near("value"), id="value"),
        pytest.param("value:a:b", Near("value", "a:b"), id="value-of-a-key"),
    ],
)
def test_nearness_is_that_to_a_limit(text: str, near: Near) -> None:
    """The value may be that of one key, which may hold a colon."""
    assert Filter.parse({"near": text}, now=NOW).near == near


@pytest.mark.parametrize(
    ("name", "text"), [("rule", ""), ("rule", ":refused"), ("rule", "a:b"), ("near", "far"), ("near", "key:a")]
)
def test_what_is_no_rule_and_no_limit_is_told(name: str, text: str) -> None:
    """The error names the part and shows what was given."""
    with pytest.raises(UnusableFilter, match=f"{name}: '{text}' is "):
        Filter.parse({name: text}, now=NOW)


@pytest.mark.parametrize("name", ["team", "key", "route", "about", "rule", "near", "where"])
def test_what_is_no_text_is_told(name: str) -> None:
    """An argument of other bytes than UTF-8 comes as lone surrogates, which no database takes."""
    given, where = ({}, ["k=\udce9"]) if name == "where" else ({name: "\udce9"}, [])
    with pytest.raises(UnusableFilter, match=f"{name}: that is no UTF-8 text"):
        Filter.parse(given, where, now=NOW)


def test_a_dash_is_no_team_at_all() -> None:
    """No team can be named so."""
    assert Filter.parse({"team": "-"}, now=NOW).team == ""
    assert Filter.parse({"team": None}, now=NOW).team is None


def test_a_decision_is_one_of_three() -> None:
    """The error names them."""
    assert Filter.parse({"decision": "warned"}, now=NOW).decision == "warned"
    with pytest.raises(UnusableFilter, match="accepted, warned, refused"):
        Filter.parse({"decision": "maybe"}, now=NOW)
