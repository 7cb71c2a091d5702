"""The sandbox as an object: it speaks the service's words, lives the life of a run, and can be repeated."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest

from runproxy.messages import Request, Response, make_headers
from runproxy.sandbox import Sandbox, counted_ids, random_id
from tests.parts import ADDRESS, CREDENTIAL, HEADERS, modify

THREAD = "/v1/threads/thread_abc123"
RUN_KEYS = [
    "id",
    "object",
    "created_at",
    "assistant_id",
    "thread_id",
    "status",
    "started_at",
    "expires_at",
    "cancelled_at",
    "failed_at",
    "completed_at",
    "required_action",
    "last_error",
    "model",
    "instructions",
    "tools",
    "tool_resources",
    "metadata",
    "temperature",
    "top_p",
    "max_completion_tokens",
    "max_prompt_tokens",
    "truncation_strategy",
    "incomplete_details",
    "usage",
    "response_format",
    "tool_choice",
    "parallel_tool_calls",
]
BETA_HINT = (
    "You must provide the 'OpenAI-Beta' header to access the Assistants API. Please try again by setting the header "
    "'OpenAI-Beta: assistants=v2'."
)
NOT_JSON = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble "
    "figuring out how to fix this, please contact us through our help center at help.openai.com.)"
)


def documented(**settings: Any) -> Sandbox:
    """Make a sandbox that holds the run of the API reference."""
    sandbox = Sandbox(**settings)
    sandbox.add_documented_run()
    return sandbox


def request(
    method: str, target: str, value: object = None, *, headers: tuple[tuple[str, str], ...] = HEADERS
) -> Request:
    """Make a request, with a JSON body unless its value is None."""
    body = b"" if value is None else json.dumps(value).encode()
    return Request(method, target, make_headers(headers), body)


async def ask(sandbox: Sandbox, method: str, target: str, value: object = None) -> Any:
    """Make a call that is answered with 200, and give the value of the answer."""
    response = await sandbox.answer(request(method, target, value))
    assert response.status == 200, response.body
    return json.loads(response.body)


async def with_runs(count: int) -> tuple[Sandbox, str]:
    """Make a sandbox with a thread of runs, `run_1` the oldest, and give it with the address of its runs."""
    names = (f"run_{number}" for number in range(1, count + 1))
    sandbox = Sandbox(new_id=lambda prefix: next(names) if prefix == "run" else prefix)
    await ask(sandbox, "POST", "/v1/threads", {})
    for _ in range(count):
        await ask(sandbox, "POST", "/v1/threads/thread/runs", {"assistant_id": "asst_abc123"})
    return sandbox, "/v1/threads/thread/runs"


def refusal(message: str, param: str | None, code: str | None) -> bytes:
    """Print a refusal as the service does."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return json.dumps({"error": error}, indent=2).encode()


def with_value(value: object) -> Request:
    """Make a modify with one pair that has this value."""
    return modify({"modified": value})


