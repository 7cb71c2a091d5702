"""What the audit tells is what the calls tell, whether it comes from roll-ups or from the calls themselves."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from runproxy.audit import report
from runproxy.audit.event import AuditEvent, Finding, Pair
from runproxy.audit.filters import Filter, Near, Rule
from runproxy.audit.looks import looks_like
from runproxy.audit.reading import all_calls, find_calls
from runproxy.audit.store import AuditStore
from runproxy.audit.verifying import verify
from tests.audit.calls import DAY_MS, HOUR_MS, NOW_MS, call, store_of

TEAMS, KEYS, VALUES, ROUTES = (
    ("search", "ads", ""),
    ("user", "env", "trace", "k" * 60),
    ("a", "b", "c" * 500),
    ("modify_run", "x"),
)
MANY = {f"k{number}": "" for number in range(13)}
CODES = ("policy_key_pattern", "policy_near_limit", "x")
MOMENTS = st.integers(-3 * DAY_MS, 3 * DAY_MS).map(lambda offset: NOW_MS + offset) | st.sampled_from(
    [NOW_MS - NOW_MS % span + offset for span in (HOUR_MS, DAY_MS) for offset in (-1, 0, 1)]
)


def one_call(at_ms: int, metadata: dict[str, str], team: str, route: str, decision: str) -> AuditEvent:
    """Make a call that breaks a rule unless it is accepted, and another one twice where it has pairs enough."""
    broken = (
        [] if decision == "accepted" else ["policy_key_pattern"] + ["policy_near_limit"] * (2 * (len(metadata) > 1))
    )
    return call(metadata, at_ms=at_ms, team=team, route=route, decision=decision, broken=broken)


def maybe(values: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    """Give a value, or more often none."""
    return st.none() | st.none() | values


DECIDED = st.sampled_from(["accepted", "warned", "refused"])
CALLS = st.builds(
    one_call,
    MOMENTS,
    st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES)) | st.just(MANY),
    st.sampled_from(TEAMS),
    st.sampled_from(ROUTES),
    DECIDED,
)
PAIRS = st.tuples(st.sampled_from(KEYS), st.tuples(st.sampled_from(VALUES)))
FILTERS = st.builds(
    Filter,
    st.none() | MOMENTS,
    st.none() | MOMENTS,
    maybe(st.sampled_from(TEAMS)),
    maybe(st.sampled_from(ROUTES)),
    maybe(DECIDED),
    maybe(st.sampled_from(KEYS)),
    st.just(()) | st.lists(PAIRS, max_size=2).map(tuple),
    st.none(),
    st.none() | st.builds(Rule, st.sampled_from(CODES), st.none() | st.booleans()),
    st.none()
    | st.builds(Near, st.sampled_from(["pairs", "key", "value"]), st.none())
    | st.builds(Near, st.just("value"), st.sampled_from(KEYS)),
)


def is_asked_about(one: AuditEvent, asked: Filter) -> bool:
    """Tell in plain words what a filter means."""
    pairs = {pair.key: pair.value for pair in one.pairs}
    return (
        (asked.since_ms is None or one.at_ms >= asked.since_ms)
        and (asked.until_ms is None or one.at_ms < asked.until_ms)
        and (asked.team is None or one.team == asked.team)
        and (asked.route is None or one.route == asked.route)
        and (asked.decision is None or one.decision == asked.decision)
        and (asked.key is None or asked.key in pairs)
        and all(pairs.get(key) in values for key, values in asked.where)
        and (asked.rule is None or any(breaks(found, asked.rule) for found in one.findings))
        and (asked.near is None or is_near(one, asked.near))
    )


def breaks(found: Finding, rule: Rule) -> bool:
    """Tell in plain words what a rule in a filter means."""
    return found.code == rule.code and rule.refuses in (None, found.refuses)


def is_near(one: AuditEvent, near: Near) -> bool:
    """Tell in plain words what a limit in a filter means: four fifths of it."""
    if near.limit == "pairs":
        return one.most_pairs >= 0.8 * 16
    if near.limit == "key":
        return any(len(pair.key) >= 0.8 * 64 - 1 for pair in one.pairs)
    return any(pair.chars >= 0.8 * 512 and near.key in (None, pair.key) for pair in one.pairs)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of an empty store, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "audit.db"
    AuditStore.open(path, creates=True).close()
    return path


@settings(max_examples=50, deadline=None)
@given(calls=st.lists(CALLS, max_size=12), asked=FILTERS)
def test_every_question_is_answered_as_the_calls_themselves_would(
    empty: Path, tmp_path_factory: pytest.TempPathFactory, calls: list[AuditEvent], asked: Filter
) -> None:
    """Counts by decision, outcome, team, key and rule agree with a count in plain Python, for any filter."""
    check_all(empty, tmp_path_factory.mktemp("store"), calls, asked)


@pytest.mark.slow
@settings(max_examples=2_000, deadline=None)
@given(calls=st.lists(CALLS, max_size=30), asked=FILTERS)
def test_every_question_is_answered_tried_longer(
    empty: Path, tmp_path_factory: pytest.TempPathFactory, calls: list[AuditEvent], asked: Filter
) -> None:
    """The same, in many more tries."""
    check_all(empty, tmp_path_factory.mktemp("store"), calls, asked)


def check_all(empty: Path, folder: Path, calls: list[AuditEvent], asked: Filter) -> None:
    """Compare all that is told of some calls with what they are."""
    copyfile(empty, folder / "audit.db")
    store = store_of(folder, *calls)
    meant = [one for one in calls if is_asked_about(one, asked)]
    try:
        with store.reading() as connection:
            check_summary(connection, asked, meant)
            check_lists(connection, asked, meant, calls)
            listed = [one.event for one in find_calls(connection, asked, 100)]
            assert listed == [one.event for one in all_calls(connection, asked)][::-1]
        assert sorted(listed, key=repr) == sorted(meant, key=repr)
        assert verify(store).problems == ()
    finally:
        store.close()


def check_summary(connection: Connection, asked: Filter, meant: list[AuditEvent]) -> None:
    """Compare the figures over all calls."""
    found = report.summary(connection, asked)
    decisions = Counter(one.decision for one in meant)
    refused = decisions["refused"]
    assert found.calls == len(meant)
    assert +Counter(found.decisions) == decisions
    assert +Counter(found.outcomes) == +Counter(refused=refused, forwarded=len(meant) - refused)
    assert found.teams == len({one.team for one in meant} - {""})
    broken = Counter(broken.refuses for one in meant for broken in one.findings)
    assert (found.violations, found.warnings) == (broken[True], broken[False])
    assert found.first_ms == min((one.at_ms for one in meant), default=None)
    assert found.last_ms == max((one.at_ms for one in meant), default=None)


def check_lists(connection: Connection, asked: Filter, meant: list[AuditEvent], calls: list[AuditEvent]) -> None:
    """Compare what is told by key, team and rule."""
    by_key = Counter(pair.key for one in meant for pair in one.pairs if asked.key in (None, pair.key))
    assert {row.key: row.calls for row in report.keys(connection, asked)} == by_key
    by_team = Counter(one.team for one in meant)
    assert {row.team: row.calls for row in report.teams(connection, asked)} == by_team
    shown = [
        (one.team, [found for found in one.findings if asked.rule is None or breaks(found, asked.rule)])
        for one in meant
    ]
    broken = Counter(each for team, found in shown for each in {(one.code, team) for one in found})
    told = report.violations(connection, asked)
    assert {(row.code, row.team): row.refused + row.warned for row in told} == broken
    check_links(connection, asked)
    all_keys = [one for one in calls if is_asked_about(one, replace(asked, key=None))]
    covered = Counter((one.team, pair.key) for one in all_keys for pair in one.pairs if asked.key in (None, pair.key))
    of_team = Counter(one.team for one in all_keys)
    rows = report.coverage(connection, asked)
    assert {(row.team, row.key): (row.calls, row.of) for row in rows} == {
        pair: (count, of_team[pair[0]]) for pair, count in covered.items()
    }
    spans: Counter[str] = Counter()
    for row in report.timeline(connection, asked, DAY_MS):
        spans[row.decision] += row.calls
    assert spans == Counter(one.decision for one in meant)
    values = Counter(pair.value for one in all_keys for pair in one.pairs if pair.key == "user")
    assert {row.value: row.times for row in report.values(connection, asked, "user")} == values
    assert report.distinct_values(connection, asked, "user") == len(values)


def check_links(connection: Connection, asked: Filter) -> None:
    """Ask for the calls behind the counts of broken rules and of nearness, as the page does, and count them."""
    for broken in report.violations(connection, asked):
        for refuses, count in ((True, broken.refused), (False, broken.warned)):
            behind = replace(asked, team=broken.team, rule=Rule(broken.code, refuses))
            assert not count or len(find_calls(connection, behind, 100)) == count
    for near in report.nearness(connection, asked):
        behind = replace(asked, team=near.team, near=Near(near.limit, near.key if near.limit == "value" else None))
        behind = replace(behind, key=near.key) if near.limit == "key" else behind
        assert len(find_calls(connection, behind, 100)) == near.near


def test_who_is_near_a_limit_is_told_with_the_key(tmp_path: Path) -> None:
    """Sixteen pairs, a value of 500 characters, a key of 60, each with its team; who is far from limits is not told."""
    store = store_of(
        tmp_path,
        call({f"k{number}": "v" for number in range(16)}, team="many"),
        call({"note": "n" * 500}, team="long"),
        call({"k" * 60: "v"}, team="wordy"),
        call({"user": "a"}, team="modest"),
    )
    with store.reading() as connection:
        rows = report.nearness(connection, Filter())
    store.close()
    assert [(row.limit, row.of, row.team, row.key, row.most, row.near) for row in rows] == [
        ("pairs", 16, "many", "", 16, 1),
        ("value", 512, "long", "note", 500, 1),
        ("key", 64, "wordy", "k" * 60, 60, 1),
    ]


def test_new_keys_are_told_with_who_wrote_them_first_and_what_they_look_like(tmp_path: Path) -> None:
    """A key that is older than the span is not new, though calls of the span carry it; a second team is counted."""
    uuids = [f"6f1d2c3b-0000-4000-8000-{number:012d}" for number in range(20)]
    store = store_of(
        tmp_path,
        call({"user": "a"}, team="search", at_ms=NOW_MS - 9 * DAY_MS),
        call({"user": "b"}, team="ads"),
        *(call({"trace": one}, team="ads", at_ms=NOW_MS - HOUR_MS + place) for place, one in enumerate(uuids)),
        call({"trace": uuids[0]}, team="search"),
    )
    with store.reading() as connection:
        rows = report.new_keys(connection, Filter(since_ms=NOW_MS - DAY_MS))
        for_ads = report.new_keys(connection, Filter(since_ms=NOW_MS - DAY_MS, team="ads"))
    store.close()
    (row,) = rows
    assert (row.key, row.team, row.teams, row.calls, row.distinct) == ("trace", "ads", 2, 21, 20)
    assert (row.first_ms, row.looks_like) == (NOW_MS - HOUR_MS, "uuid")
    assert {one.key for one in for_ads} == {"user", "trace"}


def test_a_key_of_two_objects_in_one_call_counts_once(tmp_path: Path) -> None:
    """Coverage is told in calls, not in pairs."""
    event = call({"user": "a"})
    twice = replace(event, pairs=(*event.pairs, Pair("messages[0].metadata", "user", "bb", 2)))
    store = store_of(tmp_path, twice)
    with store.reading() as connection:
        assert [(row.calls, row.of) for row in report.coverage(connection, Filter())] == [(1, 1)]
        assert [row.longest for row in report.keys(connection, Filter())] == [2]
        assert [one.event for one in find_calls(connection, Filter(key="user"), 9)] == [twice]
    assert verify(store).problems == ()
    store.close()


def test_a_list_goes_on_where_another_has_ended(tmp_path: Path) -> None:
    """Pages of any size, put together, are all calls, also where many are of one moment."""
    store = store_of(tmp_path, *(call({"n": str(number)}, at_ms=NOW_MS + number // 4) for number in range(23)))
    with store.reading() as connection:
        whole = find_calls(connection, Filter(), 100)
        pages = [find_calls(connection, Filter(), 5)]
        while pages[-1]:
            pages.append(find_calls(connection, Filter(), 5, pages[-1][-1].cursor))
    store.close()
    assert [one for page in pages for one in page] == whole
    assert len(whole) == 23


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        pytest.param(["6f1d2c3b-0000-4000-8000-000000000001"], "uuid", id="uuid"),
        pytest.param(["a@example.org", "b.c@example.org"], "e-mail", id="mail"),
        pytest.param(["1", "-2.5", "1e9", "1,000"], "number", id="number"),
        pytest.param(["2026-11-26", "2026-11-26T21:00:00Z"], "time", id="time"),
        pytest.param(["https://example.org/x"], "address", id="address"),
        pytest.param(["user_1", "ABC-17"], "word", id="word"),
        pytest.param(["asked by a customer", "überprüft, dann gelöscht"], "free text", id="text"),
        pytest.param(["1", "a@example.org"], "mixed", id="mixed"),
        pytest.param(["", "  "], "empty", id="empty"),
        pytest.param([], "not kept", id="none"),
    ],
)
def test_values_are_told_by_their_shape(values: list[str], shape: str) -> None:
    """Nine of ten must agree."""
    assert looks_like(values) == shape
