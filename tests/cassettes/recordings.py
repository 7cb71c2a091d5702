"""Recordings for the tests of what is done with whole cassettes."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from runproxy.cassettes import Interaction, encode_interaction, layout
from runproxy.messages import Digest, Request, Response, make_headers

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
JSON = ("content-type", "application/json")


def recording(
    path: str = "/v1/a",
    got: object = None,
    *,
    sent: object = None,
    status: int = 200,
    headers: Sequence[tuple[str, str]] = (JSON,),
    seconds: int = 0,
) -> Interaction:
    """Make a recorded call; `got` and `sent` are bodies, as bytes or as JSON values, and `sent` may be a digest."""
    digest = sent if isinstance(sent, Digest) else None
    return Interaction(
        Request("POST", path, make_headers([JSON]), b"" if digest else as_body(sent), digest=digest),
        Response(status, make_headers(headers), as_body(got)),
        MOMENT + timedelta(seconds=seconds),
        seconds,
    )


def as_body(value: object) -> bytes:
    """Print a body; None is none."""
    if value is None or isinstance(value, bytes):
        return value or b""
    return json.dumps(value).encode()


def text_of(interactions: Iterable[Interaction]) -> bytes:
    """Lay out a cassette."""
    return layout.compose([layout.element(encode_interaction(held)) for held in interactions])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, width=32) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=5), json_values, max_size=4)
calls = st.sampled_from(["/v1/a", "/v1/b", "/v1/c", "/v1/d"])
sent_bodies = st.sampled_from([None, Digest("0" * 64, 1), Digest("f" * 64, 1)])
recordings = st.builds(
    lambda path, got, status, sent: recording(path, got, status=status, sent=sent),
    calls,
    objects,
    st.sampled_from([200, 400, 500]),
    sent_bodies,
)
cassettes = st.lists(recordings, max_size=6)