@pytest.mark.parametrize(
    ("sent", "message", "param", "code"),
    [
        pytest.param(
            with_value(True),
            "Invalid type for 'metadata.modified': expected a string, but got a boolean instead.",
            "metadata.modified",
            "invalid_type",
            id="boolean",
        ),
        pytest.param(
            with_value(1),
            "Invalid type for 'metadata.modified': expected a string, but got an integer instead.",
            "metadata.modified",
            "invalid_type",
            id="integer",
        ),
        pytest.param(
            with_value(1.5),
            "Invalid type for 'metadata.modified': expected a string, but got a decimal number instead.",
            "metadata.modified",
            "invalid_type",
            id="decimal",
        ),
        pytest.param(
            with_value([]),
            "Invalid type for 'metadata.modified': expected a string, but got an array instead.",
            "metadata.modified",
            "invalid_type",
            id="array",
        ),
        pytest.param(
            with_value({}),
            "Invalid type for 'metadata.modified': expected a string, but got an object instead.",
            "metadata.modified",
            "invalid_type",
            id="object",
        ),
        pytest.param(
            with_value(None),
            "Invalid type for 'metadata.modified': expected a string, but got null instead.",
            "metadata.modified",
            "invalid_type",
            id="null",
        ),
        pytest.param(
            modify({f"k{number}": "v" for number in range(17)}),
            "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object "
            "with 17 properties instead.",
            "metadata",
            "object_above_max_properties",
            id="17-pairs",
        ),
        pytest.param(
            modify({"k": "v" * 600}),
            "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, but got a string with "
            "length 600 instead.",
            "metadata.k",
            "string_above_max_length",
            id="long-value",
        ),
        pytest.param(
            modify({"k" * 70: "v"}),
            "Invalid property name in 'metadata': 'kkk...kkk' is too long. Expected a string with maximum length 64, "
            "but got a string with length 70 instead.",
            f"metadata.{'k' * 70}",
            "property_name_above_max_length",
            id="long-key",
        ),
        pytest.param(
            modify("text"),
            "Invalid type for 'metadata': expected a metadata object, but got a string instead.",
            "metadata",
            "invalid_type",
            id="no-object",
        ),
        pytest.param(modify(None, foo=1), "Unknown parameter: 'foo'.", "foo", "unknown_parameter", id="unknown-field"),
    ],
)
async def test_a_bad_modify_is_refused_in_the_services_words(
    sent: Request, message: str, param: str, code: str
) -> None:
    """Status 400 and the very bytes that the service answers with; the run stays as it was."""
    sandbox = documented()
    before = await ask(sandbox, "GET", ADDRESS)
    response = await sandbox.answer(sent)
    assert (response.status, response.body) == (400, refusal(message, param, code))
    assert await ask(sandbox, "GET", ADDRESS) == before


async def test_the_refusal_of_a_boolean_is_as_long_as_the_recorded_one() -> None:
    """The service's refusal of a boolean was recorded with 220 bytes."""
    assert len((await documented().answer(with_value(True))).body) == 220


async def test_a_body_that_is_no_json_is_refused_in_the_services_print() -> None:
    """This one refusal is printed with four spaces and a final newline."""
    response = await documented().answer(Request("POST", ADDRESS, make_headers(HEADERS), b'{"metadata": '))
    error = {"message": NOT_JSON, "type": "invalid_request_error", "param": None, "code": None}
    assert response.status == 400
    assert response.body == json.dumps({"error": error}, indent=4).encode() + b"\n"


@pytest.mark.parametrize(
    ("method", "target", "value", "status", "message"),
    [
        pytest.param("GET", "/v1/threads/thread_x", None, 404, "No thread found with id 'thread_x'.", id="thread"),
        pytest.param("GET", "/v1/threads/thread_x/runs", None, 404, "No thread found with id 'thread_x'.", id="list"),
        pytest.param(
            "POST",
            "/v1/threads/thread_x/runs",
            {"assistant_id": "asst_x"},
            404,
            "No thread found with id 'thread_x'.",
            id="create-run",
        ),
        pytest.param("GET", f"{THREAD}/runs/run_x", None, 404, "No run found with id 'run_x'.", id="run"),
        pytest.param("POST", f"{THREAD}/runs/run_x", {}, 404, "No run found with id 'run_x'.", id="modify"),
        pytest.param("POST", f"{THREAD}/runs/run_x/cancel", {}, 404, "No run found with id 'run_x'.", id="cancel"),
        pytest.param("GET", "/v1/models", None, 404, "Invalid URL (GET /v1/models)", id="address"),
        pytest.param("DELETE", ADDRESS, None, 404, f"Invalid URL (DELETE {ADDRESS})", id="method"),
    ],
)
async def test_what_is_not_there(method: str, target: str, value: object, status: int, message: str) -> None:
    """An unknown thread, run or address is told as such, without param and code."""
    response = await documented().answer(request(method, target, value))
    assert (response.status, response.body) == (status, refusal(message, None, None))


async def test_a_run_needs_an_assistant() -> None:
    """The missing parameter is named."""
    response = await documented().answer(request("POST", f"{THREAD}/runs", {}))
    message = "Missing required parameter: 'assistant_id'."
    assert (response.status, response.body) == (400, refusal(message, "assistant_id", "missing_required_parameter"))


