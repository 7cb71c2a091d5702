"""Messages: headers keep what they were, nothing secret shows in a repr, and an answer prints its head."""

import dataclasses

import pytest

from runproxy.messages import Piece, Request, Response, coding_named, is_header_value, is_token, make_headers


def test_headers_keep_order_spelling_and_duplicates() -> None:
    """Pairs come out as they went in, and are found whatever the case."""
    headers = make_headers([("B", "1"), ("a", "2"), ("b", "3")])
    assert list(headers.items()) == [("B", "1"), ("a", "2"), ("b", "3")]
    assert headers.getall("b") == ["1", "3"]
    assert headers["A"] == "2"


def test_headers_cannot_be_changed() -> None:
    """A message is a value, and its source may change without it."""
    pairs = [("a", "1")]
    headers = make_headers(pairs)
    pairs.append(("b", "2"))
    assert len(headers) == 1
    assert not hasattr(headers, "add")


def test_no_pairs_make_no_headers() -> None:
    """Headers may be empty."""
    assert len(make_headers()) == 0


@pytest.mark.parametrize("name", ["a", "X-Request-Id", "!#$%&'*+-.^_`|~09azAZ"])
def test_a_token_is_a_header_name(name: str) -> None:
    """All characters of a token are allowed."""
    assert is_token(name)


@pytest.mark.parametrize(
    "name", ["", "a b", "a:", "é", "a\n", "a\r\nb", "\0", "(a)", "a/b", "[", '"a"', "a@b"], ids=repr
)
def test_what_is_no_token_is_no_header_name(name: str) -> None:
    """Nothing that could end a name or a line is allowed."""
    assert not is_token(name)


@pytest.mark.parametrize("value", ["", "a b", "é", "\t", '"a, b"', "\udcff"], ids=repr)
def test_a_line_of_text_is_a_header_value(value: str) -> None:
    """Whatever fits on one line is allowed."""
    assert is_header_value(value)


@pytest.mark.parametrize("value", ["\r", "\n", "a\r\nb: c", "a\n", "\0"], ids=repr)
def test_a_line_break_is_no_header_value(value: str) -> None:
    """A value cannot begin a header of its own."""
    assert not is_header_value(value)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/p", "/p", ""),
        ("/p?", "/p", ""),
        ("/p?a=1", "/p", "a=1"),
        ("/p?a=1?b", "/p", "a=1?b"),
        ("/%3Fp?%3F", "/%3Fp", "%3F"),
        ("?a", "", "a"),
    ],
)
def test_a_target_is_a_raw_path_and_a_raw_query(target: str, path: str, query: str) -> None:
    """The first question mark parts them, and nothing is decoded."""
    request = Request("GET", target, make_headers())
    assert (request.path, request.query) == (path, query)


def test_messages_cannot_be_changed() -> None:
    """Requests and answers are values."""
    request, response = Request("GET", "/p", make_headers()), Response(200, make_headers())
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.target = "/q"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        response.status = 500  # type: ignore[misc]


def test_a_repr_shows_neither_headers_nor_body() -> None:
    """What may hold a credential cannot end up in a log or a traceback."""
    headers = make_headers([("Authorization", "Bearer made-up"), ("X-Name", "value")])
    assert repr(Request("POST", "/p?api-key=made-up", headers, b"body-text")) == "Request(POST /p)"
    assert repr(Response(200, headers, b"body-text")) == "Response(status=200)"


