"""Which calls a fault is for."""

import pytest

from runproxy.backends.faults import Target
from runproxy.messages import Request, make_headers
from runproxy.routes import Route

OWN = {"modify_item": Route("modify_item", "PATCH", "/items/{item_id}")}


@pytest.mark.parametrize(
    ("text", "method", "target", "is_included"),
    [
        pytest.param("*", "GET", "/v1/anything?q", True, id="all"),
        pytest.param("modify_run", "POST", "/v1/threads/t/runs/r", True, id="known"),
        pytest.param("modify_run", "POST", "/api/projects/p/threads/t/runs/r?api-version=1", True, id="known-prefix"),
        pytest.param("modify_run", "GET", "/v1/threads/t/runs/r", False, id="known-other-method"),
        pytest.param("modify_run", "POST", "/v1/threads/t/runs", False, id="known-other-path"),
        pytest.param("modify_thread", "POST", "/v1/threads/runs", False, id="known-nearer-one"),
        pytest.param("create_thread_and_run", "POST", "/v1/threads/runs", True, id="known-nearest"),
        pytest.param("modify_item", "PATCH", "/v1/items/i", True, id="own"),
        pytest.param("modify_item", "POST", "/v1/items/i", False, id="own-other-method"),
        pytest.param("GET /threads/{thread_id}/runs", "GET", "/v1/threads/t/runs?limit=1", True, id="template"),
        pytest.param("GET /threads/{thread_id}/runs", "GET", "/v1/threads/t/runs/r", False, id="template-longer"),
        pytest.param("GET /threads/{thread_id}/runs", "POST", "/v1/threads/t/runs", False, id="template-method"),
        pytest.param("* /threads/{thread_id}/runs", "POST", "/v1/threads/t/runs", True, id="template-any-method"),
        pytest.param("DELETE *", "DELETE", "/v1/x", True, id="method"),
        pytest.param("DELETE *", "GET", "/v1/x", False, id="method-other"),
        pytest.param("* *", "GET", "/v1/x", True, id="both"),
    ],
)
def test_a_route_means_calls(text: str, method: str, target: str, is_included: bool) -> None:
    """`*`, a name of a route, or a method and the end of a path, below any prefix and with any query."""
    assert Target.parse(text, OWN).includes(Request(method, target, make_headers())) is is_included


@pytest.mark.parametrize("text", ["", "modify_runs", "POST", "post /threads", "POST threads", "POST /threads /x"])
def test_what_is_no_route_is_told_with_what_there_is(text: str) -> None:
    """The names of the API and those of one's own are listed."""
    with pytest.raises(ValueError, match=r"there is no route .* modify_run, .*, modify_item"):
        Target.parse(text, OWN)


def test_what_is_no_path_is_told() -> None:
    """A template has fixed words and placeholders, and nothing else."""
    with pytest.raises(ValueError, match="is no path such as"):
        Target.parse("POST /threads/%20", {})
