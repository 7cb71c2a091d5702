"""Drift: of what kind the differences between a recorded and a fresh answer are."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runproxy.cassettes.difference import Ignoring
from runproxy.cassettes.drift import KINDS, Drift, find_drift, kinds_of
from runproxy.messages import Response, make_headers
from tests.cassettes.recordings import json_values, objects

JSON = ("content-type", "application/json")


def got(value: object, status: int = 200, *headers: tuple[str, str]) -> Response:
    """Make an answer; bytes are its body as it is."""
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    return Response(status, make_headers(headers or [JSON]), body)


def drift(recorded: Response, fresh: Response, *ignored: str) -> list[tuple[str, str]]:
    """Find drift, as kind and place."""
    return [(one.kind, one.where) for one in find_drift(recorded, fresh, Ignoring.parse(ignored))]


@pytest.mark.parametrize(
    ("recorded", "fresh", "expected"),
    [
        pytest.param(got({"a": 1}), got({"a": 2}), [("values", "response.body.a")], id="value"),
        pytest.param(got({"a": 1}), got({"a": 1.5}), [("values", "response.body.a")], id="number of another kind"),
        pytest.param(got({"a": 1}), got({"a": "1"}), [("shape", "response.body.a")], id="type"),
        pytest.param(got({"a": True}), got({"a": 1}), [("shape", "response.body.a")], id="boolean to number"),
        pytest.param(got({"a": {}}), got({"a": []}), [("shape", "response.body.a")], id="object to array"),
        pytest.param(got({"a": None}), got({"a": {"b": 1}}), [("values", "response.body.a")], id="null to a value"),
        pytest.param(got({"a": "x"}), got({"a": None}), [("values", "response.body.a")], id="value to null"),
        pytest.param(got({"a": 1}), got({}), [("shape", "response.body.a")], id="member gone"),
        pytest.param(got({}), got({"a": None}), [("shape", "response.body.a")], id="member new"),
        pytest.param(got([1]), got([1, 2]), [("values", "response.body[1]")], id="longer array"),
        pytest.param(got([{"a": 1}]), got([{}]), [("shape", "response.body[0].a")], id="member gone in an item"),
        pytest.param(got({"1": 1}), got({}), [("shape", 'response.body["1"]')], id="member that looks like an item"),
        pytest.param(got({}), got(b"text"), [("shape", "response.body")], id="text in place of JSON"),
        pytest.param(got({}), got(b""), [("shape", "response.body")], id="nothing in place of JSON"),
        pytest.param(got(b"a"), got(b"b"), [("values", "response.body")], id="other text"),
        pytest.param(
            got({}),
            got({}, 200, ("content-type", "text/html")),
            [("shape", "response.headers.content-type")],
            id="type of content",
        ),
        pytest.param(
            got({}, 200, JSON, ("openai-version", "1")),
            got({}, 200, JSON, ("openai-version", "2")),
            [("values", "response.headers.openai-version")],
            id="header",
        ),
        pytest.param(
            got({}), got({}, 200, JSON, ("sunset", "x")), [("shape", "response.headers.sunset")], id="header more"
        ),
        pytest.param(got({}, 200, JSON, ("x-request-id", "1")), got({}, 200, JSON, ("x-request-id", "2")), [], id="id"),
        pytest.param(got({}), got({}, 404), [("status", "response.status")], id="status"),
        pytest.param(
            got({"id": "r", "n": 1}),
            got({"error": {}}, 404),
            [("status", "response.status"), ("shape", "response.body")],
            id="status and all it says",
        ),
        pytest.param(got({"a": 1, "b": 2}), got(b'{"b": 2,\n"a": 1.0}'), [], id="how it is printed"),
    ],
)  # fmt: skip
def test_each_difference_is_of_one_kind(recorded: Response, fresh: Response, expected: list[Any]) -> None:
    """Programs break on shape; values are what an answer is for."""
    assert drift(recorded, fresh) == expected


@given(objects)
def test_an_equal_answer_has_not_drifted(value: dict[str, Any]) -> None:
    """Whatever it says, and in whatever order."""
    assert drift(got(value), got(dict(reversed(value.items())))) == []


@given(before=objects, after=json_values)
def test_an_ignored_place_is_never_told(before: dict[str, Any], after: object) -> None:
    """Nor is anything below it."""
    assert drift(got({"x": before, "y": 1}), got({"x": after, "y": 1}), "/x") == []


@given(before=json_values, after=json_values, status=st.sampled_from([200, 404]))
def test_the_kinds_that_were_asked_for_are_told_and_no_others(before: object, after: object, status: int) -> None:
    """And together they are all there is."""
    recorded, fresh, ignoring = got(before), got(after, status), Ignoring()
    by_kind = [find_drift(recorded, fresh, ignoring, [kind]) for kind in KINDS]
    for kind, found in zip(KINDS, by_kind, strict=True):
        assert {one.kind for one in found} <= {kind}
    assert sorted(map(repr, sum(by_kind, ()))) == sorted(map(repr, find_drift(recorded, fresh, ignoring)))


def test_kinds_are_named_with_the_gravest_first() -> None:
    """Each once."""
    drifts = [Drift("values", "a", 1, 2), Drift("status", "b", 1, 2), Drift("values", "c", 1, 2)]
    assert kinds_of(drifts) == ["status", "values"]
