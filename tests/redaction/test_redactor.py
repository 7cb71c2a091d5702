"""One object scrubs what is looked up and what is stored, and what was replaced is nowhere else."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runproxy.coding import CODINGS, encoded
from runproxy.errors import NotStorable, OpaqueBody, SecretFound, TooLongToRecord, Unredactable
from runproxy.keyfile import Secret
from runproxy.matching import match_key
from runproxy.messages import Request, Response, make_headers
from runproxy.redaction import PLAIN, Redactor, RedactSettings, scrub

SECRET = Secret(b"a-secret-of-the-tests", "a test", "placeholders")
EMAIL = {"pointer": "/metadata/email", "action": "hash"}


def redactor(**values: Any) -> Redactor:
    """Make a redactor."""
    return Redactor(RedactSettings.model_validate(values), SECRET)


def post(body: bytes | object = b"", target: str = "/p", *headers: tuple[str, str]) -> Request:
    """Make a request."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", target, make_headers(headers), data)


def got(body: bytes | object = b"", *headers: tuple[str, str]) -> Response:
    """Make an answer."""
    return Response(200, make_headers(headers), body if isinstance(body, bytes) else json.dumps(body).encode())


def test_where_nothing_is_set_scrubbing_is_the_ordinary() -> None:
    """Bodies, paths and headers are not touched, and without a query the request is the same object."""
    request = post({"metadata": {"email": "a@example.org"}}, "/v1/threads/thread_abc123")
    assert PLAIN.scrub(request) is request
    assert PLAIN.scrub(post(b"", "/p?key=a&b=c")) == scrub(post(b"", "/p?key=a&b=c"))


def test_a_query_value_is_replaced_by_a_placeholder_of_what_it_means() -> None:
    """However the name and the value are escaped; what is named like a secret is not even that."""
    made = redactor(query=["user"])
    one, other = (made.scrub(post(b"", f"/p?{query}")).query for query in ("User=a%40b&n=1", "us%65r=a@b&n=1"))
    assert one.partition("=")[2] == other.partition("=")[2]
    assert one.startswith("User=[redacted:")
    assert made.scrub(post(b"", "/p?key=a;user=")).query.startswith("key=REDACTED;user=[redacted:")
    assert Redactor(RedactSettings(query=("user",))).scrub(post(b"", "/p?user=a")).query == "user=REDACTED"


def test_ids_agree_in_path_query_body_and_answer() -> None:
    """One id has one placeholder in all of a recording, in kept headers too."""
    made = redactor(ids=True, response_headers=["Location"])
    request = post({"thread": "thread_abc123"}, "/v1/threads/thread_abc123?after=thread_abc123")
    sent, answer = made.storable(request, got({"id": "thread_abc123"}, ("Location", "/v1/threads/thread_abc123")))
    placeholder = json.loads(sent.body)["thread"]
    assert sent.target == f"/v1/threads/{placeholder}?after={placeholder}"
    assert json.loads(answer.body)["id"] == placeholder
    assert answer.headers["location"] == f"/v1/threads/{placeholder}"


def test_more_headers_are_kept_where_they_are_named() -> None:
    """In whatever case, and only on the side they are named for."""
    made = redactor(request_headers=["User-Agent"], response_headers=["DATE"])
    sent, answer = made.storable(
        post(b"", "/p", ("user-agent", "u"), ("Date", "d")), got(b"", ("Date", "d"), ("Server", "s"))
    )
    assert (list(sent.headers.items()), list(answer.headers.items())) == ([("user-agent", "u")], [("date", "d")])


@pytest.mark.parametrize("coding", CODINGS)
def test_a_compressed_body_is_stored_readable_and_redacted(coding: str) -> None:
    """A coding does not hide what is in a body; of requests, it is undone where something is redacted in them."""
    plain = json.dumps({"metadata": {"email": "a@example.org"}}).encode()
    body = encoded(plain, coding)
    request, answer = post(body, "/p", ("Content-Encoding", coding)), got(body, ("Content-Encoding", coding))
    sent, stored = redactor(body=[EMAIL]).storable(request, answer)
    assert b"[redacted:" in sent.body
    assert sent.body == stored.body
    assert not sent.headers
    assert (len(stored.headers), stored.coding) == (0, coding)
    sent, stored = PLAIN.storable(request, answer)
    assert (sent.body, stored.body, stored.coding) == (body, plain, coding)


