"""What two cassettes do not share: nothing is missed, and nothing is told that says nothing."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runproxy.cassettes import Cassette, Interaction
from runproxy.cassettes.difference import Call, Differences, Field, Ignoring, compare
from runproxy.cassettes.values import ABSENT, path_of, pointer_of, steps_of
from tests.cassettes.recordings import JSON, cassettes, json_values, objects, recording

ALL = Ignoring(volatile=False)


def differences(before: Sequence[Interaction], after: Sequence[Interaction], *pointers: str) -> Differences:
    """Compare two cassettes."""
    return compare(Cassette(before), Cassette(after), Ignoring.parse(pointers))


def fields(before: object, after: object, *pointers: str) -> list[tuple[str, object, object]]:
    """Compare two answers to one call by their bodies."""
    found = differences([recording(got=before)], [recording(got=after)], *pointers)
    return [(field.where, field.before, field.after) for change in found.changed for field in change.fields]


@given(cassettes)
def test_a_cassette_does_not_differ_from_itself(held: list[Interaction]) -> None:
    """Not even where everything counts."""
    assert not compare(Cassette(held), Cassette(held), ALL)


@given(cassettes, cassettes)
def test_the_other_way_round_the_sides_are_swapped(one: list[Interaction], other: list[Interaction]) -> None:
    """What is added in one direction is removed in the other, and what has changed has changed in both."""
    there, back = differences(one, other), differences(other, one)
    assert (there.added, there.removed) == (back.removed, back.added)
    assert {(change.before, change.after) for change in there.changed} == {
        (change.after, change.before) for change in back.changed
    }


@given(cassettes, st.integers(0), objects)
def test_every_changed_answer_is_found(held: list[Interaction], place: int, got: dict[str, object]) -> None:
    """However the body of one answer is changed, exactly that call is told of."""
    assume(held)
    place %= len(held)
    mutated = [*held]
    answer = recording(got={**got, "mutated": place}, status=held[place].response.status).response
    mutated[place] = replace(held[place], response=answer)
    found = differences(held, mutated)
    assert not found.added + found.removed
    assert [(change.before.position, change.after.position) for change in found.changed] == [(place, place)]


@given(cassettes, st.integers(0))
def test_a_call_that_is_gone_is_found(held: list[Interaction], place: int) -> None:
    """Of several recordings of one call, the last is told as removed, and those that moved up as changed."""
    assume(held)
    place %= len(held)
    gone = held[place]
    found = differences(held, [*held[:place], *held[place + 1 :]])
    assert [call.target for call in found.removed] == [gone.request.target]
    assert not found.added
    assert {change.before.target for change in found.changed} <= {gone.request.target}


def test_the_coding_counts_only_where_all_does() -> None:
    """It is the choice of the client."""
    plain = recording(got={"a": 1})
    coded = replace(plain, response=replace(plain.response, coding="br"))
    assert not differences([plain], [coded])
    (change,) = compare(Cassette([plain]), Cassette([coded]), ALL).changed
    assert change.fields == (Field("response.body.coding", ABSENT, "br"),)


@given(json_values, json_values)
def test_bodies_are_told_apart_by_value(one: object, other: object) -> None:
    """Two JSON bodies differ when JSON says so, where a whole number is one number however it is written."""
    assert bool(fields({"held": one}, {"held": other})) == (_by_value(one) != _by_value(other))


def _by_value(value: object) -> str:
    """Print a value so that those that are equal look the same."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list):
        return json.dumps([_by_value(held) for held in value])
    if isinstance(value, dict):
        return json.dumps({name: _by_value(held) for name, held in value.items()}, sort_keys=True)
    return json.dumps(value)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        pytest.param({"a": 1}, {"a": 2}, [("response.body.a", 1, 2)], id="value"),
        pytest.param({"a": 1}, {"a": "1"}, [("response.body.a", 1, "1")], id="type"),
        pytest.param({"a": 1}, {"a": True}, [("response.body.a", 1, True)], id="true-is-no-1"),
        pytest.param({"a": 1}, {"a": 1.0}, [], id="1.0-is-1"),
        pytest.param({"a": None}, {}, [("response.body.a", None, ABSENT)], id="null-is-not-nothing"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, [], id="order-of-names"),
        pytest.param([1, 2], [2, 1], [("response.body[0]", 1, 2), ("response.body[1]", 2, 1)], id="order-of-items"),
        pytest.param([1], [1, {"a": 2}], [("response.body[1]", ABSENT, {"a": 2})], id="longer-array"),
        pytest.param(
            {"a": {"b c": [1]}}, {"a": {"b c": [2]}}, [('response.body.a["b c"][0]', 1, 2)], id="name-in-brackets"
        ),
        pytest.param(b'{"a":1}', b'{ "a" : 1 }', [], id="printed-otherwise"),
        pytest.param(b"one", b"two", [("response.body", "one", "two")], id="text"),
        pytest.param(b"one", b'"one"', [("response.body", "one", "one")], id="text-is-no-string"),
        pytest.param(b"\xff", b"\xfe", [("response.body", "\udcff", "\udcfe")], id="bytes"),
        pytest.param(None, {"a": 1}, [("response.body", ABSENT, {"a": 1})], id="no-body"),
        pytest.param(
            b"[" * 600 + b"1" + b"]" * 600,
            b"[" * 600 + b"2" + b"]" * 600,
            [("response.body", "[" * 600 + "1" + "]" * 600, "[" * 600 + "2" + "]" * 600)],
            id="too-deep-to-be-walked",
        ),
    ],
)
def test_a_changed_body_is_told_by_place(
    before: object, after: object, found: list[tuple[str, object, object]]
) -> None:
    """Each place is named once, with what stood there and what stands there now."""
    assert fields(before, after) == found


