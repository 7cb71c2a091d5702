"""Usage reports: what is written can be read, and what cannot be meant is refused with its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runproxy.cassette.usage import CassetteUsage, check_current, read_report, write_report
from runproxy.errors import CassetteError


@given(
    st.dictionaries(st.text(), st.integers(0, 20).flatmap(lambda n: st.tuples(st.sets(st.integers(0, 30)), st.just(n))))
)
def test_what_is_written_can_be_read(held: dict[str, tuple[set[int], int]]) -> None:
    """By name, with the positions that answered nothing; together with those that did, that is every position."""
    usages = {name: CassetteUsage.from_used(used, count) for name, (used, count) in held.items()}
    report = read_report(write_report(usages), "usage.json")
    assert report.cassettes == usages
    for name, (used, count) in held.items():
        assert sorted({*report.cassettes[name].unused, *(used & set(range(count)))}) == list(range(count))


def test_a_report_has_this_text() -> None:
    """Other programs read it too, so its form may not change by accident."""
    text = write_report({"quickstart": CassetteUsage.from_used({1}, 3)})
    assert json.loads(text) == {"cassettes": {"quickstart": {"unused": [0, 2], "interactions": 3}}}
    assert text.endswith(b"}\n")


def test_members_that_are_not_known_are_passed_over() -> None:
    """A report may say more, to other readers or to a newer one."""
    text = b'{"cassettes": {"a": {"unused": [], "interactions": 0, "hits": [1]}}, "since": "today"}'
    assert read_report(text, "usage.json").cassettes == {"a": CassetteUsage(unused=(), interactions=0)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "usage.json: Invalid JSON: EOF", id="empty"),
        pytest.param("{", "usage.json: Invalid JSON: EOF while parsing an object at line 1 column 1", id="no-json"),
        pytest.param("[]", "usage.json: Input should be an object", id="no-object"),
        pytest.param("{}", "usage.json: cassettes: Field required", id="no-cassettes"),
        pytest.param('{"cassettes": {"a": {}}}', "usage.json: cassettes.a.unused: Field required", id="no-positions"),
        pytest.param(
            '{"cassettes": {"a": {"unused": [0, "1"], "interactions": 2}}}',
            "usage.json: cassettes.a.unused[1]: Input should be a valid integer",
            id="no-number",
        ),
        pytest.param(
            '{"cassettes": {"a": {"unused": [true], "interactions": 2}}}',
            "usage.json: cassettes.a.unused[0]: Input should be a valid integer",
            id="true-is-no-number",
        ),
        pytest.param(
            '{"cassettes": {"a": {"unused": [-1], "interactions": 2}}}',
            "usage.json: cassettes.a.unused[0]: Input should be greater than or equal to 0",
            id="negative",
        ),
        pytest.param(
            '{"cassettes": {"a": {"unused": [0, 0], "interactions": 2}}}',
            "usage.json: cassettes.a: 'unused' names a position twice",
            id="twice",
        ),
        pytest.param(
            '{"cassettes": {"a": {"unused": [2], "interactions": 2}}}',
            "usage.json: cassettes.a: 'unused' names position 2 of 2 interactions",
            id="beyond-the-end",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    """File, place and reason."""
    with pytest.raises(CassetteError) as error:
        read_report(text.encode(), "usage.json")
    assert error.value.message.startswith(told)
    assert error.value.message.endswith("Expected a usage report of runproxy.")


def test_a_report_on_another_state_is_refused() -> None:
    """Its positions would mean other interactions."""
    usage = CassetteUsage.from_used((), 3)
    check_current(usage, 3, "a.json")
    with pytest.raises(
        CassetteError, match=r"a\.json: the usage report was made for 3 interactions, the cassette holds 4"
    ):
        check_current(usage, 4, "a.json")
