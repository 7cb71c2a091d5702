"""Merging cassettes: what either side did is in the result, and where both did something, it is told."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runproxy.cassettes import Cassette, Interaction, encode_interaction
from runproxy.cassettes.difference import compare
from runproxy.cassettes.merging import ADDED, CHANGED, DIFFERS, REMOVED, merge_all, merge_branches
from tests.cassettes.recordings import cassettes, recording

A, B, C, D = (recording("/v1/poll", {"status": status}) for status in "abcd")
OTHER = recording("/v1/other", {"id": 1})
LATER = recording("/v1/poll", {"status": "a"}, seconds=60)


def prefixed(held: list[Interaction], prefix: str) -> list[Interaction]:
    """Make calls that no other prefix has."""
    return [replace(one, request=replace(one.request, target=prefix + one.request.target)) for one in held]


@given(cassettes, cassettes)
def test_what_only_one_side_did_is_taken_as_it_is(base: list[Interaction], changed: list[Interaction]) -> None:
    """The side that changed nothing does not count, whichever it is."""
    assert merge_branches(base, base, changed).interactions == tuple(changed)
    assert not compare(Cassette(merge_branches(base, changed, base).interactions), Cassette(changed))
    assert not merge_branches(base, changed, base).conflicts


@given(cassettes, cassettes)
def test_what_both_did_alike_is_no_conflict(base: list[Interaction], changed: list[Interaction]) -> None:
    """Two branches with the same cassette have that one, however much they changed."""
    merged = merge_branches(base, changed, changed)
    assert (list(merged.interactions), merged.conflicts) == (changed, ())


@given(cassettes, cassettes, cassettes)
def test_disjoint_additions_are_all_there_in_a_stable_order(
    base: list[Interaction], ours: list[Interaction], theirs: list[Interaction]
) -> None:
    """First what was there, then ours, then theirs, each in its order."""
    own, other = prefixed(ours, "/ours"), prefixed(theirs, "/theirs")
    merged = merge_branches(base, [*base, *own], [*base, *other])
    assert (list(merged.interactions), merged.conflicts) == ([*base, *own, *other], ())


@given(cassettes, cassettes, cassettes)
def test_it_does_not_matter_whose_branch_is_merged_into_whose(
    base: list[Interaction], ours: list[Interaction], theirs: list[Interaction]
) -> None:
    """Both ways have conflicts in the same calls, and without any the same content."""
    there, back = merge_branches(base, ours, theirs), merge_branches(base, theirs, ours)
    assert {(held.target, held.nth, held.reason) for held in there.conflicts} == {
        (held.target, held.nth, held.reason) for held in back.conflicts
    }
    if not there.conflicts:
        assert not compare(Cassette(there.interactions), Cassette(back.interactions))


@given(cassettes, cassettes, cassettes)
def test_nothing_is_made_up(base: list[Interaction], ours: list[Interaction], theirs: list[Interaction]) -> None:
    """Every interaction of the result comes from one of the sides."""
    known = {encode_interaction(held) for held in [*ours, *theirs]}
    assert {encode_interaction(held) for held in merge_branches(base, ours, theirs).interactions} <= known


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        pytest.param([A], [A, B], [A], [A, B], id="we-add"),
        pytest.param([A], [A], [A, B], [A, B], id="they-add"),
        pytest.param([A], [B], [A], [B], id="we-change"),
        pytest.param([A], [A], [B], [B], id="they-change"),
        pytest.param([A, OTHER], [B, OTHER], [A], [B], id="we-change-they-remove-another"),
        pytest.param([A, B], [C, B], [A, D], [C, D], id="different-recordings-of-one-call"),
        pytest.param([A], [B], [A, C], [B, C], id="we-change-they-add-a-recording"),
        pytest.param([A, B], [B], [A, B], [B], id="we-remove-the-first"),
        pytest.param([A, B], [B], [B], [B], id="both-remove-the-same"),
        pytest.param([A], [], [], [], id="both-remove-all"),
        pytest.param([A], [LATER], [B], [B], id="a-new-date-gives-way"),
        pytest.param([A], [B], [LATER], [B], id="their-new-date-gives-way"),
        pytest.param([A], [A], [LATER], [LATER], id="their-new-date-alone-is-taken"),
        pytest.param([], [A], [LATER], [A], id="both-add-the-same-on-other-dates"),
        pytest.param([A], [LATER], [], [], id="a-new-date-does-not-keep-what-is-removed"),
        pytest.param([], [], [], [], id="nothing"),
    ],
)
def test_changes_that_do_not_meet_are_all_made(
    base: list[Interaction], ours: list[Interaction], theirs: list[Interaction], merged: list[Interaction]
) -> None:
    """There is no conflict, and the recordings of a call stay in their order."""
    found = merge_branches(base, ours, theirs)
    assert (list(found.interactions), found.conflicts) == (merged, ())


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "nth", "reason"),
    [
        pytest.param([A], [B], [C], 0, CHANGED, id="both-change"),
        pytest.param([], [B], [C], 0, ADDED, id="both-add"),
        pytest.param([A], [A, B], [A, C], 1, ADDED, id="both-add-another-recording"),
        pytest.param([A], [], [B], 0, REMOVED, id="removed-and-changed"),
        pytest.param([A], [B], [], 0, REMOVED, id="changed-and-removed"),
        pytest.param([A, B], [B], [A], 0, REMOVED, id="each-removes-another"),
    ],
)
def test_where_both_sides_differ_ours_is_kept_and_it_is_told(
    base: list[Interaction], ours: list[Interaction], theirs: list[Interaction], nth: int, reason: str
) -> None:
    """The call is named with the number of its recording; what has no conflict is merged."""
    found = merge_branches(base, [*ours, OTHER], theirs)
    assert list(found.interactions) == [*ours, OTHER]
    assert [(held.method, held.target, held.nth, held.reason) for held in found.conflicts] == [
        ("POST", "/v1/poll", nth, reason)
    ]


def test_a_secret_in_a_query_is_not_told() -> None:
    """A conflict names the call as it would be stored."""
    ours, theirs = (recording("/v1/a?api-key=hidden", {"n": n}) for n in (1, 2))
    (conflict,) = merge_branches([], [ours], [theirs]).conflicts
    assert conflict.target == "/v1/a?api-key=REDACTED"


@given(st.lists(cassettes, max_size=4))
def test_putting_together_makes_a_union(several: list[list[Interaction]]) -> None:
    """With calls that no two cassettes share, all are there in their order."""
    apart = [prefixed(held, f"/{number}") for number, held in enumerate(several)]
    merged = merge_all(apart)
    assert merged.conflicts == ()
    expected = itertools.chain.from_iterable(apart)
    assert sorted(map(encode_interaction, merged.interactions)) == sorted(map(encode_interaction, expected))
    assert not compare(Cassette(merged.interactions), Cassette(itertools.chain.from_iterable(apart)))


@given(cassettes)
def test_a_cassette_put_together_with_itself_is_itself(held: list[Interaction]) -> None:
    """What is the same is there once."""
    merged = merge_all([held, held, held])
    assert not compare(Cassette(merged.interactions), Cassette(held))
    assert len(merged.interactions) == len(held)


def test_the_later_cassette_wins_only_on_request() -> None:
    """Else the recording is named, and the first one stands."""
    merged = merge_all([[A, B], [A, C, D]])
    assert [(held.nth, held.reason) for held in merged.conflicts] == [(1, DIFFERS)]
    assert merged.interactions == (A, B, D)
    assert merge_all([[A, B], [A, C, D]], later_wins=True).interactions == (A, C, D)
