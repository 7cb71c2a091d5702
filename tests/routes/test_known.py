"""The endpoints of the API whose body carries metadata, as a table."""

import pytest

from runproxy.errors import MalformedJson
from runproxy.guard import Guard, Judge
from runproxy.messages import Request, make_headers
from runproxy.routes import BY_NAME, CREATE_RUN, KNOWN, MODIFY_RUN, Route, RouteTable, climbs

METADATA = ("/metadata",)
STORES = "/tool_resources/file_search/vector_stores/*/metadata"
DELETE = ("DELETE",)

# name, template, pointers, closed, creates, methods let through
GOLDEN: tuple[tuple[str, str, tuple[str, ...], bool, bool, tuple[str, ...]], ...] = (
    ("modify_run", "/threads/{thread_id}/runs/{run_id}", METADATA, True, False, ()),
    (
        "create_run",
        "/threads/{thread_id}/runs",
        ("/metadata", "/additional_messages/*/metadata"),
        False,
        True,
        (),
    ),
    (
        "create_thread_and_run",
        "/threads/runs",
        ("/metadata", "/thread/metadata", "/thread/messages/*/metadata", f"/thread{STORES}"),
        False,
        True,
        (),
    ),
    ("create_thread", "/threads", ("/metadata", "/messages/*/metadata", STORES), False, True, ()),
    ("modify_thread", "/threads/{thread_id}", METADATA, False, False, DELETE),
    ("create_message", "/threads/{thread_id}/messages", METADATA, False, True, ()),
    ("modify_message", "/threads/{thread_id}/messages/{message_id}", METADATA, True, False, DELETE),
    ("create_assistant", "/assistants", ("/metadata", STORES), False, True, ()),
    ("modify_assistant", "/assistants/{assistant_id}", METADATA, False, False, DELETE),
    ("create_conversation", "/conversations", METADATA, False, True, ()),
    ("modify_conversation", "/conversations/{conversation_id}", METADATA, False, False, DELETE),
    ("create_response", "/responses", METADATA, False, True, ()),
    ("create_chat_completion", "/chat/completions", METADATA, False, True, ()),
    ("modify_chat_completion", "/chat/completions/{completion_id}", METADATA, False, False, DELETE),
    ("create_vector_store", "/vector_stores", METADATA, False, True, ()),
    ("modify_vector_store", "/vector_stores/{vector_store_id}", METADATA, False, False, DELETE),
    ("create_batch", "/batches", METADATA, False, True, ()),
    ("create_fine_tuning_job", "/fine_tuning/jobs", METADATA, False, True, ()),
)

TABLE = RouteTable(KNOWN)


def test_the_endpoints_are_those_of_the_api() -> None:
    """Eighteen, modify-run first, each with its address, its places and its properties."""
    assert (
        tuple(
            (route.name, route.template, route.pointers, route.is_closed, route.creates, route.unguarded_methods)
            for route in KNOWN
        )
        == GOLDEN
    )
    assert len(KNOWN) == 18


@pytest.mark.parametrize("route", KNOWN, ids=lambda route: route.name)
def test_only_a_thread_may_be_created_by_an_empty_body(route: Route) -> None:
    """As in the example of the API reference; what is forwarded then is an empty object."""
    path = "/".join(word if word is not None else "id_abc123" for word in route.words)
    request = Request("POST", f"/v1/{path}", make_headers([("Content-Type", "application/json")]))
    guard = Guard(TABLE, Judge())
    if route.name == "create_thread":
        assert guard.admit(request).request.body == b"{}"
    else:
        with pytest.raises(MalformedJson):
            guard.admit(request)


def test_all_endpoints_are_called_by_post() -> None:
    """The API modifies by POST, as it creates."""
    assert {route.method for route in KNOWN} == {"POST"}


def test_the_first_two_have_names_of_their_own() -> None:
    """What other rooms speak of by name is what the table holds."""
    assert KNOWN[:2] == (MODIFY_RUN, CREATE_RUN)


def test_every_endpoint_is_known_by_its_name() -> None:
    """The names of the configuration are those of the routes, in the same order."""
    assert list(BY_NAME) == [row[0] for row in GOLDEN]
    assert all(BY_NAME[route.name] is route for route in KNOWN)


@pytest.mark.parametrize("route", KNOWN, ids=lambda route: route.name)
@pytest.mark.parametrize("prefix", ["", "/v1", "/openai", "/api/projects/p"], ids=["none", "v1", "azure", "foundry"])
def test_each_endpoint_is_found_at_its_own_address(route: Route, prefix: str) -> None:
    """With all endpoints in one table, each path finds the one it is of, below any prefix, and does not leave it."""
    path = "/".join(word if word is not None else "id_abc123" for word in route.words)
    assert TABLE.find(f"{prefix}/{path}") is route
    assert TABLE.base_path(f"{prefix}/{path}") == prefix
    assert not climbs(f"{prefix}/{path}")


def test_a_thread_and_its_run_are_created_at_an_address_that_is_no_thread() -> None:
    """`/threads/runs` has a fixed word where a thread has its id."""
    assert TABLE.find("/v1/threads/runs") is BY_NAME["create_thread_and_run"]
    assert TABLE.find("/v1/threads/runs_1") is BY_NAME["modify_thread"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/threads/t/runs/r/cancel",
        "/v1/threads/t/runs/r/submit_tool_outputs",
        "/v1/threads/t/runs/r/steps",
        "/v1/threads/t/runs/r/steps/s",
        "/v1/conversations/c/items",
        "/v1/conversations/c/items/i",
        "/v1/responses/r",
        "/v1/responses/r/cancel",
        "/v1/chat/completions/c/messages",
        "/v1/vector_stores/v/files",
        "/v1/vector_stores/v/file_batches",
        "/v1/vector_stores/v/search",
        "/v1/batches/b",
        "/v1/batches/b/cancel",
        "/v1/fine_tuning/jobs/j",
        "/v1/fine_tuning/jobs/j/pause",
        "/v1/files",
        "/v1/models",
        "/v1/embeddings",
        "/v1/completions",
    ],
)
def test_endpoints_without_metadata_are_not_in_the_table(path: str) -> None:
    """Neither found nor taken for a lookalike."""
    assert TABLE.find(path) is None