@pytest.mark.parametrize(
    ("target", "value"),
    [
        pytest.param("/v1/threads", {"metadata": {"modified": 1}}, id="thread"),
        pytest.param(f"{THREAD}/runs", {"assistant_id": "asst_x", "metadata": {"modified": 1}}, id="run"),
    ],
)
async def test_metadata_has_the_same_limits_wherever_it_is_set(target: str, value: object) -> None:
    """Creating a thread or a run refuses bad metadata as a modify does, and nothing is created."""
    sandbox = documented()
    response = await sandbox.answer(request("POST", target, value))
    message = "Invalid type for 'metadata.modified': expected a string, but got an integer instead."
    assert (response.status, response.body) == (400, refusal(message, "metadata.modified", "invalid_type"))
    assert len((await ask(sandbox, "GET", f"{THREAD}/runs"))["data"]) == 1


@pytest.mark.parametrize(
    ("first", "second", "metadata"),
    [
        pytest.param(
            {"metadata": {"a": "1", "b": "2"}}, {"metadata": {"c": "3"}}, {"c": "3"}, id="replaced-as-a-whole"
        ),
        pytest.param({"metadata": {"a": "1"}}, {"metadata": {}}, {}, id="emptied"),
        pytest.param({"metadata": {"a": "1"}}, {"metadata": None}, {"a": "1"}, id="null-leaves-it"),
        pytest.param({"metadata": {"a": "1"}}, {}, {"a": "1"}, id="absent-leaves-it"),
    ],
)
async def test_what_a_modify_does_to_metadata(first: object, second: object, metadata: object) -> None:
    """The answer of the modify and a later look tell the same metadata."""
    sandbox = documented()
    await ask(sandbox, "POST", ADDRESS, first)
    assert (await ask(sandbox, "POST", ADDRESS, second))["metadata"] == metadata
    assert (await ask(sandbox, "GET", ADDRESS))["metadata"] == metadata


async def test_a_modify_changes_nothing_but_metadata() -> None:
    """All other members of the run are as they were."""
    sandbox = documented()
    before = await ask(sandbox, "GET", ADDRESS)
    after = await ask(sandbox, "POST", ADDRESS, {"metadata": {"a": "b"}})
    assert after == {**before, "metadata": {"a": "b"}}


@pytest.mark.parametrize(
    ("method", "target", "value"),
    [
        pytest.param("POST", f"{THREAD}/runs", {"assistant_id": "asst_x"}, id="created"),
        pytest.param("GET", ADDRESS, None, id="looked-at"),
        pytest.param("POST", ADDRESS, {"metadata": {"a": "b"}}, id="modified"),
        pytest.param("POST", f"{ADDRESS}/cancel", {}, id="cancelled"),
    ],
)
async def test_a_run_has_the_services_members_in_its_order(method: str, target: str, value: object) -> None:
    """However a run is asked for, its members stand in the order in which the service prints them."""
    assert list(await ask(documented(), method, target, value)) == RUN_KEYS


@pytest.mark.parametrize("polls", [0, 1, 3])
async def test_a_run_is_active_for_as_many_looks_as_asked_for(polls: int) -> None:
    """It is queued when created, in progress for that many looks, and then completed for good."""
    sandbox = documented(active_polls=polls)
    run = await ask(sandbox, "POST", f"{THREAD}/runs", {"assistant_id": "asst_x"})
    seen = [(await ask(sandbox, "GET", f"{THREAD}/runs/{run['id']}"))["status"] for _ in range(polls + 2)]
    assert (run["status"], run["usage"], run["completed_at"]) == ("queued", None, None)
    assert seen == ["in_progress"] * polls + ["completed"] * 2
    ended = await ask(sandbox, "GET", f"{THREAD}/runs/{run['id']}")
    assert ended["usage"]["total_tokens"] == ended["usage"]["prompt_tokens"] + ended["usage"]["completion_tokens"]
    assert isinstance(ended["completed_at"], int)


async def test_a_modify_of_an_active_run_is_refused() -> None:
    """The refusal is the service's, the metadata stays, and once the run has ended the modify goes through."""
    sandbox = documented(active_polls=2)
    refused = await sandbox.answer(modify({"a": "b"}))
    message = "Cannot update run with status 'in_progress'."
    assert (refused.status, refused.body) == (400, refusal(message, None, None))
    assert (await ask(sandbox, "GET", ADDRESS))["metadata"] == {}
    assert (await ask(sandbox, "POST", ADDRESS, {"metadata": {"a": "b"}}))["metadata"] == {"a": "b"}


