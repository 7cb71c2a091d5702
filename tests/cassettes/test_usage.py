"""Usage reports: what is written can be read, and what cannot be meant is refused with its place."""

import json
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runproxy.cassettes import Cassette, decode
from runproxy.cassettes.usage import (
    CassetteUsage,
    UsageReport,
    check_current,
    combined,
    digest_of,
    read_report,
    write_report,
)
from runproxy.errors import CassetteError
from tests.cassettes.recordings import recording, text_of

TAPE = Cassette(recording(f"/v1/{number}", {"n": number}) for number in range(3))
DIGEST = digest_of(TAPE)


@given(st.sets(st.integers(0, 30)), st.integers(0, 20))
def test_what_is_written_can_be_read(used: set[int], count: int) -> None:
    """By name, with the positions that answered nothing; together with those that did, that is every position."""
    usage = CassetteUsage.of(Cassette(recording(f"/v1/{number}") for number in range(count)), used)
    report = read_report(write_report({"a/b": usage}), "usage.json")
    assert report.cassettes == {"a/b": usage}
    assert sorted({*usage.unused, *(used & set(range(count)))}) == list(range(count))


def test_a_report_has_this_text() -> None:
    """Other programs read it too, so its form may not change by accident."""
    text = write_report({"quickstart": CassetteUsage.of(TAPE, {1})})
    assert json.loads(text) == {
        "cassettes": {"quickstart": {"unused": [0, 2], "interactions": 3, "digest": "cd6284979be79fcb"}}
    }
    assert text.endswith(b"}\n")


def test_members_that_are_not_known_are_passed_over() -> None:
    """A report may say more, to other readers or to a newer one."""
    usage = {"unused": [], "interactions": 0, "digest": DIGEST, "hits": [1]}
    text = json.dumps({"cassettes": {"a": usage}, "since": "today"}).encode()
    assert read_report(text, "usage.json").cassettes == {"a": CassetteUsage(unused=(), interactions=0, digest=DIGEST)}


def test_reports_are_brought_together_by_cassette() -> None:
    """Each says what it has seen."""
    one, other = (UsageReport(cassettes={"a": CassetteUsage.of(TAPE, {used})}) for used in (0, 1))
    assert [usage.unused for usage in combined([one, other])["a"]] == [(1, 2), (0, 2)]


@pytest.mark.parametrize(
    ("text", "is_same"),
    [
        pytest.param(text_of(TAPE), True, id="as it was"),
        pytest.param(json.dumps(json.loads(text_of(TAPE)), indent=1).encode(), True, id="laid out by another tool"),
        pytest.param(text_of(TAPE).replace(b'"n": 1', b'"n": 9'), True, id="another answer"),
        pytest.param(b'{"match": {"prefixes": ["/v1"]},' + text_of(TAPE)[1:], True, id="other settings"),
        pytest.param(text_of(reversed(list(TAPE))), False, id="another order"),
        pytest.param(text_of(TAPE).replace(b'"/v1/1"', b'"/v1/9"'), False, id="another call"),
        pytest.param(text_of(list(TAPE)[:2]), False, id="fewer"),
    ],
)
def test_a_report_of_another_state_is_told(text: bytes, is_same: bool) -> None:
    """By number, order and calls; how it is laid out and what the answers say does not matter."""
    usage = CassetteUsage.of(TAPE, ())
    with nullcontext() if is_same else pytest.raises(CassetteError, match=r"a\.json: the usage report was made"):
        check_current(usage, decode(text, "a.json"), "a.json")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "usage.json: Invalid JSON: EOF", id="empty"),
        pytest.param("{", "usage.json: Invalid JSON: EOF while parsing an object at line 1 column 1", id="no-json"),
        pytest.param("[]", "usage.json: Input should be an object", id="no-object"),
        pytest.param("{}", "usage.json: cassettes: Field required", id="no-cassettes"),
        pytest.param('{"cassettes": {"a": {}}}', "usage.json: cassettes.a.unused: Field required", id="no-positions"),
        pytest.param(
            '{"cassettes": {"a": {"unused": [0, "1"], "interactions": 2, "digest": "0123456789abcdef"}}}',
            "usage.json: cassettes.a.unused[1]: Input should be a valid integer",
            id="no-number",
        ),
        pytest.param(
            '{"cassettes": {"a": {"unused": [true], "interactions": 2, "digest": "0123456789abcdef"}}}',
            "usage.json: cassettes.a.unused[0]: Input should be a valid integer",
            id="true-is-no-number",
        ),
        pytest.param(
            '{"cassettes": {"a": {"unused": [-1], "interactions": 2, "digest": "0123456789abcdef"}}}',
            "usage.json: cassettes.a.unused[0]: Input should be greater than or equal to 0",
            id="negative",
        ),
        pytest.param(
            '{"cassettes": {"a": {"unused": [0, 0], "interactions": 2, "digest": "0123456789abcdef"}}}',
            "usage.json: cassettes.a: 'unused' names a position twice",
            id="twice",
        ),
        pytest.param(
            '{"cassettes": {"a": {"unused": [2], "interactions": 2, "digest": "0123456789abcdef"}}}',
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
