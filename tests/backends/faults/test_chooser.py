"""Choosing: the same seed and the same calls give the same faults, and no fault depends on another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runproxy.backends.faults import Chooser, Entry, Latency, Schedule, Target
from runproxy.errors import Refusal
from runproxy.messages import Request, make_headers

FAULT = Latency(1)
ROUTES = ("*", "GET *", "POST /a", "* /b")
CALLS = st.lists(
    st.builds(Request, st.sampled_from(["GET", "POST"]), st.sampled_from(["/a", "/b"]), st.just(make_headers())),
    max_size=30,
)
SCHEDULES = st.builds(
    Schedule,
    share=st.floats(0.1, 1),
    every=st.integers(1, 3),
    after=st.integers(0, 3),
    times=st.none() | st.integers(1, 5),
)


def entries(names: str = "abcd") -> st.SearchStrategy[tuple[Entry, ...]]:
    """Make faults of these names, each for some calls."""
    parts = [
        st.builds(Entry, st.just(name), st.just(FAULT), st.sampled_from(ROUTES).map(parsed), SCHEDULES)
        for name in names
    ]
    return st.tuples(*parts)


def parsed(route: str) -> Target:
    """Read a route."""
    return Target.parse(route, {})


def chosen(made: tuple[Entry, ...], seed: int, calls: list[Request]) -> list[list[tuple[str, float]]]:
    """Give names and chances of what strikes each call."""
    chooser = Chooser(made, seed)
    return [[(strike.name, strike.chance) for strike in chooser.choose(call)] for call in calls]


@given(entries(), st.integers(0, 100), CALLS)
def test_the_same_seed_and_calls_give_the_same_faults(made: tuple[Entry, ...], seed: int, calls: list[Request]) -> None:
    """To the chance that is left to each."""
    assert chosen(made, seed, calls) == chosen(made, seed, calls)


@given(entries(), st.integers(0, 100), CALLS, st.data())
def test_faults_do_not_depend_on_each_other(
    made: tuple[Entry, ...], seed: int, calls: list[Request], data: st.DataObject
) -> None:
    """What is added, taken out or put elsewhere changes nothing of the others."""
    fewer = tuple(data.draw(st.lists(st.sampled_from(made), unique_by=lambda entry: entry.name)))
    names = {entry.name for entry in fewer}
    alone = [sorted(strikes) for strikes in chosen(fewer, seed, calls)]
    assert alone == [sorted(pair for pair in strikes if pair[0] in names) for strikes in chosen(made, seed, calls)]


@given(entries("a"), st.integers(0, 100), CALLS)
def test_a_fault_strikes_only_calls_that_it_is_for(made: tuple[Entry, ...], seed: int, calls: list[Request]) -> None:
    """And counts no other, so that calls in between do not change what is struck."""
    target = made[0].target
    mine = [call for call in calls if target.includes(call)]
    found = [strikes for call, strikes in zip(calls, chosen(made, seed, calls), strict=True) if target.includes(call)]
    assert found == chosen(made, seed, mine)
    assert sum(map(len, chosen(made, seed, calls))) == sum(map(len, found))


def test_another_seed_gives_other_faults() -> None:
    """And not all of them the same as before."""
    made, calls = (Entry("a", FAULT, schedule=Schedule(0.5)),), [Request("GET", "/a", make_headers())] * 50
    assert chosen(made, 1, calls) != chosen(made, 2, calls)


def test_a_fault_that_is_asked_for_strikes_nobody_else() -> None:
    """A call asks by name; a name that is not there, or not to be asked for, is refused and told what there is."""
    call = Request("GET", "/a", make_headers())
    chooser = Chooser((Entry("on-demand", FAULT, is_asked_for=True), Entry("always", FAULT)), 0)
    assert [strike.name for strike in chooser.choose(call)] == ["always"]
    assert [strike.name for strike in chooser.choose(call, ("on-demand",))] == ["on-demand", "always"]
    for name in ("always", "absent"):
        with pytest.raises(Refusal, match=f"asks for the fault '{name}'.* These may be: on-demand") as refused:
            chooser.choose(call, (name,))
        assert refused.value.code == "unknown_fault"
