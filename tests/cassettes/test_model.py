"""A cassette in memory: what answers which call, and which recordings a missed call is compared with."""

from datetime import UTC, datetime

import pytest

from runproxy.cassettes import Cassette, Interaction
from runproxy.matching import MAX_ALIKE, digested, match_key, nearest
from runproxy.messages import Request, Response, make_headers

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def call(path: str, body: bytes = b"", method: str = "POST") -> Request:
    """Make a request."""
    return Request(method, path, make_headers(), body)


def recorded(request: Request, answer: bytes = b"") -> Interaction:
    """Make an interaction."""
    return Interaction(request, Response(200, make_headers(), answer), NOW, 0)


def test_an_unread_interaction_is_read_when_it_is_asked_for() -> None:
    """What is held as a function stands in its place among the others, and is found by its key."""
    first, second = recorded(call("/a"), b"1"), recorded(call("/b"), b"2")
    reads: list[int] = []

    def read() -> Interaction:
        reads.append(1)
        return second

    cassette = Cassette([first])
    key = cassette.key_of(second)
    cassette.add_unread(key, read)
    assert (len(cassette), cassette.positions(key), reads) == (2, [1], [])
    assert list(cassette) == [first, second]
    assert reads == [1]


def test_no_more_than_100_recordings_are_compared() -> None:
    """A miss among very many takes bounded time, also when one has just been added."""
    cassette = Cassette(recorded(call("/a", b"%d" % number)) for number in range(MAX_ALIKE + 50))
    assert list(cassette.alike(match_key(call("/a")))) == list(range(MAX_ALIKE))
    assert list(cassette.alike(match_key(call("/other")))) == list(range(MAX_ALIKE))
    assert list(cassette.alike(match_key(call("/other", method="GET")))) == list(range(MAX_ALIKE))
    cassette.add(recorded(call("/b")))
    assert list(cassette.alike(match_key(call("/b", b"x")))) == [MAX_ALIKE + 50]


def test_the_query_is_no_part_of_the_address() -> None:
    """A call with another query is compared with those of its path."""
    cassette = Cassette([recorded(call("/a")), recorded(call("/b?x=1"))])
    assert list(cassette.alike(match_key(call("/b?x=2")))) == [1]


@pytest.mark.parametrize(
    ("requests", "position"),
    [
        pytest.param([call("/x"), call("/p", b'{"a":1}'), call("/p", b'{"a":2,"b":3}')], 1, id="fewest differences"),
        pytest.param([call("/q", b'{"a":2}'), call("/p", b'{"b":3}')], 1, id="the same address before an equal body"),
        pytest.param([call("/p", method="GET"), call("/z")], 1, id="the same method before an equal path"),
        pytest.param([call("/zzzzzz", b'{"a":2}'), call("/pp", b'{"a":2}')], 1, id="the most similar path"),
        pytest.param([call("/p", b'{"a":1}'), call("/p", b'{"a":3}')], 0, id="the first of equals"),
        pytest.param([call("/a", method="GET"), call("/p", b'{"a":2}', "PUT")], 1, id="no method agrees"),
    ],
)
def test_the_recording_that_differs_least_is_the_nearest(requests: list[Request], position: int) -> None:
    """Same address first, then the number of differences, then the likeness of the targets."""
    sent = call("/p", b'{"a":2}')
    cassette = Cassette(recorded(request) for request in requests)
    found = nearest(sent, {place: cassette[place].request for place in cassette.alike(match_key(sent))})
    assert found is not None
    assert found.position == position


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"a": 1}', id="JSON"),
        pytest.param(b"text", id="text"),
        pytest.param(b"--b1\r\n\r\na\r\n--b1--\r\n", id="multipart"),
    ],
)
def test_a_body_that_is_known_is_found_by_its_digest(body: bytes) -> None:
    """Where no more than that was recorded; what was recorded whole comes first, whenever it was recorded."""
    whole, reduced = call("/a", body), digested(call("/a", body))
    cassette = Cassette([recorded(reduced)])
    assert cassette.key_for(whole) == cassette.key_for(reduced) == cassette.matcher.key(reduced)
    assert cassette.key_for(call("/a", b"other")) == cassette.matcher.key(call("/a", b"other"))
    assert cassette.key_for(call("/b", body)) == cassette.matcher.key(call("/b", body))
    cassette.add(recorded(whole))
    assert cassette.positions(cassette.key_for(whole)) == [1]
    assert cassette.positions(cassette.key_for(reduced)) == [0]


def test_a_digest_is_no_call_without_a_body() -> None:
    """Nor is it a text that reads as its key does."""
    reduced = digested(call("/a", b"text"))
    assert reduced.digest is not None
    cassette = Cassette([recorded(reduced)])
    for body in (b"", f"sha256 {reduced.digest.sha256}".encode()):
        assert cassette.positions(cassette.key_for(call("/a", body))) == []
