"""Multipart bodies without their boundary, whole and in pieces: both ways tell the same parts to be the same."""

from hashlib import sha256

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runproxy.multipart import BodyHash, without_boundary

BOUNDARY = b"0123456789abcdef"
TEXTS = st.text("ab-\r\n", max_size=12).map(str.encode)
CUTS = st.lists(st.integers(1, 40), max_size=30)


def multipart(boundary: bytes, *parts: bytes, end: bytes = b"--\r\n") -> bytes:
    """Write an upload as clients do."""
    held = b"".join(b"--%b\r\nContent-Type: text/plain\r\n\r\n%b\r\n" % (boundary, part) for part in parts)
    return held + b"--" + boundary + end


def in_pieces(body: bytes, lengths: list[int]) -> list[bytes]:
    """Cut a body into pieces of these lengths, and what is left."""
    pieces, start = [], 0
    for length in lengths:
        pieces.append(body[start : start + length])
        start += length
    return [piece for piece in (*pieces, body[start:]) if piece]


def hashed(*pieces: bytes) -> str:
    """Hash a body piece by piece."""
    body_hash = BodyHash()
    for piece in pieces:
        body_hash.update(piece)
    return body_hash.hexdigest()


BODIES = st.one_of(
    TEXTS,
    st.builds(lambda boundary, text: b"--" + boundary + b"\r\n" + text, st.sampled_from([b"a", b"ab", b"-"]), TEXTS),
    st.builds(
        lambda boundary, parts, end: multipart(boundary, *parts, end=end),
        st.sampled_from([b"a", b"--", b"ab" * 35]),
        st.lists(TEXTS, max_size=3),
        st.sampled_from([b"--", b"--\r\n", b"--\r\n\r\n" + b"\r\n" * 50, b"", b"\r\n"]),
    ),
)


@settings(max_examples=500)
@given(BODIES, CUTS)
@example(multipart(b"a", b"\r\n-", b"\r\n--"), [1] * 200)
@example(multipart(b"a", b"x", end=b"--" + b"\n" * 99) + b"x", [1] * 200)
@example(b"--a\r\n\r\n--a-\r\n-", [10, 1, 1, 1])
def test_a_hash_is_that_of_the_body_without_its_boundary_however_it_is_cut(body: bytes, cuts: list[int]) -> None:
    """Boundaries, line breaks and the end may be cut anywhere."""
    assert hashed(*in_pieces(body, cuts)) == sha256(without_boundary(body)).hexdigest()


@given(st.lists(TEXTS, min_size=1, max_size=3), CUTS, CUTS)
def test_two_uploads_of_the_same_parts_have_one_hash(parts: list[bytes], one: list[int], other: list[int]) -> None:
    """Clients make a fresh boundary for every call, and of another length than other clients."""
    first, second = multipart(BOUNDARY, *parts), multipart(BOUNDARY[::-1] * 2, *parts)
    assert hashed(*in_pieces(first, one)) == hashed(*in_pieces(second, other))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"x" * 1000, id="no multipart"),
        pytest.param(multipart(BOUNDARY, b"a")[:-6], id="no end"),
        pytest.param(multipart(BOUNDARY, b"a") + b"epilogue", id="something behind the end"),
        pytest.param(b"preamble\r\n" + multipart(BOUNDARY, b"a"), id="something before the start"),
        pytest.param(multipart(b"x" * 71, b"a"), id="a boundary that is too long"),
    ],
)
def test_any_other_body_is_hashed_as_it_is(body: bytes) -> None:
    """As `sha256sum` would."""
    assert without_boundary(body) is body
    assert hashed(*in_pieces(body, [5] * 50)) == sha256(body).hexdigest()


def test_what_is_held_of_a_body_is_short() -> None:
    """However long it is, and however much in it looks like a boundary."""
    body_hash = BodyHash()
    for piece in (multipart(BOUNDARY, b"a" * 60)[:80], b"\r\n--0123456789" * 10_000, b"\r\n" * 10_000, b"x" * 100_000):
        body_hash.update(piece)
        parts = body_hash._parts
        assert parts is not None
        assert max(map(len, (parts._held, parts._end, parts._line_breaks))) <= len(BOUNDARY) + 4
