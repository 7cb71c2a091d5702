"""Every guarded route over the wire: what passes is recorded and replayed, and what does not reaches nobody."""

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runproxy.messages import Request, Response, make_headers
from runproxy.routes import KNOWN, Route
from tests.parts import HEADERS, ScriptedUpstream, answer, ask, proxy, serving, stored

ALL = {"guard": {"routes": "all"}}
GOOD = {"k": "v"}
SEVENTEEN = {f"k{number}": "v" for number in range(17)}
VECTOR_STORES = "tool_resources.file_search.vector_stores[0].metadata"
ELSEWHERE = {
    "create_run": ["additional_messages[0].metadata"],
    "create_thread_and_run": ["thread.metadata", "thread.messages[0].metadata", f"thread.{VECTOR_STORES}"],
    "create_thread": ["messages[0].metadata", VECTOR_STORES],
    "create_assistant": [VECTOR_STORES],
}
"""Where bodies have metadata beside the member of that name, as the service writes it."""

PLACES = [(route, param) for route in KNOWN for param in ("metadata", *ELSEWHERE.get(route.name, ()))]
EACH_ROUTE = pytest.mark.parametrize("route", [pytest.param(route, id=route.name) for route in KNOWN])
EACH_PLACE = pytest.mark.parametrize(
    ("route", "param"), [pytest.param(route, param, id=f"{route.name} {param}") for route, param in PLACES]
)


def address(route: Route) -> str:
    """Write an address of a route."""
    return "/v1" + re.sub(r"\{\w+\}", "id_1", route.template)


def holding(body: dict[str, Any], param: str, metadata: object) -> dict[str, Any]:
    """Put metadata into a body, at a place written as the service does."""
    name, dot, rest = param.partition(".")
    if not dot:
        return {**body, name: metadata}
    member = name.removesuffix("[0]")
    held = body.get(member)
    if member == name:
        return {**body, member: holding(held or {}, rest, metadata)}
    return {**body, member: [holding(held[0] if held else {}, rest, metadata)]}


def whole(route: Route) -> dict[str, Any]:
    """Make a body with good metadata wherever the route has any, and with other members where it may have some."""
    body: dict[str, Any] = {} if route.is_closed else {"model": "m", "input": ["metadata", {"Metadata": 1}], "n": 1.5}
    for other, param in PLACES:
        if other is route:
            body = holding(body, param, GOOD)
    return body


def post(target: str, value: object, *headers: tuple[str, str], method: str = "POST") -> Request:
    """Make a call with a JSON body."""
    return Request(method, target, make_headers([*HEADERS, *headers]), json.dumps(value).encode())


def bare(method: str, target: str) -> Request:
    """Make a call without a body."""
    return Request(method, target, make_headers(HEADERS[1:]))


def error_of(response: Response) -> dict[str, Any]:
    """Read the error an answer tells of."""
    error: dict[str, Any] = json.loads(response.body)["error"]
    return error


def told(responses: Sequence[Response]) -> list[tuple[int, str | None]]:
    """Give status and code of answers; no code for those that tell of no error."""
    return [(one.status, json.loads(one.body).get("error", {}).get("code")) for one in responses]


@asynccontextmanager
async def passing(folder: Path, rules: Mapping[str, Any]) -> AsyncIterator[tuple[str, ScriptedUpstream]]:
    """Run a proxy under rules in front of an upstream that accepts everything; give its origin and the upstream."""
    upstream = ScriptedUpstream(make=lambda request: answer({"id": "id_1", "method": request.method}))
    async with serving(upstream) as base_url, proxy(folder, "passthrough", base_url, rules=rules) as running:
        yield running.url, upstream


async def sent_under(folder: Path, rules: Mapping[str, Any], *calls: Request) -> tuple[list[Response], list[Request]]:
    """Send calls through a proxy under rules; give the answers, and what the upstream saw."""
    async with passing(folder, rules) as (url, upstream):
        return await ask(url, *calls), upstream.seen


def test_the_places_here_are_those_of_the_table() -> None:
    """No place that the table knows is left out below."""
    known = [
        (route, pointer[1:].replace("/*", "[0]").replace("/", ".")) for route in KNOWN for pointer in route.pointers
    ]
    assert known == PLACES


