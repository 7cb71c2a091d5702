"""The endpoints of the Assistants API, which OpenAI and Azure OpenAI closed on 2026-08-26.

Source: the API's OpenAPI document 2.3.0. Foundry Agents (classic) speaks the same protocol until 2027-03-31.
"""

from typing import Final

from runproxy.routes.route import Route
from runproxy.routes.table import RouteTable

_THREAD: Final = "/threads/{thread_id}"
_RUN: Final = f"{_THREAD}/runs/{{run_id}}"
_TEMPLATES: Final = (
    "/assistants",
    "/assistants/{assistant_id}",
    "/threads",
    "/threads/runs",
    _THREAD,
    f"{_THREAD}/messages",
    f"{_THREAD}/messages/{{message_id}}",
    f"{_THREAD}/runs",
    _RUN,
    f"{_RUN}/cancel",
    f"{_RUN}/steps",
    f"{_RUN}/steps/{{step_id}}",
    f"{_RUN}/submit_tool_outputs",
)
_TABLE: Final = RouteTable(Route(template, "POST", template, ()) for template in _TEMPLATES)


def closed_template(path: str) -> str | None:
    """Give the template of the closed endpoint that a raw path is of, below any prefix; None for any other path."""
    found = _TABLE.find(path)
    return found.template if isinstance(found, Route) else None
