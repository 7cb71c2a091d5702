"""What the gate remembers is bounded, and what it cannot look for is not recorded."""

import json
from collections.abc import Callable

import pytest

from runproxy.errors import NotStorable, TooManyCredentials
from runproxy.logs import HELD_BACK
from runproxy.messages import Request, Response, make_headers
from runproxy.redaction import MAX_OF_A_REQUEST, MAX_REMEMBERED, WriteGate, loggable


def secret(number: int) -> str:
    """Make one of many credentials."""
    return f"credential-number-{number:06}"


def with_headers(*headers: tuple[str, str], target: str = "/p") -> Request:
    """Make a request with these headers."""
    return Request("GET", target, make_headers(headers))


def cookies(count: int) -> Request:
    """Make a request that carries so many credentials."""
    return with_headers(("Cookie", "; ".join(f"c{number}={secret(number)}" for number in range(count))))


def test_as_many_credentials_as_are_searched_for_are_learned() -> None:
    """The last of them is found as the first is."""
    gate = WriteGate()
    gate.learn(cookies(MAX_OF_A_REQUEST))
    assert [gate.lets_pass(secret(number)) for number in (0, MAX_OF_A_REQUEST - 1)] == [False, False]
    assert repr(gate) == f"WriteGate({MAX_OF_A_REQUEST} credentials seen)"


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(cookies, id="cookies"),
        pytest.param(lambda count: with_headers(*((f"X-Key-{n}", secret(n)) for n in range(count))), id="headers"),
        pytest.param(
            lambda count: with_headers(target="/p?" + "&".join(f"key={secret(n)}" for n in range(count))), id="query"
        ),
        pytest.param(
            lambda count: with_headers(("Authorization", "A " + ",".join(f"k={secret(n)}" for n in range(count)))),
            id="parts",
        ),
    ],
)
def test_more_credentials_than_that_are_told_as_an_error(make: Callable[[int], Request]) -> None:
    """The error is one of what cannot be stored, has a code, and repeats none of them; no more are remembered."""
    gate = WriteGate()
    gate.learn(make(MAX_OF_A_REQUEST))
    with pytest.raises(TooManyCredentials) as caught:
        gate.learn(make(MAX_OF_A_REQUEST + 1))
    assert isinstance(caught.value, NotStorable)
    assert caught.value.code == "too_many_credentials"
    assert "credential-number" not in caught.value.message
    assert repr(gate) == f"WriteGate({MAX_OF_A_REQUEST} credentials seen)"


def test_the_same_credential_many_times_is_one() -> None:
    """What counts is what has to be searched for."""
    gate = WriteGate()
    gate.learn(with_headers(*(("Api-Key", secret(1)) for _ in range(100))))
    assert repr(gate) == "WriteGate(1 credentials seen)"


def test_what_is_too_short_to_be_searched_for_does_not_count() -> None:
    """Hundreds of short cookies keep nothing from being recorded."""
    WriteGate().learn(with_headers(("Cookie", "; ".join(f"c={number}" for number in range(500)))))


def test_of_very_many_credentials_those_not_seen_for_longest_are_forgotten() -> None:
    """A credential that is sent again is as good as new."""
    gate = WriteGate()
    gate.remember(secret(number) for number in range(MAX_REMEMBERED))
    gate.remember([secret(0), "one-credential-more"])
    assert repr(gate) == f"WriteGate({MAX_REMEMBERED} credentials seen)"
    assert not gate.lets_pass(secret(0))
    assert gate.lets_pass(secret(1))
    assert not gate.lets_pass(secret(2))


def test_cookies_do_not_push_credentials_out() -> None:
    """An upstream that hands out cookies without end makes the gate forget old cookies only."""
    gate = WriteGate()
    gate.remember([secret(0)])
    for number in range(1, 1000):
        gate.learn_cookies(Response(200, make_headers([("Set-Cookie", f"c={secret(number)}")])))
    assert not gate.lets_pass(secret(0))
    assert not gate.lets_pass(secret(999))
    assert gate.lets_pass(secret(1))


def test_a_credential_of_any_length_is_found_by_its_start() -> None:
    """Learning costs no more for a header of 8 KB than for one of 256 characters."""
    gate, text = WriteGate(), "".join(chr(97 + number * number % 26) for number in range(8000))
    gate.remember([text])
    assert not gate.lets_pass(json.dumps({"echo": text}))
    assert gate.lets_pass(text[:255])


def test_of_a_request_with_too_many_credentials_nothing_is_logged() -> None:
    """What cannot be looked for might be in any of it."""
    assert loggable(cookies(MAX_OF_A_REQUEST + 1), {"path": "/p", "team": "a"}) == {
        "path": HELD_BACK,
        "team": HELD_BACK,
    }