@EACH_ROUTE
async def test_a_good_call_is_recorded_and_replayed(tmp_path: Path, route: Route) -> None:
    """A body within limits reaches the upstream as it is, and replay gives the recorded answer."""
    call = post(address(route), whole(route))
    upstream = ScriptedUpstream(answer({"id": "id_1", "metadata": GOOD}))
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url, rules=ALL) as recording:
        (recorded,) = await ask(recording.url, call)
    async with proxy(tmp_path, "replay", rules=ALL) as replaying:
        (replayed,) = await ask(replaying.url, call)
    assert (recorded.status, recorded.headers["x-runproxy-outcome"]) == (200, "recorded")
    assert [(seen.method, seen.target, json.loads(seen.body)) for seen in upstream.seen] == [
        ("POST", call.target, whole(route))
    ]
    assert replayed.headers["x-runproxy-outcome"] == "replayed"
    assert stored(replayed) == stored(recorded)


@EACH_PLACE
async def test_17_pairs_are_refused_wherever_they_stand(tmp_path: Path, route: Route, param: str) -> None:
    """The refusal names the place as the service does, and the upstream sees nothing."""
    (got,), seen = await sent_under(tmp_path, ALL, post(address(route), holding(whole(route), param, SEVENTEEN)))
    error = error_of(got)
    assert (got.status, error["code"], error["param"]) == (400, "object_above_max_properties", param)
    assert error["message"].startswith(f"Invalid '{param}': too many properties.")
    assert seen == []


@EACH_PLACE
async def test_16_pairs_pass_wherever_they_stand(tmp_path: Path, route: Route, param: str) -> None:
    """The limit itself is within the limits, and null is at home wherever metadata is."""
    bodies = [holding(whole(route), param, held) for held in (dict(list(SEVENTEEN.items())[1:]), None, {})]
    got, seen = await sent_under(tmp_path, ALL, *(post(address(route), body) for body in bodies))
    assert [one.status for one in got] == [200] * 3
    assert [json.loads(request.body) for request in seen] == bodies


@EACH_PLACE
async def test_replay_refuses_as_record_does(tmp_path: Path, route: Route, param: str) -> None:
    """Without an upstream, the same call is refused, and not missed."""
    async with proxy(tmp_path, "replay", rules=ALL) as replaying:
        got = await ask(replaying.url, post(address(route), holding(whole(route), param, SEVENTEEN)))
    assert told(got) == [(400, "object_above_max_properties")]


async def test_the_second_of_two_messages_is_named_as_such(tmp_path: Path) -> None:
    """Items of an array are counted from 0, and the first broken rule is told."""
    messages = [{"role": "user", "metadata": GOOD}, {"role": "user", "metadata": {"k": 1, "l": 2}}]
    (got,), seen = await sent_under(tmp_path, ALL, post("/v1/threads/runs", {"thread": {"messages": messages}}))
    assert error_of(got)["param"] == "thread.messages[1].metadata.k"
    assert seen == []


@EACH_ROUTE
async def test_reads_pass(tmp_path: Path, route: Route) -> None:
    """GET and HEAD of a guarded address are none of the guard's business."""
    target = address(route) + "?limit=2"
    _, seen = await sent_under(tmp_path, ALL, bare("GET", target), bare("HEAD", target))
    assert [(request.method, request.target) for request in seen] == [("GET", target), ("HEAD", target)]


@EACH_ROUTE
async def test_delete_passes_where_the_api_has_it(tmp_path: Path, route: Route) -> None:
    """What can be deleted can be deleted, without a body; elsewhere DELETE is no method."""
    calls = bare("DELETE", address(route)), post(address(route), {}, method="DELETE")
    got, seen = await sent_under(tmp_path, ALL, *calls)
    is_there = route.template.endswith("}") and route.name != "modify_run"
    assert told(got) == ([(200, None), (400, "unexpected_body")] if is_there else [(405, "method_not_allowed")] * 2)
    assert [(request.method, request.body) for request in seen] == [("DELETE", b"")] * is_there


@EACH_ROUTE
async def test_other_methods_are_none(tmp_path: Path, route: Route) -> None:
    """PUT, PATCH and OPTIONS are answered with 405 and the methods there are."""
    calls = [post(address(route), whole(route), method=method) for method in ("PUT", "PATCH", "OPTIONS")]
    got, seen = await sent_under(tmp_path, ALL, *calls)
    assert told(got) == [(405, "method_not_allowed")] * 3
    allowed = ["GET", "HEAD", "POST", *route.unguarded_methods]
    assert {one.headers["Allow"] for one in got} == {", ".join(allowed)}
    assert seen == []


async def test_runs_is_no_thread(tmp_path: Path) -> None:
    """`/threads/runs` creates a thread and a run: its thread is looked at, and it cannot be deleted."""
    beyond = post("/v1/threads/runs", {"thread": {"metadata": SEVENTEEN}})
    got, seen = await sent_under(tmp_path, ALL, beyond, bare("DELETE", "/v1/threads/runs"))
    assert told(got) == [(400, "object_above_max_properties"), (405, "method_not_allowed")]
    assert error_of(got[0])["param"] == "thread.metadata"
    assert seen == []