@pytest.mark.parametrize(
    ("pointer", "left"),
    [
        pytest.param("/at", ["response.body.data[0].id", "response.body.data[1].id"], id="name"),
        pytest.param("/data", ["response.body.at"], id="all-below"),
        pytest.param("/data/0/id", ["response.body.at", "response.body.data[1].id"], id="position"),
        pytest.param("/data/*/id", ["response.body.at"], id="every-item"),
        pytest.param("/*", [], id="every-name"),
        pytest.param("", [], id="whole-body"),
        pytest.param(
            "/id", ["response.body.at", "response.body.data[0].id", "response.body.data[1].id"], id="no-place"
        ),
    ],
)
def test_a_pointer_leaves_out_its_place_and_all_below(pointer: str, left: list[str]) -> None:
    """`*` is any name or position; other places are still told."""
    before, after = {"at": 1, "data": [{"id": 1}, {"id": 2}]}, {"at": 2, "data": [{"id": 3}, {"id": 4}]}
    assert [where for where, _, _ in fields(before, after, pointer)] == left


@pytest.mark.parametrize("pointer", ["at", "/a~2", "/a~"])
def test_what_is_no_pointer_is_refused(pointer: str) -> None:
    """The error shows what one looks like."""
    with pytest.raises(ValueError, match="is no JSON pointer such as '/created_at'"):
        Ignoring.parse([pointer])


@given(st.lists(st.text() | st.integers(0, 10), max_size=5))
def test_a_pointer_that_is_printed_leads_to_its_place(steps: list[str | int]) -> None:
    """What a report says can be given back as it is, whatever names hold."""
    assert steps_of(pointer_of(steps)) == tuple(map(str, steps))


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        pytest.param(["a", 0, "b-c"], "a[0].b-c", id="plain"),
        pytest.param(["a.b"], '["a.b"]', id="dot"),
        pytest.param(["", "\n"], '[""]["\\n"]', id="odd"),
    ],
)
def test_paths_can_be_read_in_one_way(steps: list[str | int], path: str) -> None:
    """A name that could be taken for steps stands in brackets."""
    assert path_of(steps) == path


def test_status_and_headers_are_compared() -> None:
    """Names of headers without case, values of one that stands twice together."""
    before = recording(status=200, headers=[("Retry-After", "1"), ("x", "1"), ("x", "2")])
    after = recording(status=429, headers=[("retry-after", "1"), ("x", "1"), JSON])
    (change,) = differences([before], [after]).changed
    assert change.fields == (
        Field("response.status", 200, 429),
        Field("response.headers.x", ["1", "2"], "1"),
        Field("response.headers.content-type", ABSENT, "application/json"),
    )


def test_what_differs_in_every_recording_counts_only_when_asked_for() -> None:
    """The date, the time it took, the id of the answer, the order of the query and how JSON is printed."""
    before = recording("/v1/a?x=1&y=2", b'{"a":1}', headers=[("x-request-id", "one")])
    after = recording("/v1/a?y=2&x=1", b'{\n  "a": 1\n}', headers=[("x-request-id", "two")], seconds=5)
    assert not differences([before], [after])
    (change,) = compare(Cassette([before]), Cassette([after]), ALL).changed
    assert [(field.where, field.before, field.after) for field in change.fields] == [
        ("recorded_at", "2026-01-02T00:00:00+00:00", "2026-01-02T00:00:05+00:00"),
        ("elapsed_ms", 0, 5),
        ("request.query", "x=1&y=2", "y=2&x=1"),
        ("response.headers.x-request-id", "one", "two"),
        ("response.body, as printed", "compact", "indent-2"),
    ]


def test_recordings_of_one_call_are_compared_in_their_order() -> None:
    """The n-th with the n-th, wherever they stand; a call is named by its position on its side."""
    poll, other = "/v1/poll", "/v1/other"
    before = [recording(poll, {"n": 1}), recording(other), recording(poll, {"n": 2})]
    after = [recording(other), recording(poll, {"n": 1}), recording(poll, {"n": 3}), recording(poll, {"n": 4})]
    found = differences(before, after)
    assert found.added == (Call(3, "POST", poll, 2),)
    assert [(change.before, change.after) for change in found.changed] == [
        (Call(2, "POST", poll, 1), Call(2, "POST", poll, 1))
    ]


def test_a_compressed_body_is_compared_by_what_it_says() -> None:
    """Two gzip streams of the same JSON are no difference, two of different JSON are told by place."""

    def packed(value: object, level: int) -> Interaction:
        body = gzip.compress(json.dumps(value).encode(), level, mtime=level)
        return recording(got=body, headers=[JSON, ("content-encoding", "gzip")])

    assert not differences([packed({"a": 1}, 1)], [packed({"a": 1}, 9)])
    (change,) = differences([packed({"a": 1}, 1)], [packed({"a": 2}, 1)]).changed
    assert [(field.where, field.pointer) for field in change.fields] == [("response.body.a", "/a")]
