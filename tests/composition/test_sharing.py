"""What several workers may do with one cassette, and what is left to one process."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from runproxy.cassettes import Cassette, Interaction
from runproxy.composition.sharing import ALONE, AmongWorkers
from runproxy.errors import NeedsOneProcess
from runproxy.matching import Matcher, MatchSettings
from runproxy.messages import Response, make_headers
from runproxy.redaction import PLAIN
from tests.parts import answer, modify

JSON = [("content-type", "application/json")]


def held(call: str, said: str, request_id: str = "req_1") -> Interaction:
    """Make a recording."""
    response = answer({"said": said})
    response = Response(200, make_headers([*JSON, ("x-request-id", request_id)]), response.body)
    return Interaction(modify({"call": call}), response, datetime(2026, 11, 26, tzinfo=UTC), 1)


DIFFERENT = Cassette([held("a", "1"), held("b", "2")])
SEQUENCE = Cassette([held("a", "queued"), held("b", "2"), held("a", "completed")])
REPEATED = Cassette([held("a", "1"), held("b", "2"), held("a", "1", "req_2")])
REBINDING = Cassette([held("a", "1")], Matcher(PLAIN, MatchSettings(rebind_ids=True)))


@pytest.fixture
def among(tmp_path: Path) -> AmongWorkers:
    """Give one of four workers."""
    return AmongWorkers(4, tmp_path)


@pytest.mark.parametrize(
    ("cassette", "on_exhausted", "told"),
    [
        pytest.param(
            SEQUENCE,
            "last",
            "cassette 'c' holds 2 recordings of one call, POST /v1/threads/thread_abc123/runs/run_abc123 (interactions "
            "0, 2), to be played one after the other, and how far they are",
            id="sequence",
        ),
        pytest.param(SEQUENCE, "cycle", "cassette 'c' holds 2 recordings of one call", id="cycle"),
        pytest.param(
            DIFFERENT, "error", "on_exhausted is 'error', and what has been played already", id="error-after-the-last"
        ),
        pytest.param(REBINDING, "last", "cassette 'c' rebinds ids, and which stand for which", id="rebinding"),
    ],
)
def test_what_depends_on_what_was_played_before_is_refused(
    among: AmongWorkers, cassette: Cassette, on_exhausted: str, told: str
) -> None:
    """With what it is, why, and the way out; to one process, nothing of it matters."""
    with pytest.raises(NeedsOneProcess) as caught:
        among.check_playing("c", cassette, on_exhausted)  # type: ignore[arg-type]  # one of its texts
    message = caught.value.message
    assert message.startswith(f"With 4 workers this cannot be done: {told}")
    assert message.endswith("is known in one process only. Use --workers 1.")
    assert (caught.value.status, caught.value.exit_code) == (409, 2)
    ALONE.check_playing("c", cassette, on_exhausted)  # type: ignore[arg-type]  # one of its texts


@pytest.mark.parametrize(
    ("cassette", "on_exhausted"),
    [(DIFFERENT, "last"), (DIFFERENT, "cycle"), (REPEATED, "last"), (Cassette(), "last")],
)
def test_what_any_worker_answers_alike_is_played(among: AmongWorkers, cassette: Cassette, on_exhausted: str) -> None:
    """One recording of each call, or several that say the same."""
    among.check_playing("c", cassette, on_exhausted)  # type: ignore[arg-type]  # one of its texts


def test_a_new_cassette_is_recorded_by_all(among: AmongWorkers) -> None:
    """Also by a worker that comes when others have recorded already: nothing of that is from an earlier session."""
    assert len(among.earlier("c", Cassette())) == 0
    later = AmongWorkers(among.workers, among.folder)
    assert len(later.earlier("c", SEQUENCE)) == 0


def test_recording_again_is_left_to_one_process(among: AmongWorkers) -> None:
    """What is replaced by what, only one can know; alone, a process has all that was there."""
    among.earlier("another", Cassette())
    with pytest.raises(NeedsOneProcess) as caught:
        among.earlier("c", DIFFERENT)
    assert "cassette 'c' holds 2 recordings from before" in caught.value.message
    assert caught.value.message.endswith("Use --workers 1, or record into a new cassette.")
    assert ALONE.earlier("c", DIFFERENT) is DIFFERENT
