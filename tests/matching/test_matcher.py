"""The matcher: what does not count, what counts too, and that whatever was recorded still matches itself."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from runproxy.matching import Matcher, MatchSettings
from runproxy.messages import Request, make_headers
from runproxy.redaction import PLAIN, Redactor, RedactSettings

BETA = ("OpenAI-Beta", "assistants=v2")


def matcher(**values: Any) -> Matcher:
    """Make a matcher."""
    return Matcher(PLAIN, MatchSettings.model_validate(values))


def call(target: str = "/v1/threads", body: object = None, *headers: tuple[str, str]) -> Request:
    """Make a request."""
    return Request("POST", target, make_headers(headers), b"" if body is None else orjson.dumps(body))


SAME: list[Any] = [
    pytest.param({"ignore_query": ["t"]}, call("/p?t=1&a=2"), call("/p?a=2&t=9"), id="ignored name in the query"),
    pytest.param({"ignore_query": ["t"]}, call("/p?t=1"), call("/p"), id="ignored name that one side lacks"),
    pytest.param({"ignore_query": ["a b"]}, call("/p?a%20b=1"), call("/p?a+b=2"), id="name as it reads decoded"),
    pytest.param({"ignore_body": ["/a"]}, call("/p", {"a": 1, "b": 2}), call("/p", {"b": 2}), id="member"),
    pytest.param({"ignore_body": ["/a/b"]}, call("/p", {"a": {"b": 1}}), call("/p", {"a": {}}), id="member inside"),
    pytest.param(
        {"ignore_body": ["/*/at"]}, call("/p", {"x": {"at": 1}}), call("/p", {"x": {"at": 2}}), id="any member"
    ),
    pytest.param(
        {"ignore_body": ["/m/*/at"]}, call("/p", {"m": [{"at": 1}, {"at": 2}]}), call("/p", {"m": [{}, {}]}), id="items"
    ),
    pytest.param({"ignore_body": ["/m/1"]}, call("/p", {"m": [1, 2, 3]}), call("/p", {"m": [1, 9, 3]}), id="one item"),
    pytest.param({"ignore_body": ["/m/*"]}, call("/p", {"m": [1, 2]}), call("/p", {"m": [3]}), id="all items"),
    pytest.param({"ignore_body": ["/a~1b/~0"]}, call("/p", {"a/b": {"~": 1}}), call("/p", {"a/b": {}}), id="escapes"),
    pytest.param({"prefixes": ["/openai/v1", "/v1"]}, call("/openai/v1/threads"), call("/v1/threads"), id="prefixes"),
    pytest.param({"prefixes": ["/v1"]}, call("/v1/threads?a=1"), call("/threads?a=1"), id="prefix and none"),
    pytest.param({"prefixes": ["/a", "/a/v1"]}, call("/a/v1/x"), call("/x"), id="the longest prefix goes"),
    pytest.param({"headers": ["openai-beta"]}, call("/p", {}, BETA), call("/p", {}, BETA), id="header agrees"),
    pytest.param({"headers": ["openai-beta"]}, call("/p"), call("/p"), id="header absent on both sides"),
    pytest.param(
        {"headers": ["openai-beta"]}, call("/p", {}, BETA), call("/p", {}, BETA, ("X", "y")), id="other header"
    ),
]
OTHER: list[Any] = [
    pytest.param({"ignore_query": ["t"]}, call("/p?t=1&a=2"), call("/p?t=1&a=3"), id="another name in the query"),
    pytest.param({"ignore_body": ["/a"]}, call("/p", {"b": {"a": 1}}), call("/p", {"b": {}}), id="same name inside"),
    pytest.param({"ignore_body": ["/m/*"]}, call("/p", {"m": [1]}), call("/p", {}), id="the array itself counts"),
    pytest.param({"ignore_body": ["/m/1"]}, call("/p", {"m": [1, 2]}), call("/p", {"m": [1]}), id="the length counts"),
    pytest.param({"prefixes": ["/v1"]}, call("/v1x/threads"), call("/x/threads"), id="prefix of a name"),
    pytest.param({"prefixes": ["/v1"]}, call("/v1/v1/x"), call("/x"), id="a prefix goes once"),
    pytest.param({"headers": ["openai-beta"]}, call("/p", {}, BETA), call("/p", {}), id="header absent on one side"),
    pytest.param(
        {"headers": ["openai-beta"]}, call("/p", {}, BETA), call("/p", {}, ("OpenAI-Beta", "x")), id="header differs"
    ),
]


@pytest.mark.parametrize(("settings", "one", "other"), SAME)
def test_what_does_not_count_does_not_part(settings: dict[str, Any], one: Request, other: Request) -> None:
    """One recording answers both; and the nearest recording shows no difference."""
    made = matcher(**settings)
    found = made.nearest(one, {7: other})
    assert made.key(one) == made.key(other)
    assert found is not None
    assert (found.position, found.differences) == (7, ())


@pytest.mark.parametrize(("settings", "one", "other"), OTHER)
def test_what_counts_parts(settings: dict[str, Any], one: Request, other: Request) -> None:
    """Settings take away no more than they say; and the difference is named."""
    made = matcher(**settings)
    found = made.nearest(one, {0: other})
    assert made.key(one) != made.key(other)
    assert found is not None
    assert found.differences


def test_a_missing_header_is_named() -> None:
    """The reply to a miss tells which header was not sent."""
    found = matcher(headers=["OpenAI-Beta"]).nearest(call("/p"), {0: call("/p", None, BETA)})
    assert found is not None
    assert [(one.where, one.sent, one.recorded) for one in found.differences] == [
        ("header.openai-beta", "(absent)", '"assistants=v2"')
    ]


def test_what_is_no_json_is_compared_byte_by_byte() -> None:
    """Pointers lead nowhere in it."""
    made = matcher(ignore_body=["/a"])
    one, other = (Request("POST", "/p", make_headers(), body) for body in (b"{a", b"{b"))
    assert made.key(one) != made.key(other)


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab*1"), inner, max_size=3),
    max_leaves=8,
)
POINTERS = st.lists(
    st.lists(st.sampled_from(["a", "b", "*", "0", "1"]), min_size=1, max_size=3).map(
        lambda steps: "/" + "/".join(steps)
    ),
    max_size=3,
)


@given(body=JSON_VALUES, pointers=POINTERS, query=st.sampled_from(["", "?a=1&b=2", "?a=1&a=2"]))
def test_what_is_seen_of_a_call_is_seen_of_what_was_seen(body: object, pointers: list[str], query: str) -> None:
    """Taking out twice changes nothing, so recordings made with the settings on match as well."""
    made = matcher(ignore_body=pointers, ignore_query=["a"])
    sent = call(f"/p{query}", body)
    assert made.key(made.seen(sent)) == made.key(sent)


def test_redaction_comes_first() -> None:
    """A header and a query are compared as they are stored."""
    redactor = Redactor(RedactSettings(query=("user",), request_headers=("x-team",)))
    made = Matcher(redactor, MatchSettings(headers=("x-team",)))
    sent = call("/p?user=u1", {}, ("X-Team", "blue"))
    assert made.key(sent) == made.key(redactor.storable_request(sent))


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"ignore_body": ["a"]}, id="no pointer"),
        pytest.param({"ignore_query": [""]}, id="no name"),
        pytest.param({"headers": ["a b"]}, id="no header"),
        pytest.param({"prefixes": ["v1"]}, id="no path"),
        pytest.param({"prefixes": ["/v1/"]}, id="slash at the end"),
        pytest.param({"prefixes": ["/"]}, id="root"),
        pytest.param({"ignore": ["/a"]}, id="unknown name"),
    ],
)
def test_settings_that_mean_nothing_are_refused(values: dict[str, Any]) -> None:
    """Before any call comes."""
    with pytest.raises(ValidationError):
        MatchSettings.model_validate(values)


def test_settings_add_up() -> None:
    """What either says counts; nothing is said twice."""
    one = MatchSettings(ignore_query=("a",), prefixes=("/v1",))
    other = MatchSettings(ignore_query=("a", "b"), rebind_ids=True)
    assert one.with_more(other) == MatchSettings(ignore_query=("a", "b"), prefixes=("/v1",), rebind_ids=True)
