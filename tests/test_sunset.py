"""What counts as the answer of a closed endpoint, and what does not."""

import json

import pytest

from runproxy.messages import Request, Response, make_headers
from runproxy.sunset import sunset_template
from tests.parts import ADDRESS

RUN = "/threads/{thread_id}/runs/{run_id}"
UNKNOWN_RUN = json.dumps({"error": {"message": "No run found with id 'run_x'.", "type": "invalid_request_error"}})


def judged(
    method: str = "POST", target: str = ADDRESS, status: int = 404, body: bytes = b"", length: str | None = None
) -> str | None:
    """Judge an answer to a call."""
    headers = make_headers([("Content-Length", length)] if length is not None else [])
    return sunset_template(Request(method, target, make_headers()), Response(status, headers, body))


@pytest.mark.parametrize(
    ("method", "target", "template"),
    [
        pytest.param("POST", ADDRESS, RUN, id="modify-run"),
        pytest.param("GET", ADDRESS, RUN, id="get-run"),
        pytest.param("POST", f"{ADDRESS}?api-version=v1", RUN, id="with-a-query"),
        pytest.param("POST", ADDRESS.removeprefix("/v1"), RUN, id="no-prefix"),
        pytest.param("POST", f"/openai{ADDRESS.removeprefix('/v1')}", RUN, id="azure"),
        pytest.param("POST", f"/api/projects/p{ADDRESS.removeprefix('/v1')}", RUN, id="foundry"),
        pytest.param("POST", "/v1/threads", "/threads", id="create-thread"),
        pytest.param("POST", "/v1/threads/runs", "/threads/runs", id="create-thread-and-run"),
        pytest.param("DELETE", "/v1/threads/t", "/threads/{thread_id}", id="delete-thread"),
        pytest.param("GET", "/v1/assistants?limit=2", "/assistants", id="list-assistants"),
        pytest.param("GET", "/v1/assistants/a", "/assistants/{assistant_id}", id="get-assistant"),
        pytest.param("GET", "/v1/threads/t/messages", "/threads/{thread_id}/messages", id="list-messages"),
        pytest.param("GET", "/v1/threads/t/messages/m", "/threads/{thread_id}/messages/{message_id}", id="message"),
        pytest.param("POST", "/v1/threads/t/runs", "/threads/{thread_id}/runs", id="create-run"),
        pytest.param("POST", "/v1/threads/t/runs/r/cancel", f"{RUN}/cancel", id="cancel"),
        pytest.param("GET", "/v1/threads/t/runs/r/steps", f"{RUN}/steps", id="steps"),
        pytest.param("GET", "/v1/threads/t/runs/r/steps/s", f"{RUN}/steps/{{step_id}}", id="step"),
        pytest.param("POST", "/v1/threads/t/runs/r/submit_tool_outputs", f"{RUN}/submit_tool_outputs", id="outputs"),
    ],
)
def test_every_endpoint_of_the_closed_api_can_show_that_it_is_closed(method: str, target: str, template: str) -> None:
    """404 with an empty body, below any prefix and by any method."""
    assert judged(method, target) == template
    assert judged(method, target, body=b" \r\n") == template


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"body": UNKNOWN_RUN.encode()}, id="unknown-run"),
        pytest.param({"body": b"404 page not found"}, id="text"),
        pytest.param({"body": b"<html></html>"}, id="page-of-a-gateway"),
        pytest.param({"body": b"{}"}, id="empty-object"),
        pytest.param({"body": b"\x00"}, id="a-byte"),
        pytest.param({"status": 200}, id="another-status"),
        pytest.param({"status": 403}, id="forbidden"),
        pytest.param({"status": 410}, id="gone"),
        pytest.param({"status": 500}, id="broken"),
        pytest.param({"status": 502}, id="gateway"),
        pytest.param({"target": "/v1/conversations/c"}, id="a-living-endpoint"),
        pytest.param({"target": "/v1/chat/completions"}, id="chat"),
        pytest.param({"target": "/v1/vector_stores/v/files"}, id="vector-store"),
        pytest.param({"target": "/v1/threads/t/other"}, id="no-endpoint"),
        pytest.param({"target": "/v1/files/threads.json"}, id="a-word-in-a-name"),
        pytest.param({"target": "/v1"}, id="the-base-itself"),
        pytest.param({"method": "HEAD"}, id="head-of-what-has-a-body"),
        pytest.param({"method": "HEAD", "length": "167"}, id="head-with-its-length"),
    ],
)
def test_any_other_answer_is_an_answer(answer: dict[str, object]) -> None:
    """A 404 that says something is one of a living service, and so is an empty one of another endpoint."""
    assert judged(**answer) is None  # type: ignore[arg-type]  # the table names parameters of `judged`


def test_head_shows_it_by_a_length_of_zero() -> None:
    """For its answer has no body in any case."""
    assert judged("HEAD", length="0") == RUN