async def test_an_active_run_can_be_cancelled_once() -> None:
    """It is cancelled from then on, whatever looks follow; a second time is refused."""
    sandbox = documented(active_polls=5, now=lambda: 1_699_075_072)
    cancelled = await ask(sandbox, "POST", f"{ADDRESS}/cancel", {})
    assert (cancelled["status"], cancelled["cancelled_at"]) == ("cancelled", 1_699_075_072)
    assert (await ask(sandbox, "GET", ADDRESS))["status"] == "cancelled"
    again = await sandbox.answer(request("POST", f"{ADDRESS}/cancel", {}))
    assert (again.status, again.body) == (400, refusal("Cannot cancel run with status 'cancelled'.", None, None))


async def test_a_completed_run_cannot_be_cancelled() -> None:
    """The refusal names the status."""
    sandbox = documented()
    await ask(sandbox, "GET", ADDRESS)
    response = await sandbox.answer(request("POST", f"{ADDRESS}/cancel", {}))
    assert (response.status, response.body) == (400, refusal("Cannot cancel run with status 'completed'.", None, None))


async def test_a_cancelled_run_can_be_modified() -> None:
    """A run that has ended takes metadata, in whatever way it ended."""
    sandbox = documented(active_polls=5)
    await ask(sandbox, "POST", f"{ADDRESS}/cancel", {})
    assert (await ask(sandbox, "POST", ADDRESS, {"metadata": {"a": "b"}}))["metadata"] == {"a": "b"}