async def test_a_thread_has_no_thread(tmp_path: Path) -> None:
    """What is metadata on one route is any member on another, which the service knows more about."""
    call = post("/v1/threads/thread_1", {"thread": {"metadata": SEVENTEEN}})
    got, seen = await sent_under(tmp_path, ALL, call)
    assert told(got) == [(200, None)]
    assert json.loads(seen[0].body) == {"thread": {"metadata": SEVENTEEN}}


@pytest.mark.parametrize(
    ("target", "query"),
    [
        pytest.param("/v1/threads", "metadata[k]=v", id="metadata"),
        pytest.param("/v1/threads/runs", "thread[metadata][k]=v", id="thread"),
        pytest.param("/v1/threads/t/runs", "additional_messages[0][metadata][k]=v", id="additional_messages"),
        pytest.param("/v1/assistants", "tool_resources.file_search.x=v", id="tool_resources"),
    ],
)
async def test_metadata_in_the_query_is_refused(tmp_path: Path, target: str, query: str) -> None:
    """A query that some servers merge into the body must not name what leads to metadata on that route."""
    got, seen = await sent_under(tmp_path, ALL, post(f"{target}?{query}", {"assistant_id": "a"}))
    assert told(got) == [(400, "ambiguous_query")]
    assert seen == []


async def test_an_honest_query_passes(tmp_path: Path) -> None:
    """Queries of the API itself go on as they are."""
    target = "/v1/threads/t/runs?include[]=step_details.tool_calls[*].file_search.results[*].content"
    got, seen = await sent_under(tmp_path, ALL, post(target, {"assistant_id": "a"}))
    assert told(got) == [(200, None)]
    assert seen[0].target == target


ITEMS = {
    "routes": [{"name": "modify_item", "path": "/items/{item_id}", "metadata": ["/items/*/labels", "/labels"]}],
}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({"items": [{"labels": GOOD}, {"labels": SEVENTEEN}]}, "items[1].labels", id="in an array"),
        pytest.param({"labels": SEVENTEEN}, "labels", id="at the top"),
        pytest.param({"items": {"0": {"labels": GOOD}}}, "items", id="no array"),
        pytest.param({"items": [{"Labels": GOOD}]}, "items[0].Labels", id="other spelling"),
    ],
)
async def test_a_route_of_ones_own_is_guarded(tmp_path: Path, body: object, param: str) -> None:
    """Metadata has the limits wherever a route of the settings says that it stands, by whatever name."""
    (got,), seen = await sent_under(tmp_path, ITEMS, post("/v1/items/item_1", body))
    assert (got.status, error_of(got)["param"]) == (400, param)
    assert seen == []


async def test_a_route_of_ones_own_passes_what_is_good(tmp_path: Path) -> None:
    """Good labels pass, beside members that the guard knows nothing of, and those of the API are guarded as well."""
    body = {"items": [{"labels": GOOD, "metadata": SEVENTEEN}], "metadata": SEVENTEEN}
    calls = post("/v1/items/item_1", body), post("/v1/threads/t/runs/r", {"metadata": SEVENTEEN})
    got, seen = await sent_under(tmp_path, ITEMS, *calls)
    assert told(got) == [(200, None), (400, "object_above_max_properties")]
    assert [json.loads(request.body) for request in seen] == [body]


DENY = {
    "guard": {"routes": ["modify_run", "modify_thread"], "other_routes": "deny"},
    "routes": [{"name": "upload", "path": "/files", "metadata": []}],
}


@pytest.mark.parametrize(
    ("method", "target"),
    [
        pytest.param("POST", "/v1/threads/t/runs", id="another route"),
        pytest.param("POST", "/v1/threads/t/runs/r/cancel", id="cancel"),
        pytest.param("GET", "/v1/models", id="a read elsewhere"),
        pytest.param("HEAD", "/v1/models", id="a head elsewhere"),
        pytest.param("DELETE", "/v1/files/file_1", id="a deletion elsewhere"),
        pytest.param("GET", "/v1", id="the base path"),
        pytest.param("POST", "/v1/%74hreads/t/runs/r", id="encoded"),
        pytest.param("GET", "/v1/%74hreads/t/runs/r", id="encoded read"),
        pytest.param("POST", "/v1/threads/t/runs/r/", id="trailing slash"),
        pytest.param("GET", "/v1/threads/t/runs/r/", id="trailing slash of a read"),
        pytest.param("POST", "/v1/Threads/t/runs/r", id="capital"),
        pytest.param("POST", f"/v1/threads/t/runs/{'r' * 129}", id="long id"),
        pytest.param("POST", "/v1//threads/t/runs/r", id="two slashes"),
        pytest.param("GET", "/v1/files/", id="trailing slash of a route of one's own"),
    ],
)
async def test_what_is_not_in_the_table_is_denied(tmp_path: Path, method: str, target: str) -> None:
    """Where other routes are denied, they are 404, disguises and reads included, and reach nobody."""
    (got,), seen = await sent_under(tmp_path, DENY, bare(method, target))
    assert got.status == 404
    assert method == "HEAD" or error_of(got)["code"] == "route_denied"
    assert seen == []


