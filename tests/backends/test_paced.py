"""Paced: recordings are played at the pace that is asked for."""

from datetime import UTC, datetime

import pytest

from runproxy.backends import Paced, Timing
from runproxy.messages import Piece, Request, Response, Source, make_headers
from tests.parts import ScriptedUpstream

SOURCE = Source("c", 0, 1, 1, datetime(2026, 1, 2, tzinfo=UTC), 100, "all agree")
STREAMED = Response(200, make_headers(), b"abc", (Piece(2, 40), Piece(1, 20)), source=SOURCE)
CALL = Request("GET", "/", make_headers())


@pytest.mark.parametrize(
    ("text", "waited_s"),
    [
        pytest.param("recorded", [0.1, 0.04, 0.02], id="recorded"),
        pytest.param("scaled:0.5", [0.05, 0.02, 0.01], id="scaled"),
        pytest.param("scaled:2", [0.2, 0.08, 0.04], id="slower"),
        pytest.param("fixed:20ms", [0.02, 0.02, 0.02], id="fixed"),
    ],
)
async def test_it_waits_before_the_answer_and_each_piece(text: str, waited_s: list[float]) -> None:
    """As long as the timing says; the bytes are those that were recorded."""
    timing, waited = Timing.parse(text), list[float]()

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    assert timing is not None
    answer = await Paced(ScriptedUpstream(STREAMED), timing, sleep).send(CALL)
    assert answer.stream is not None
    assert [piece async for piece in answer.stream] == [b"ab", b"c"]
    assert waited == waited_s


async def test_what_is_no_replay_does_not_wait() -> None:
    """Of auto, an answer of the upstream comes as it is."""
    fresh = Response(200, make_headers(), b"abc")

    async def sleep(_: float) -> None:
        raise AssertionError("nobody asked for this")

    assert await Paced(ScriptedUpstream(fresh), Timing(1.0), sleep).send(CALL) is fresh


def test_no_timing_is_none() -> None:
    """Then nothing stands in front of the replay at all."""
    assert Timing.parse("none") is None


@pytest.mark.parametrize("text", ["", "slow", "scaled:", "scaled:-1", "fixed:20", "fixed:1.5ms", "recorded "])
def test_what_is_no_timing_is_refused(text: str) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match=r"'scaled:0\.1' and 'fixed:20ms' was expected"):
        Timing.parse(text)
