"""The API of the sandbox: which call does what, and what it refuses."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from runproxy import strictjson
from runproxy.errors import MalformedJson, RunproxyError
from runproxy.guard import Judge
from runproxy.jsonstyle import INDENT_2, render
from runproxy.messages import Request, Response, make_headers
from runproxy.replies import error_body
from runproxy.routes import BY_NAME
from runproxy.sandbox.events import EventStream, event
from runproxy.sandbox.listing import Wanted, list_fields, page
from runproxy.sandbox.objects import Ids, Run, Thread, random_id, run_fields, thread_fields
from runproxy.sandbox.refusals import SandboxRefusal
from runproxy.violations import type_in_words

BETA_HINT: Final = (
    "You must provide the 'OpenAI-Beta' header to access the Assistants API. Please try again by setting the header "
    "'OpenAI-Beta: assistants=v2'."
)
NO_KEY: Final = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY)."
)
"""For want of a recording, in words close to the service's."""
_CHALLENGE: Final = MappingProxyType({"WWW-Authenticate": 'Bearer realm="OpenAI API"'})
_ACTIVE: Final = frozenset({"queued", "in_progress"})
_SHOWN_OF_KEY: Final = 4  # characters of a wrong key that its refusal shows at each end
"""How the key is masked in the refusal of a wrong one is an assumption; that it is masked is recorded."""

Clock = Callable[[], int]


