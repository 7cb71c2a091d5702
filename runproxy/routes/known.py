"""The endpoints of the API whose body carries the metadata of the 16/64/512 contract, modify-run first.

Source: the API's OpenAPI document 2.3.0 for the Assistants API (closed at OpenAI on 2026-08-26), and the API reference
for those that live on.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from runproxy.routes.route import Route

_VECTOR_STORES: Final = "/tool_resources/file_search/vector_stores/*/metadata"
_DELETE: Final = ("DELETE",)

MODIFY_RUN: Final = Route("modify_run", "POST", "/threads/{thread_id}/runs/{run_id}", is_closed=True)
CREATE_RUN: Final = Route(
    "create_run",
    "POST",
    "/threads/{thread_id}/runs",
    ("/metadata", "/additional_messages/*/metadata"),
    creates=True,
)

_ASSISTANTS_API: Final = (
    CREATE_RUN,
    Route(
        "create_thread_and_run",
        "POST",
        "/threads/runs",
        ("/metadata", "/thread/metadata", "/thread/messages/*/metadata", f"/thread{_VECTOR_STORES}"),
        creates=True,
    ),
    Route(
        "create_thread",
        "POST",
        "/threads",
        ("/metadata", "/messages/*/metadata", _VECTOR_STORES),
        may_be_empty=True,  # as in the API reference's own example
        creates=True,
    ),
    Route("modify_thread", "POST", "/threads/{thread_id}", unguarded_methods=_DELETE),
    Route("create_message", "POST", "/threads/{thread_id}/messages", creates=True),
    Route(
        "modify_message",
        "POST",
        "/threads/{thread_id}/messages/{message_id}",
        is_closed=True,
        unguarded_methods=_DELETE,
    ),
    Route("create_assistant", "POST", "/assistants", ("/metadata", _VECTOR_STORES), creates=True),
    Route("modify_assistant", "POST", "/assistants/{assistant_id}", unguarded_methods=_DELETE),
)

_LIVING: Final = (
    Route("create_conversation", "POST", "/conversations", creates=True),
    Route("modify_conversation", "POST", "/conversations/{conversation_id}", unguarded_methods=_DELETE),
    Route("create_response", "POST", "/responses", creates=True),
    Route("create_chat_completion", "POST", "/chat/completions", creates=True),
    Route("modify_chat_completion", "POST", "/chat/completions/{completion_id}", unguarded_methods=_DELETE),
    Route("create_vector_store", "POST", "/vector_stores", creates=True),
    Route("modify_vector_store", "POST", "/vector_stores/{vector_store_id}", unguarded_methods=_DELETE),
    Route("create_batch", "POST", "/batches", creates=True),
    Route("create_fine_tuning_job", "POST", "/fine_tuning/jobs", creates=True),
)

KNOWN: Final = (MODIFY_RUN, *_ASSISTANTS_API, *_LIVING)
"""The endpoints that can be guarded by their name; any other can be added as a route of one's own."""

BY_NAME: Final[Mapping[str, Route]] = MappingProxyType({route.name: route for route in KNOWN})
"""The same by the names that the configuration uses."""