@pytest.mark.parametrize(
    ("coding", "body", "reason"),
    [
        pytest.param("gzip", b"{}", OpaqueBody, id="not what it says"),
        pytest.param("br", encoded(b"{}", "br")[:-1], OpaqueBody, id="cut off"),
        pytest.param("gzip, br", encoded(b"{}", "br"), OpaqueBody, id="two codings"),
        pytest.param("compress", b"{}", OpaqueBody, id="an unknown one"),
        pytest.param("zstd", encoded(bytes(101), "zstd"), TooLongToRecord, id="a bomb"),
    ],
)
def test_a_compressed_answer_that_cannot_be_read_is_not_stored(
    coding: str, body: bytes, reason: type[NotStorable]
) -> None:
    """The reason is told; where nothing is stored, such an answer stays as it is."""
    answer = got(body, ("Content-Encoding", coding))
    with pytest.raises(reason):
        PLAIN.storable(post(), answer, 100)
    if reason is OpaqueBody:
        assert PLAIN.storable_response(answer, "POST").body == body


@pytest.mark.parametrize(
    ("method", "status", "is_kept"),
    [("HEAD", 200, True), ("GET", 304, True), ("GET", 200, False), ("HEAD", 204, False), ("POST", 204, False)],
)
def test_a_length_is_stored_where_there_is_no_body_to_tell_it(method: str, status: int, is_kept: bool) -> None:
    """Of any other answer the body tells its length."""
    answer = Response(status, make_headers([("Content-Length", "12")]))
    stored = PLAIN.storable_response(answer, method)
    assert ("content-length" in stored.headers) is is_kept


@pytest.mark.parametrize(
    ("sent", "answer", "where"),
    [
        pytest.param(b"", {"note": "of a@example.org"}, "the body of the response", id="answer"),
        pytest.param(b"", {"note": "b'YUBleGFtcGxlLm9yZw=='"}, "the body of the response", id="base64"),
        pytest.param({"note": "a@example.org"}, b"", "the body of the request", id="request"),
    ],
)
def test_what_was_replaced_at_its_place_and_stands_at_another_is_not_stored(sent: Any, answer: Any, where: str) -> None:
    """The error names the place and does not repeat the value."""
    held = {"metadata": {"email": "a@example.org"}}
    request = post({**(sent or {}), **held})
    with pytest.raises(SecretFound) as caught:
        redactor(body=[EMAIL]).storable(request, got(answer))
    assert caught.value.where == where
    assert "example" not in caught.value.message


def test_what_is_redacted_in_a_query_is_not_stored_elsewhere_either() -> None:
    """An answer that repeats the value of a redacted name is held back."""
    with pytest.raises(SecretFound):
        redactor(query=["user"]).storable(post(b"", "/p?user=a%40example.org"), got(b"a@example.org"))


def test_a_rule_for_one_side_leaves_the_other_alone() -> None:
    """What is replaced in requests only may stand in an answer, because the settings say so."""
    made = redactor(body=[{**EMAIL, "in": "request"}])
    held = {"metadata": {"email": "a@example.org"}}
    sent, answer = made.storable(post(held), got(held))
    assert b"example" not in sent.body
    assert b"example" in answer.body


def test_json_that_cannot_be_read_is_not_stored() -> None:
    """On either side."""
    for request, answer in ((post(b"{"), got()), (post(), got(b'{"a":1'))):
        with pytest.raises(Unredactable):
            redactor(body=[EMAIL]).storable(request, answer)


METADATA = st.dictionaries(st.sampled_from(["email", "team", "run_abc123"]), st.text(max_size=12) | st.integers())
TARGETS = st.sampled_from(
    ["/p", "/p?user=a+b&key=c", "/v1/threads/thread_abc123/runs/run_0000001?after=msg_abc123&user=%2F;user=", "/?user"]
)
WAYS = st.fixed_dictionaries(
    {
        "body": st.lists(
            st.fixed_dictionaries(
                {
                    "pointer": st.sampled_from(["/metadata/email", "/metadata/*", "/metadata", "/*"]),
                    "action": st.sampled_from(["drop", "hash", "replace"]),
                }
            ),
            max_size=3,
        ),
        "query": st.sampled_from([[], ["user"]]),
        "ids": st.booleans(),
    }
)


@settings(max_examples=300, deadline=None)
@given(metadata=METADATA, target=TARGETS, ways=WAYS, is_zipped=st.booleans())
def test_whatever_was_recorded_matches_itself(
    metadata: dict[str, Any], target: str, ways: dict[str, Any], is_zipped: bool
) -> None:
    """The stored request has the key of the one that was sent, and is scrubbed already."""
    made = redactor(**ways)
    body = json.dumps({"metadata": metadata}).encode()
    headers = [("Content-Encoding", "gzip")] if is_zipped else []
    request = post(gzip.compress(body) if is_zipped else body, target, *headers)
    stored = made.storable_request(request)
    assert match_key(made.scrub(stored)) == match_key(stored) == match_key(made.scrub(request))
    assert made.storable_request(stored) == stored
