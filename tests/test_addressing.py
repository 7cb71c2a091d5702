"""Addressing: how a call names its cassette, which names can be files, and how it asks for faults."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.addressing import checked_name, take_cassette_name, take_fault_names
from runproxy.errors import Refusal
from runproxy.messages import Request, make_headers

HEADER = "X-Runproxy-Cassette"


def call(target: str, *headers: tuple[str, str]) -> Request:
    """Make a request with a body."""
    return Request("POST", target, make_headers(headers), b"body")


@pytest.mark.parametrize("target", ["/v1/x", "/", "/v1/@name", "/v1/x?a=/@name", "*"])
def test_a_call_that_names_no_cassette_stays_as_it_is(target: str) -> None:
    """Without a header and a prefix the very same request is given back."""
    request = call(target, ("Accept", "a"))
    taken, name = take_cassette_name(request)
    assert taken is request
    assert name is None


@pytest.mark.parametrize(
    ("target", "name", "rest"),
    [
        pytest.param("/@first/v1/x", "first", "/v1/x", id="name"),
        pytest.param("/@first/v1/x?a=1&b=/", "first", "/v1/x?a=1&b=/", id="query stays"),
        pytest.param("/@a%2Fb/v1", "a/b", "/v1", id="encoded slash makes a folder"),
        pytest.param("/@a%20b/v1", "a b", "/v1", id="encoded space"),
        pytest.param("/@%C3%A9/v1", "é", "/v1", id="encoded UTF-8"),
        pytest.param("/@a.json/v1", "a", "/v1", id="ending"),
        pytest.param("/@first", "first", "/", id="nothing after the name"),
        pytest.param("/@first/", "first", "/", id="only a slash after the name"),
        pytest.param("/@first//v1", "first", "//v1", id="the rest is not normalised"),
        pytest.param("/@first/%2e%2e/v1", "first", "/%2e%2e/v1", id="the rest is not decoded"),
        pytest.param("/@first/@second/v1", "first", "/@second/v1", id="only one prefix is taken"),
        pytest.param("/@@x/v1", "@x", "/v1", id="at sign in the name"),
    ],
)
def test_a_prefix_names_the_cassette_and_is_taken_off(target: str, name: str, rest: str) -> None:
    """The name is decoded; what follows it is the target, untouched."""
    taken, found = take_cassette_name(call(target, ("Accept", "a")))
    assert found == name
    assert taken == call(rest, ("Accept", "a"))


@pytest.mark.parametrize("spelling", [HEADER, HEADER.lower(), HEADER.upper()])
def test_a_header_names_the_cassette_and_is_taken_off(spelling: str) -> None:
    """All other headers stay in their order and spelling."""
    taken, found = take_cassette_name(call("/v1", ("B", "1"), (spelling, "a/b.json"), ("a", "2"), ("b", "3")))
    assert found == "a/b"
    assert (taken.method, taken.target, taken.body) == ("POST", "/v1", b"body")
    assert list(taken.headers.items()) == [("B", "1"), ("a", "2"), ("b", "3")]


def test_the_name_in_a_header_is_not_decoded() -> None:
    """Only a path is percent-encoded."""
    assert take_cassette_name(call("/v1", (HEADER, "a%2Fb")))[1] == "a%2Fb"


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(call("/@a/v1", (HEADER, "a")), id="prefix and header"),
        pytest.param(call("/v1", (HEADER, "a"), (HEADER, "a")), id="two headers"),
        pytest.param(call("/@%61/v1", (HEADER, "a")), id="encoded and not"),
    ],
)
def test_a_cassette_may_be_named_twice_by_the_same_name(request_: Request) -> None:
    """Two equal names do not contradict each other, and both are taken off."""
    assert take_cassette_name(request_) == (call("/v1"), "a")


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(call("/@a/v1", (HEADER, "b")), id="prefix and header"),
        pytest.param(call("/v1", (HEADER, "a"), (HEADER, "b")), id="two headers"),
    ],
)
def test_two_names_are_refused(request_: Request) -> None:
    """A call is answered from one cassette."""
    with pytest.raises(Refusal, match="more than one cassette") as caught:
        take_cassette_name(request_)
    assert (caught.value.status, caught.value.code) == (400, "invalid_cassette_name")


@pytest.mark.parametrize(
    ("name", "checked"),
    [
        ("a", "a"),
        ("A-b_c.d", "A-b_c.d"),
        ("a.json", "a"),
        ("a.json.json", "a"),
        ("a/b/c", "a/b/c"),
        ("a.d/b", "a.d/b"),
        ("two words", "two words"),
        ("é", "é"),
        ("a..b", "a..b"),
        ("a.", "a."),
        ("(1)", "(1)"),
        ("~", "~"),
        ("x" * 200, "x" * 200),
        ("/".join(["x" * 99] * 7), "/".join(["x" * 99] * 7)),
    ],
)
def test_a_relative_path_is_a_name(name: str, checked: str) -> None:
    """Letters, digits, signs and slashes are fine; one ending `.json` is left out."""
    assert checked_name(name) == checked


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".json",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        ".hidden",
        "../a",
        "a/../b",
        "a/./b",
        "a/.hidden",
        "a\\b",
        "..\\a",
        "C:a",
        "a*",
        "a?",
        'a"b',
        "a<b",
        "a>b",
        "a|b",
        "a\0b",
        "a\nb",
        "a\tb",
        "a\x7f",
        "a\u200bb",
        "a\u202eb",
        "\udcff",
        "a/\x1b[31m",
        "x" * 201,
        "é" * 101,
        "/".join(["x" * 99] * 7) + "x.",
    ],
    ids=repr,
)
def test_any_other_name_is_refused(name: str) -> None:
    """Nothing leaves the folder, hides in it, or means something else to a file system or a terminal."""
    with pytest.raises(Refusal) as caught:
        checked_name(name)
    error = caught.value
    assert (error.status, error.code) == (400, "invalid_cassette_name")
    assert error.message.startswith(f"{name!r} is no cassette name: ")
    assert error.message.isprintable()


@pytest.mark.parametrize(
    "target",
    ["/@", "/@/v1", "/@..%2F..%2Fetc/v1", "/@%2Fetc/v1", "/@.a/v1", "/@a?x=1", "/@a%00/v1", "/@%ff/v1", "/@a%5Cb/v1"],
)
def test_an_unusable_name_in_a_prefix_is_refused(target: str) -> None:
    """Decoding happens before the name is checked."""
    with pytest.raises(Refusal) as caught:
        take_cassette_name(call(target))
    assert caught.value.code == "invalid_cassette_name"


def test_an_empty_header_is_refused() -> None:
    """Naming nothing is not the same as not naming anything."""
    with pytest.raises(Refusal) as caught:
        take_cassette_name(call("/v1", (HEADER, "")))
    assert caught.value.code == "invalid_cassette_name"


@settings(deadline=None, max_examples=300)
@given(name=st.text(max_size=12) | st.text("./\\ab:~", max_size=12))
def test_a_checked_name_stays_below_the_folder(name: str) -> None:
    """Whatever is asked for is refused, or is a path of visible parts that go downwards only."""
    try:
        parts = checked_name(name).split("/")
    except Refusal:
        return
    assert all(part and part[0] != "." and part.isprintable() and "\\" not in part for part in parts)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        pytest.param([], (), id="none"),
        pytest.param(["slow"], ("slow",), id="one"),
        pytest.param(["slow, busy"], ("slow", "busy"), id="list"),
        pytest.param(["slow", "busy"], ("slow", "busy"), id="two-headers"),
        pytest.param(["slow,,slow ,"], ("slow",), id="twice"),
        pytest.param([""], (), id="empty"),
    ],
)
def test_the_faults_that_a_call_asks_for_are_taken_off(values: list[str], names: tuple[str, ...]) -> None:
    """Each once and in their order, however the header is spelled; all other headers stay."""
    kept = [("Accept", "a"), ("X-Other", "b")]
    headers = [kept[0], *(("X-RunProxy-Fault", value) for value in values), kept[1]]
    plain, found = take_fault_names(Request("GET", "/v1/x", make_headers(headers)))
    assert (list(plain.headers.items()), found) == (kept, names)