def test_equal_messages_are_equal() -> None:
    """Headers compare without regard to case, bodies by bytes."""
    assert Request("GET", "/p", make_headers([("A", "1")])) == Request("GET", "/p", make_headers([("a", "1")]))
    assert Response(200, make_headers(), b"a") != Response(200, make_headers(), b"b")


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        pytest.param([], [("x-a", "new")], id="none yet"),
        pytest.param([("b", "1")], [("b", "1"), ("x-a", "new")], id="others stay"),
        pytest.param([("X-A", "1"), ("b", "2"), ("x-a", "3")], [("b", "2"), ("x-a", "new")], id="all of it go"),
    ],
)
def test_a_header_takes_the_place_of_all_of_its_name(
    pairs: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    """The copy has the header once, at the end; the original stays."""
    response = Response(201, make_headers(pairs), b"body")
    changed = response.with_header("x-a", "new")
    assert list(changed.headers.items()) == expected
    assert (changed.status, changed.body) == (201, b"body")
    assert list(response.headers.items()) == pairs


def test_a_copy_with_another_header_prints_its_own_head() -> None:
    """What was remembered of the original is not taken along."""
    response = Response(200, make_headers())
    assert b"x-a" not in response.wire_head
    assert b"x-a: 1\r\n" in response.with_header("x-a", "1").wire_head


@pytest.mark.parametrize(
    ("name", "expected"), [("Date", True), ("date", True), ("X-Date", False)], ids=["as is", "lower case", "another"]
)
def test_an_answer_knows_whether_it_brings_a_date(name: str, expected: bool) -> None:
    """The name is compared without regard to case."""
    assert Response(200, make_headers([(name, "d")])).has_date is expected


@pytest.mark.parametrize(
    ("response", "head"),
    [
        pytest.param(Response(200, make_headers(), b"abc"), b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", id="body"),
        pytest.param(Response(404, make_headers()), b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n", id="no body"),
        pytest.param(
            Response(200, make_headers([("B", "1"), ("a", "2"), ("B", "3")]), b"x"),
            b"HTTP/1.1 200 OK\r\nB: 1\r\na: 2\r\nB: 3\r\nContent-Length: 1\r\n",
            id="headers in order",
        ),
        pytest.param(
            Response(200, make_headers([("content-length", "9")]), b"x"),
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n",
            id="a length of its own",
        ),
        pytest.param(Response(204, make_headers()), b"HTTP/1.1 204 No Content\r\n", id="204 has no length"),
        pytest.param(Response(304, make_headers()), b"HTTP/1.1 304 Not Modified\r\n", id="304 has no length"),
        pytest.param(Response(299, make_headers()), b"HTTP/1.1 299 \r\nContent-Length: 0\r\n", id="unknown status"),
        pytest.param(
            Response(200, make_headers([("a", "é\udcff")])),
            b"HTTP/1.1 200 OK\r\na: \xc3\xa9\xff\r\nContent-Length: 0\r\n",
            id="raw bytes in a value",
        ),
    ],
)
def test_an_answer_prints_its_head_as_it_goes_over_the_wire(response: Response, head: bytes) -> None:
    """Status line, headers in order, and a length where HTTP allows one."""
    assert response.wire_head + response.wire_length == head


def test_the_head_is_printed_once() -> None:
    """An answer that is sent again gives the same object."""
    response = Response(200, make_headers())
    assert response.wire_head is response.wire_head


def test_with_header_replaces_whatever_its_spelling() -> None:
    """Names are compared without regard to case, on both sides."""
    response = Response(200, make_headers([("X-A", "1"), ("x-b", "2")]))
    assert list(response.with_header("X-A", "3").headers.items()) == [("x-b", "2"), ("X-A", "3")]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ([], ""),
        (["gzip"], "gzip"),
        ([" GZIP "], "gzip"),
        (["Identity"], ""),
        (["gzip, br"], "gzip, br"),
        (["gzip", "br"], "gzip, br"),
    ],
)
def test_the_coding_of_a_body_is_what_all_headers_say(values: list[str], named: str) -> None:
    """On one line or on several."""
    assert coding_named(make_headers([("Content-Encoding", value) for value in values])) == named


def test_an_answer_that_was_decoded_says_so_in_one_place() -> None:
    """The header goes where the coding is noted, and stays where there was none."""
    answer = Response(200, make_headers([("A", "1"), ("content-encoding", "br")]), b"coded")
    read = answer.decoded(b"plain", "br", (Piece(5, 1),))
    assert (list(read.headers.items()), read.body, read.coding, read.pieces) == (
        [("A", "1")],
        b"plain",
        "br",
        (Piece(5, 1),),
    )
    assert len(answer.decoded(b"plain", "").headers) == 2