class Sandbox:
    """Answers the API's calls from memory; `calls` lists what arrived, as method and target.

    `new_id` makes an id with a prefix, `now` tells the time in whole seconds; with both given, a session can be
    repeated to the byte. `api_key` is the only key taken; None takes any.
    """

    def __init__(
        self,
        *,
        new_id: Ids | None = None,
        now: Clock | None = None,
        api_key: str | None = None,
        active_polls: int = 0,
    ) -> None:
        self._new_id = new_id or random_id
        self._now = now or (lambda: int(time.time()))
        self._api_key = api_key
        self._active_polls = active_polls
        self._threads: dict[str, Thread] = {}
        self.calls: list[tuple[str, str]] = []
        self._routes = _compile(
            ("POST", "/threads", self._create_thread),
            ("GET", "/threads/{thread}", self._get_thread),
            ("POST", "/threads/{thread}/runs", self._create_run),
            ("GET", "/threads/{thread}/runs", self._list_runs),
            ("GET", "/threads/{thread}/runs/{run}", self._get_run),
            ("POST", "/threads/{thread}/runs/{run}", self._modify_run),
            ("POST", "/threads/{thread}/runs/{run}/cancel", self._cancel_run),
        )

    async def answer(self, request: Request) -> Response:
        """Answer one call."""
        self.calls.append((request.method, request.target))
        try:
            self._check_credentials(request)
            value = self._dispatch(request)
        except SandboxRefusal as refusal:
            return self._reply(refusal.answer_status, _refusal_body(refusal), refusal.headers)
        except MalformedJson as error:
            body = error_body(error.message, kind=error.kind, param=None, code=None, style="indent-4+newline")
            return self._reply(400, body)
        except RunproxyError as error:
            return self._reply(400, _refusal_body(error))
        if isinstance(value, EventStream):
            head = self._reply(200, b"")
            pairs = [(name, held) for name, held in head.headers.items() if name != "Content-Type"]
            return Response(200, make_headers([("Content-Type", "text/event-stream"), *pairs]), stream=value)
        return self._reply(200, render(value, INDENT_2))

    def add_documented_run(self) -> None:
        """Add the thread and the run that the API reference uses in its examples."""
        self._threads["thread_abc123"] = Thread(thread_fields("thread_abc123", self._now(), {}))
        self._add_run("thread_abc123", "run_abc123", {"assistant_id": "asst_abc123"})

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        pairs = [
            ("Content-Type", "application/json"),
            ("Openai-Version", "2020-10-01"),
            ("X-Request-Id", self._new_id("req")),
            *(headers or {}).items(),
        ]
        return Response(status, make_headers(pairs), body)

    def _check_credentials(self, request: Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        key = token if scheme.lower() == "bearer" else request.headers.get("api-key", "")
        if not key:
            raise SandboxRefusal(401, NO_KEY, headers=_CHALLENGE)
        if self._api_key is not None and key != self._api_key:
            raise SandboxRefusal(
                401,
                f"Incorrect API key provided: {_masked(key)}. You can find your API key at "
                "https://platform.openai.com/account/api-keys.",
                code="invalid_api_key",
                headers=_CHALLENGE,
            )
        is_versioned = "api-version=" in request.query  # as Azure OpenAI and Foundry Agents are asked, without a header
        if not is_versioned and not request.headers.get("OpenAI-Beta", "").startswith("assistants="):
            raise SandboxRefusal(400, BETA_HINT, code="invalid_beta")

    def _dispatch(self, request: Request) -> object:
        for method, pattern, handle in self._routes:
            found = pattern.fullmatch(request.path)
            if found and method == request.method:
                return handle(request, **found.groupdict())
        raise SandboxRefusal(404, f"Invalid URL ({request.method} {request.path})")

    def _create_thread(self, request: Request) -> object:
        body = _json_object(request) if request.body else {}
        _refuse_bad("create_thread", body)
        thread_id = self._new_id("thread")
        self._threads[thread_id] = Thread(thread_fields(thread_id, self._now(), body.get("metadata") or {}))
        return self._threads[thread_id].fields

    def _get_thread(self, _: Request, thread: str) -> object:
        return self._thread(thread).fields

    def _create_run(self, request: Request, thread: str) -> object:
        self._thread(thread)
        body = _json_object(request)
        if not isinstance(body.get("assistant_id"), str):
            raise SandboxRefusal(
                400,
                "Missing required parameter: 'assistant_id'.",
                param="assistant_id",
                code="missing_required_parameter",
            )
        _refuse_bad("create_run", body)
        run = self._add_run(thread, self._new_id("run"), body)
        return EventStream(self._life_of(run)) if body.get("stream") is True else dict(run.fields)

    def _life_of(self, run: Run) -> Iterator[bytes]:
        """Tell of a run, event by event, from its creation to its end."""
        for name in ("created", "queued"):
            yield event(f"thread.run.{name}", run.fields)
        while run.fields["status"] in _ACTIVE:
            self._seen(run)
            yield event(f"thread.run.{run.fields['status']}", run.fields)
        yield b"event: done\ndata: [DONE]\n\n"

    def _list_runs(self, request: Request, thread: str) -> object:
        runs = self._thread(thread).runs
        wanted = Wanted.parse(request.query)
        try:
            listed, has_more = page(list(runs), wanted)
        except KeyError as unknown:
            raise _no_run(unknown.args[0]) from None
        return list_fields([self._seen(runs[run]) for run in listed], has_more)

    def _get_run(self, _: Request, thread: str, run: str) -> object:
        return self._seen(self._run(thread, run))

    def _modify_run(self, request: Request, thread: str, run: str) -> object:
        body = _json_object(request)
        _refuse_bad("modify_run", body)
        found = self._run(thread, run)
        fields = self._seen(found)
        self._refuse_active(found, "update", wanted=False)
        if body.get("metadata") is not None:
            fields["metadata"] = body["metadata"]
        return fields

    def _cancel_run(self, _: Request, thread: str, run: str) -> object:
        found = self._run(thread, run)
        self._refuse_active(found, "cancel", wanted=True)
        found.fields.update(status="cancelled", cancelled_at=self._now(), expires_at=None)
        return found.fields

    def _refuse_active(self, run: Run, verb: str, *, wanted: bool) -> None:
        status = run.fields["status"]
        if (status in _ACTIVE) is not wanted:
            raise SandboxRefusal(400, f"Cannot {verb} run with status '{status}'.")

    def _seen(self, run: Run) -> dict[str, Any]:
        """Let a run live on by one look at it."""
        if run.fields["status"] not in _ACTIVE:
            return run.fields
        now = self._now()
        run.fields["started_at"] = run.fields["started_at"] or now
        if run.polls_left > 0:
            run.polls_left -= 1
            run.fields["status"] = "in_progress"
        else:
            usage = {"prompt_tokens": 123, "completion_tokens": 456, "total_tokens": 579}
            run.fields.update(status="completed", completed_at=now, expires_at=None, usage=usage)
        return run.fields

    def _thread(self, thread: str) -> Thread:
        if thread not in self._threads:
            raise SandboxRefusal(404, f"No thread found with id '{thread}'.")
        return self._threads[thread]

    def _run(self, thread: str, run: str) -> Run:
        runs = self._thread(thread).runs
        if run not in runs:
            raise _no_run(run)
        return runs[run]

    def _add_run(self, thread: str, run_id: str, body: Mapping[str, Any]) -> Run:
        run = Run(run_fields(run_id, thread, self._now(), body), self._active_polls)
        self._threads[thread].runs[run_id] = run
        return run


_Handler = Callable[..., object]


def _compile(*routes: tuple[str, str, _Handler]) -> list[tuple[str, re.Pattern[str], _Handler]]:
    """Make patterns of templates, below any prefix."""
    pattern = re.compile(r"\{(\w+)\}")
    return [
        (method, re.compile(r"(?:/[^/]+)*?" + pattern.sub(r"(?P<\1>[^/]+)", template)), handle)
        for method, template, handle in routes
    ]


def _json_object(request: Request) -> dict[str, Any]:
    value = strictjson.parse(request.body)
    if not isinstance(value, dict):
        words = type_in_words(value)
        raise SandboxRefusal(
            400,
            f"Invalid type for the request body: expected an object, but got {words} instead.",
            code="invalid_type",
        )
    return value


def _refuse_bad(route: str, body: dict[str, Any]) -> None:
    violations = Judge().judge_body(BY_NAME[route], body).violations
    if violations:
        first = violations[0]
        raise SandboxRefusal(400, first.message, param=first.param, code=first.code)


def _no_run(run: str) -> SandboxRefusal:
    return SandboxRefusal(404, f"No run found with id '{run}'.")


def _refusal_body(error: RunproxyError) -> bytes:
    return error_body(error.message, kind="invalid_request_error", param=error.param, code=error.code)


def _masked(key: str) -> str:
    if len(key) <= 3 * _SHOWN_OF_KEY:
        return "*" * len(key)
    hidden = len(key) - 2 * _SHOWN_OF_KEY
    return f"{key[:_SHOWN_OF_KEY]}{'*' * hidden}{key[-_SHOWN_OF_KEY:]}"