async def test_a_thread_and_its_runs() -> None:
    """A thread that was created, from a body or from none, can be looked at, and lists its runs, the newest first."""
    sandbox = Sandbox(new_id=counted_ids())
    thread = await ask(sandbox, "POST", "/v1/threads", {"metadata": {"a": "b"}})
    address = f"/v1/threads/{thread['id']}"
    assert (thread["object"], thread["metadata"]) == ("thread", {"a": "b"})
    assert await ask(sandbox, "GET", address) == thread
    assert (await ask(sandbox, "POST", "/v1/threads"))["metadata"] == {}
    empty: dict[str, Any] = {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    assert await ask(sandbox, "GET", f"{address}/runs") == empty
    old = await ask(sandbox, "POST", f"{address}/runs", {"assistant_id": "asst_1", "metadata": {"n": "1"}})
    new = await ask(sandbox, "POST", f"{address}/runs", {"assistant_id": "asst_2"})
    listed = await ask(sandbox, "GET", f"{address}/runs")
    assert [(run["id"], run["assistant_id"], run["metadata"]) for run in listed["data"]] == [
        (new["id"], "asst_2", {}),
        (old["id"], "asst_1", {"n": "1"}),
    ]
    assert (listed["first_id"], listed["last_id"], listed["has_more"]) == (new["id"], old["id"], False)


@pytest.mark.parametrize(
    ("query", "runs", "has_more"),
    [
        pytest.param("", "54321", False, id="newest-first"),
        pytest.param("order=asc", "12345", False, id="oldest-first"),
        pytest.param("limit=2", "54", True, id="first-page"),
        pytest.param("limit=2&after=run_4", "32", True, id="next-page"),
        pytest.param("limit=2&after=run_2", "1", False, id="last-page"),
        pytest.param("limit=2&after=run_1", "", False, id="after-the-last"),
        pytest.param("limit=2&before=run_1", "32", True, id="page-before"),
        pytest.param("limit=2&before=run_3", "54", False, id="first-page-before"),
        pytest.param("limit=2&before=run_5", "", False, id="before-the-first"),
        pytest.param("limit=2&after=run_5&before=run_1", "43", True, id="between"),
        pytest.param("order=asc&limit=3&after=run_1", "234", True, id="next-page-oldest-first"),
        pytest.param("limit=100&other=1", "54321", False, id="all"),
    ],
)
async def test_a_list_is_given_in_pages(query: str, runs: str, has_more: bool) -> None:
    """Limit, order and neighbours choose a page, whose ends and whether there is more are told."""
    sandbox, address = await with_runs(5)
    listed = await ask(sandbox, "GET", f"{address}?{query}")
    found = [run["id"] for run in listed["data"]]
    assert found == [f"run_{number}" for number in runs]
    assert (listed["first_id"], listed["last_id"]) == ((found[0], found[-1]) if found else (None, None))
    assert listed["has_more"] is has_more


@pytest.mark.parametrize(
    ("query", "status", "param", "code", "message"),
    [
        pytest.param(
            "limit=0",
            400,
            "limit",
            "integer_below_min_value",
            "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead.",
            id="limit-too-small",
        ),
        pytest.param(
            "limit=101",
            400,
            "limit",
            "integer_above_max_value",
            "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.",
            id="limit-too-large",
        ),
        pytest.param(
            "limit=few",
            400,
            "limit",
            "invalid_type",
            "Invalid type for 'limit': expected an integer, but got a string instead.",
            id="limit-no-number",
        ),
        pytest.param(
            "order=up",
            400,
            "order",
            "invalid_value",
            "Invalid value: 'up'. Supported values are: 'asc' and 'desc'.",
            id="order",
        ),
        pytest.param("after=run_9", 404, None, None, "No run found with id 'run_9'.", id="unknown-neighbour"),
    ],
)
async def test_a_wrong_page_is_refused(
    query: str, status: int, param: str | None, code: str | None, message: str
) -> None:
    """What cannot be a page is refused with what is wrong."""
    sandbox, runs = await with_runs(1)
    response = await sandbox.answer(request("GET", f"{runs}?{query}"))
    assert (response.status, response.body) == (status, refusal(message, param, code))


@pytest.mark.parametrize("prefix", ["", "/v1", "/openai", "/api/projects/mine"])
async def test_the_api_is_there_below_any_prefix(prefix: str) -> None:
    """Clients may put any path before /threads, as other hosts of the API do."""
    path = f"{prefix}/threads/thread_abc123/runs/run_abc123?api-version=2025-05-01"
    assert (await ask(documented(), "GET", path))["id"] == "run_abc123"


HEADERS_WITHOUT_KEY = (("OpenAI-Beta", "assistants=v2"),)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param((), id="none"),
        pytest.param((("Authorization", "Basic dXNlcjpwYXNz"),), id="another-scheme"),
        pytest.param((("Authorization", "Bearer "),), id="empty"),
    ],
)
async def test_a_call_without_a_key_is_told_how_to_send_one(more: tuple[tuple[str, str], ...]) -> None:
    """Status 401 with the service's challenge, even where any key would do."""
    response = await documented().answer(request("GET", ADDRESS, headers=(*HEADERS_WITHOUT_KEY, *more)))
    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="OpenAI API"'
    assert json.loads(response.body)["error"]["message"].startswith("You didn't provide an API key.")


@pytest.mark.parametrize(
    ("authorization", "shown"),
    [
        pytest.param(f"Bearer {CREDENTIAL}", CREDENTIAL, id="wrong-key"),
        pytest.param("Bearer short-key", "short-key", id="short-wrong-key"),
    ],
)
async def test_a_wrong_key_is_refused_and_not_repeated(authorization: str, shown: str) -> None:
    """Status 401 in the service's words, with its challenge, and with the key masked."""
    headers = (*HEADERS_WITHOUT_KEY, ("Authorization", authorization))
    response = await documented(api_key="the-right-key").answer(request("GET", ADDRESS, headers=headers))
    error = json.loads(response.body)["error"]
    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="OpenAI API"'
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", None, "invalid_api_key")
    told = re.fullmatch(
        r"Incorrect API key provided: (.*)\. You can find your API key at https://platform\.openai\.com/account/api-keys\.",
        error["message"],
    )
    assert told
    assert len(told[1]) == len(shown)
    assert not shown or shown not in told[1]
    assert b"the-right-key" not in response.body