async def test_what_climbs_is_denied(tmp_path: Path) -> None:
    """A path with dots is 404 too, whatever it leads to."""
    async with passing(tmp_path, DENY) as (url, upstream):
        got = await ask(url, bare("GET", "/v1/threads/t/runs/%2e%2e"), post("/v1/x/..%2fthreads/t/runs/r", {}))
    assert [one.status for one in got] == [404, 404]
    assert upstream.seen == []


async def test_what_is_in_the_table_passes(tmp_path: Path) -> None:
    """Reads and good calls of guarded addresses pass where other routes are denied, and bad ones are bad requests."""
    calls = [
        bare("GET", "/v1/threads/t/runs/r"),
        bare("DELETE", "/v1/threads/t"),
        post("/v1/threads/t/runs/r", {"metadata": GOOD}),
        post("/v1/threads/t/runs/r", {"metadata": SEVENTEEN}),
    ]
    got, seen = await sent_under(tmp_path, DENY, *calls)
    assert told(got) == [(200, None)] * 3 + [(400, "object_above_max_properties")]
    assert [request.target for request in seen] == [call.target for call in calls[:3]]


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        pytest.param("application/json", b'{"metadata":{"k":1},"metadata":', id="half of JSON"),
        pytest.param("multipart/form-data; boundary=x", b"--x--\r\n", id="multipart"),
        pytest.param("application/octet-stream", b"\xff\x00", id="bytes"),
    ],
)
async def test_a_route_without_metadata_passes_any_body(tmp_path: Path, media_type: str, body: bytes) -> None:
    """A route that is in the table for nothing but to be let through gets its bodies through byte by byte."""
    call = Request("POST", "/v1/files", make_headers([("Content-Type", media_type), ("Content-Encoding", "x")]), body)
    got, seen = await sent_under(tmp_path, DENY, call)
    assert told(got) == [(200, None)]
    assert (seen[0].body, seen[0].headers["Content-Type"]) == (body, media_type)


async def test_a_route_without_metadata_takes_any_query(tmp_path: Path) -> None:
    """Where no body is looked at, no query could contradict it."""
    got, seen = await sent_under(tmp_path, DENY, post("/v1/files?metadata_filter=x", {}))
    assert told(got) == [(200, None)]
    assert seen[0].target == "/v1/files?metadata_filter=x"


async def test_limits_that_are_not_enforced_are_warned_of(tmp_path: Path) -> None:
    """A call beyond the limits passes with all listed; what is no string, or has two readings, is refused still."""
    rules = {**ALL, "limits": {"enforce": False}}
    beyond = {"metadata": SEVENTEEN, "thread": {"messages": [{"metadata": {"k": "v" * 513}}]}}
    mistyped = {"metadata": SEVENTEEN, "thread": {"messages": [{"metadata": {"k": 1}}]}}
    double = Request("POST", "/v1/threads/runs", make_headers(HEADERS), b'{"metadata":{},"metadata":{}}')
    calls = [post("/v1/threads/runs", beyond), post("/v1/threads/runs", mistyped), double]
    got, seen = await sent_under(tmp_path, rules, *calls)
    assert told(got) == [(200, None), (400, "invalid_type"), (400, "duplicate_name")]
    assert got[0].headers["x-runproxy-warnings"] == (
        'object_above_max_properties;param="metadata", '
        'string_above_max_length;param="thread.messages%5B0%5D.metadata.k"'
    )
    assert [json.loads(request.body) for request in seen] == [beyond]


@pytest.mark.parametrize("body", [b'{"Metadata":{}}', b'{"messages":{}}', b'{"__proto__":{}}'])
async def test_what_cannot_be_found_for_sure_is_refused_even_so(tmp_path: Path, body: bytes) -> None:
    """Where metadata stands must be certain, whether or not its limits are enforced."""
    call = Request("POST", "/v1/threads", make_headers(HEADERS), body)
    (got,), seen = await sent_under(tmp_path, {**ALL, "limits": {"enforce": False}}, call)
    assert got.status == 400
    assert seen == []


