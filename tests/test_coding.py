"""Content codings: undone and applied, whole and piece by piece, and never more than was asked for."""

import gzip
import sys
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runproxy.coding import (
    CODINGS,
    Decoder,
    DecodesTooLong,
    Encoder,
    Undecodable,
    decoded,
    decompressed,
    encoded,
    known_coding,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b'{"id": "run_abc123", "metadata": {"user_id": "user_abc123"}}' * 20
MOST = 1_000_000


def raw_deflate(body: bytes) -> bytes:
    """Compress as servers do that leave out the head of zlib."""
    writer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return writer.compress(body) + writer.flush()


def wide_zstd(body: bytes) -> bytes:
    """Compress with a window that takes 16 MB to read."""
    writer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 24})
    return writer.compress(body) + writer.flush()


@given(body=st.binary(max_size=300) | st.just(TEXT), coding=st.sampled_from(CODINGS))
def test_what_was_coded_is_read_again(body: bytes, coding: str) -> None:
    """In every coding, whatever the body, and the same bytes come of it every time."""
    assert decoded(encoded(body, coding), coding, MOST) == body
    assert encoded(body, coding) == encoded(body, coding)


@given(pieces=st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=8), coding=st.sampled_from(CODINGS))
def test_every_piece_can_be_read_when_it_is_there(pieces: list[bytes], coding: str) -> None:
    """Nothing of it waits for the next one."""
    encoder, decoder = Encoder(coding), Decoder(coding, MOST)
    assert [decoder.feed(encoder.feed(piece)) for piece in pieces] == pieces
    assert decoder.feed(encoder.finish()) == b""
    decoder.finish()


@given(coding=st.sampled_from(CODINGS), size=st.integers(1, 50))
def test_it_does_not_matter_where_a_body_is_cut(coding: str, size: int) -> None:
    """Pieces of one byte say the same."""
    sent, decoder = encoded(TEXT, coding), Decoder(coding, MOST)
    assert b"".join(decoder.feed(sent[start : start + size]) for start in range(0, len(sent), size)) == TEXT
    decoder.finish()


@pytest.mark.parametrize(
    ("sent", "coding"),
    [
        pytest.param(gzip.compress(TEXT), "gzip", id="gzip"),
        pytest.param(gzip.compress(TEXT), "X-GZIP", id="its old name"),
        pytest.param(gzip.compress(TEXT[:7]) + gzip.compress(b"") + gzip.compress(TEXT[7:]), "gzip", id="members"),
        pytest.param(zlib.compress(TEXT), "deflate", id="deflate"),
        pytest.param(raw_deflate(TEXT), "deflate", id="deflate, raw"),
        pytest.param(brotli.compress(TEXT), "br", id="br"),
        pytest.param(zstd.compress(TEXT), "zstd", id="zstd"),
        pytest.param(zstd.compress(TEXT[:7]) + zstd.compress(TEXT[7:]), "zstd", id="frames"),
    ],
)
def test_what_other_programs_have_coded_is_read(sent: bytes, coding: str) -> None:
    """Whole, and byte by byte."""
    assert decompressed(sent, coding) == TEXT
    decoder = Decoder(coding, MOST)
    assert b"".join(decoder.feed(sent[place : place + 1]) for place in range(len(sent))) == TEXT
    decoder.finish()


@pytest.mark.parametrize(
    ("sent", "coding"),
    [
        *(pytest.param(encoded(TEXT, coding)[:-1], coding, id=f"{coding}, cut off") for coding in CODINGS),
        *(pytest.param(encoded(TEXT, coding) + b"more", coding, id=f"{coding}, and more") for coding in CODINGS),
        *(pytest.param(b"{} is not compressed", coding, id=f"{coding}, which it is not") for coding in CODINGS),
        pytest.param(gzip.compress(b"") * 1025, "gzip", id="more members than anybody makes"),
        pytest.param(wide_zstd(TEXT), "zstd", id="a window over 8 MB"),
        pytest.param(TEXT, "compress", id="an unknown one"),
        pytest.param(gzip.compress(gzip.compress(TEXT)), "gzip, gzip", id="two at a time"),
    ],
)
def test_what_cannot_be_read_is_told(sent: bytes, coding: str) -> None:
    """A body that is cut off is not taken for a whole one."""
    assert decompressed(sent, coding) is None
    with pytest.raises(Undecodable):
        decoded(sent, coding, MOST)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_bomb_goes_no_further_than_what_is_asked_for(coding: str) -> None:
    """Of 5 MB in a few bytes, no more than the limit is made; a body of just that size is read."""
    body = bytes(100_000)
    assert decoded(encoded(body, coding), coding, len(body)) == body
    with pytest.raises(DecodesTooLong):
        decoded(encoded(body, coding), coding, len(body) - 1)
    bomb = encoded(bytes(5_000_000), coding)
    with pytest.raises(DecodesTooLong):
        Decoder(coding, 10).feed(bomb)
    with pytest.raises(DecodesTooLong):
        Decoder(coding, 10).feed(bomb[:2000])


def test_a_body_without_a_coding_is_the_same_object() -> None:
    """There is nothing to undo."""
    assert decompressed(TEXT, "") is TEXT
    assert decompressed(TEXT, "Identity") is TEXT
    assert decompressed(b"", "gzip") == b""


@pytest.mark.parametrize(
    ("name", "known"), [("gzip", "gzip"), (" X-Gzip", "gzip"), ("BR", "br"), ("identity", ""), ("gzip, br", "")]
)
def test_names_are_known_in_any_spelling(name: str, known: str) -> None:
    """And more than one at a time is none that is known."""
    assert known_coding(name) == known