@pytest.mark.parametrize(
    ("settings", "key"),
    [pytest.param({}, "anything", id="any"), pytest.param({"api_key": "right-key"}, "right-key", id="the-one")],
)
async def test_a_right_key_is_taken(settings: dict[str, str], key: str) -> None:
    """Without a key of its own the sandbox takes any, else that one only."""
    headers = (*HEADERS_WITHOUT_KEY, ("Authorization", f"Bearer {key}"))
    assert (await documented(**settings).answer(request("GET", ADDRESS, headers=headers))).status == 200


@pytest.mark.parametrize("value", [pytest.param(None, id="absent"), pytest.param("batches=v1", id="another")])
async def test_the_beta_header_is_demanded(value: str | None) -> None:
    """Without it the service's hint is the answer."""
    headers = [pair for pair in HEADERS if pair[0] != "OpenAI-Beta"] + ([("OpenAI-Beta", value)] if value else [])
    response = await documented().answer(modify({"a": "b"}, headers=headers))
    assert (response.status, response.body) == (400, refusal(BETA_HINT, None, "invalid_beta"))


async def test_answers_are_printed_as_the_service_prints_them() -> None:
    """Two spaces, no final newline, and the headers that clients look at."""
    response = await documented().answer(request("GET", ADDRESS))
    assert response.body == json.dumps(json.loads(response.body), indent=2).encode()
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Openai-Version"] == "2020-10-01"
    assert re.fullmatch(r"req_[0-9a-f]{32}", response.headers["X-Request-Id"])


async def _session(sandbox: Sandbox) -> list[tuple[int, list[tuple[str, str]], bytes]]:
    """Make calls of every kind, and give all that was answered."""
    sandbox.add_documented_run()
    answers: list[Response] = [
        await sandbox.answer(request("POST", "/v1/threads", {})),
        await sandbox.answer(request("POST", f"{THREAD}/runs", {"assistant_id": "asst_x"})),
        await sandbox.answer(modify({"a": "b"})),
        await sandbox.answer(modify({"a": 1})),
        await sandbox.answer(request("GET", f"{THREAD}/runs")),
        await sandbox.answer(request("GET", "/v1/nothing")),
    ]
    return [(answer.status, list(answer.headers.items()), answer.body) for answer in answers]


async def test_a_repeatable_session_gives_the_same_bytes() -> None:
    """With ids that count up and a clock that stands, two sessions are equal to the byte."""
    first = await _session(Sandbox(new_id=counted_ids(), now=lambda: 1_699_075_072))
    second = await _session(Sandbox(new_id=counted_ids(), now=lambda: 1_699_075_072))
    assert first == second
    assert [status for status, _, _ in first] == [200, 200, 200, 400, 200, 404]


async def test_an_ordinary_session_has_ids_of_its_own() -> None:
    """Without those, two sessions have different ids."""
    first, second = await _session(Sandbox()), await _session(Sandbox())
    assert all(one != other for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("prefix", "pattern"),
    [
        pytest.param("req", r"req_[0-9a-f]{32}", id="request"),
        pytest.param("run", r"run_[0-9A-Za-z]{24}", id="run"),
        pytest.param("thread", r"thread_[0-9A-Za-z]{24}", id="thread"),
    ],
)
def test_ids_look_like_the_services(prefix: str, pattern: str) -> None:
    """Both kinds of ids have the service's shape where that matters, and none comes twice."""
    made = [random_id(prefix) for _ in range(50)]
    assert all(re.fullmatch(pattern, made_id) for made_id in made)
    assert len(set(made)) == 50


def test_counted_ids_count_for_each_prefix() -> None:
    """They start at 1, and sort in the order they were made in."""
    new_id = counted_ids()
    runs = [new_id("run") for _ in range(12)]
    assert all(earlier < later for earlier, later in pairwise(runs))
    assert new_id("thread") == f"thread_{1:024d}"
    assert runs[0] == f"run_{1:024d}"


async def test_it_lists_the_calls_that_arrived() -> None:
    """Every call is in the list, refused or not, in order."""
    sandbox = documented()
    await sandbox.answer(modify({"a": 1}))
    await sandbox.answer(request("GET", "/v1/nothing?a=b", headers=()))
    assert sandbox.calls == [("POST", ADDRESS), ("GET", "/v1/nothing?a=b")]
