"""A fresh recording in the place of an earlier one: what says nothing of the answer stays as it was."""

from dataclasses import replace
from typing import Any

import pytest

from runproxy.cassettes import Interaction
from runproxy.cassettes.slots import is_same_recording, without_noise
from runproxy.messages import Piece, Response, make_headers
from tests.cassettes.recordings import JSON, recording


def streamed(*pieces: tuple[bytes, int], number: int = 0) -> Interaction:
    """Make a recorded stream of pieces, each with its pause."""
    body = b"".join(piece for piece, _ in pieces)
    cut = tuple(Piece(len(piece), pause) for piece, pause in pieces)
    held = recording(seconds=number)
    return replace(held, response=Response(200, make_headers([JSON]), body, cut))


def test_only_the_answer_and_its_date_are_taken_from_the_fresh_one() -> None:
    """How long it took and its id are kept, and a header that came anew comes along."""
    earlier = recording(got={"n": 1}, headers=(JSON, ("x-request-id", "one")), seconds=1)
    fresh = recording(got={"n": 2}, headers=(JSON, ("X-Request-Id", "two"), ("sunset", "soon")), seconds=2, status=400)
    settled = without_noise(earlier, fresh)
    assert list(settled.response.headers.items()) == [JSON, ("X-Request-Id", "one"), ("sunset", "soon")]
    assert (settled.response.status, settled.response.body) == (400, fresh.response.body)
    assert (settled.recorded_at, settled.elapsed_ms) == (fresh.recorded_at, earlier.elapsed_ms)
    assert without_noise(recording(got={"n": 1}), fresh).response.headers["x-request-id"] == "two"


def test_the_coding_is_no_news() -> None:
    """It depends on who asked; an answer that has no body is in none."""

    def coded(coding: str, **more: Any) -> Interaction:
        made = recording(**more)
        return replace(made, response=replace(made.response, coding=coding))

    earlier = coded("gzip", got={"n": 1})
    for fresh in (coded("br", got={"n": 2}), coded("", got={"n": 2})):
        assert without_noise(earlier, fresh).response.coding == "gzip"
    assert without_noise(earlier, coded("", status=204)).response.coding == ""
    assert is_same_recording(earlier, coded("br", got={"n": 1}))


EARLIER = streamed((b"data: 1\n\n", 5), (b"data: 2\n\n", 7))


@pytest.mark.parametrize(
    ("fresh", "pauses"),
    [
        pytest.param(streamed((b"data: 1\n\n", 9), (b"data: three\n\n", 9)), [(9, 5), (13, 7)], id="one-changed"),
        pytest.param(streamed((b"data: 1\n\ndata: 4\n\n", 9)), [(9, 5), (9, 7)], id="in-one-piece"),
        pytest.param(streamed((b"data: 1\n\n", 9), (b"data: 2\n\ndata: 3\n\n", 9)), [(9, 9), (18, 9)], id="longer"),
        pytest.param(recording(got=b"data: 1\n\ndata: 4\n\n"), [], id="no-stream"),
    ],
)
def test_a_stream_is_cut_where_the_earlier_one_was(fresh: Interaction, pauses: list[tuple[int, int]]) -> None:
    """Unless it has other pieces."""
    settled = without_noise(EARLIER, fresh).response
    assert [(piece.length, piece.after_ms) for piece in settled.pieces] == pauses
    assert settled.body == fresh.response.body


def test_a_stream_in_the_place_of_another_answer_keeps_its_pieces() -> None:
    """There is nothing to take over."""
    assert without_noise(recording(got=b"x"), EARLIER).response.pieces == EARLIER.response.pieces