POLICY = {"required": ["owner"], "unknown_keys": "warn", "keys": {"env": {"enum": ["prod", "test"]}}}


def policed(action: str, **more: object) -> dict[str, Any]:
    """Make rules with a policy."""
    return {**ALL, "policy": {**POLICY, "action": action}, **more}


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        pytest.param({}, "policy_missing_key", "metadata.owner", id="nothing"),
        pytest.param({"metadata": None}, "policy_missing_key", "metadata.owner", id="null"),
        pytest.param({"metadata": {"env": "test"}}, "policy_missing_key", "metadata.owner", id="missing key"),
        pytest.param(
            {"metadata": {"owner": "a", "env": "x"}}, "policy_value_not_allowed", "metadata.env", id="other value"
        ),
        pytest.param(
            {"metadata": {"owner": "a"}, "additional_messages": [{"metadata": {"owner": "a", "env": "x"}}]},
            "policy_value_not_allowed",
            "additional_messages[0].metadata.env",
            id="in a message",
        ),
    ],
)
async def test_a_policy_refuses_or_warns(tmp_path: Path, body: object, code: str, param: str) -> None:
    """Enforced, a rule refuses with its code and the place; as a warning, the call passes and its answer tells."""
    call = post("/v1/threads/t/runs", body)
    (refused,), none = await sent_under(tmp_path, policed("enforce"), call)
    (warned,), seen = await sent_under(tmp_path, policed("warn"), call)
    assert (refused.status, error_of(refused)["code"], error_of(refused)["param"]) == (400, code, param)
    assert (warned.status, [json.loads(request.body) for request in seen]) == (200, [body])
    assert f'{code};param="{param.replace("[", "%5B").replace("]", "%5D")}"' in warned.headers["x-runproxy-warnings"]
    assert none == []


async def test_a_modification_without_metadata_keeps_any_policy(tmp_path: Path) -> None:
    """A call that leaves metadata as it is owes no keys; one that sends it does."""
    bodies: list[dict[str, Any]] = [{}, {"metadata": {"owner": "a"}}, {"metadata": {}}]
    calls = [post("/v1/threads/t", body) for body in bodies]
    got, seen = await sent_under(tmp_path, policed("enforce"), *calls)
    assert told(got) == [(200, None), (200, None), (400, "policy_missing_key")]
    assert "x-runproxy-warnings" not in got[0].headers
    assert len(seen) == 2


async def test_a_warning_beside_a_refusal_is_told_too(tmp_path: Path) -> None:
    """Who mends a refused call learns of its warnings at the same time."""
    call = post("/v1/threads/t", {"metadata": {"colour": "red"}})
    (got,), _ = await sent_under(tmp_path, policed("enforce"), call)
    assert got.headers["x-runproxy-violations"] == 'policy_missing_key;param="metadata.owner"'
    assert got.headers["x-runproxy-warnings"] == 'policy_unknown_key;param="metadata.colour"'


@pytest.mark.parametrize(
    ("project", "expected"),
    [
        pytest.param((), (400, "policy_missing_key"), id="nobody"),
        pytest.param(("proj_unknown",), (400, "policy_missing_key"), id="another"),
        pytest.param(("proj_search",), (200, None), id="own rules"),
        pytest.param(("proj_billing",), (400, "policy_value_pattern"), id="stricter ones"),
        pytest.param(("proj_search", "proj_billing"), (400, "duplicate_header"), id="two at once"),
    ],
)
async def test_a_team_has_rules_of_its_own(
    tmp_path: Path, project: tuple[str, ...], expected: tuple[int, str | None]
) -> None:
    """The project of a call tells its team, whose table is laid over that of all."""
    teams = {
        "search": {"action": "warn"},
        "billing": {"required": [], "keys": {"env": {"enum": [], "pattern": "prod-[0-9]+"}}},
    }
    rules = {
        **ALL,
        "policy": {**POLICY, "teams": teams},
        "attribution": {"teams": {name: {"projects": f"proj_{name}"} for name in teams}},
    }
    call = post("/v1/threads", {"metadata": {"env": "prod"}}, *(("OpenAI-Project", name) for name in project))
    got, seen = await sent_under(tmp_path, rules, call)
    assert told(got) == [expected]
    assert ("x-runproxy-warnings" in got[0].headers) == (expected[0] == 200)
    assert len(seen) == (expected[0] == 200)
