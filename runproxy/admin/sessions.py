"""Sessions over HTTP: `POST /api/sessions` starts one, `GET` lists them, `DELETE /api/sessions/ID` ends one."""

from collections.abc import Callable
from typing import Annotated, Literal

import orjson
from aiohttp import web
from pydantic import AfterValidator, Field, ValidationError

from runproxy.admin.answers import as_json
from runproxy.backends import Plan, Session, Sessions, checked_timing
from runproxy.backends.faults import Chooser
from runproxy.config import Faults
from runproxy.errors import RunproxyError
from runproxy.matching import MatchSettings
from runproxy.sections import Section


class Wanted(Section):
    """What a session is to be."""

    cassette: str
    """The cassette that the session plays or records."""
    mode: Literal["replay", "record", "auto", "verify"] = "replay"
    """What is done with its calls."""
    on_exhausted: Literal["last", "error", "cycle"] = "error"
    """What answers a call after its last recording; in a session, that is a miss unless said otherwise."""
    timing: Annotated[str, AfterValidator(checked_timing)] | None = None
    """At which pace recordings are played; that of the server unless said otherwise."""
    match: MatchSettings = MatchSettings()
    """How calls are compared with recordings, beyond what the settings and the cassette say."""
    faults: Faults | None = None
    """The faults that strike its calls; those of the server unless said otherwise, counted anew."""
    seed: Annotated[int, Field(ge=0)] | None = None
    """What decides which calls a fault strikes by chance; the fault_seed of the server unless said otherwise."""


def add_sessions(
    app: web.Application,
    sessions: Sessions,
    base_url_of: Callable[[str], str],
    chooser_of: Callable[[Faults | None, int | None], Chooser | None],
) -> None:
    """Add the endpoints; `base_url_of` gives what the clients of a session set as their base URL.

    `chooser_of` makes what chooses among faults by a seed, each None for those of the server; raises `ConfigError`.
    """

    async def start(request: web.Request) -> web.Response:
        try:
            wanted = Wanted.model_validate(orjson.loads(await request.read()))
            session = await sessions.start(_plan(wanted, chooser_of(wanted.faults, wanted.seed)))
        except orjson.JSONDecodeError as error:
            return as_json({"error": f"The body is not JSON: {error.msg}."}, status=400)
        except ValidationError as error:
            return as_json({"error": _told(error)}, status=422)
        except RunproxyError as error:
            return as_json({"error": error.message}, status=422)
        answer = as_json(_described(session, base_url_of), status=201)
        answer.headers["Location"] = f"/api/sessions/{session.name}"  # RFC 9110 section 15.3.2
        return answer

    async def listed(_: web.Request) -> web.Response:
        return as_json({"sessions": [_described(session, base_url_of) for session in sessions.running]})

    async def end(request: web.Request) -> web.Response:
        try:
            return as_json(await sessions.end(request.match_info["name"]))
        except RunproxyError as error:
            return as_json({"error": error.message}, status=404)

    app.router.add_post("/api/sessions", start)
    app.router.add_get("/api/sessions", listed)
    app.router.add_delete("/api/sessions/{name}", end)


def _plan(wanted: Wanted, chooser: Chooser | None) -> Plan:
    return Plan(wanted.cassette, wanted.mode, wanted.on_exhausted, wanted.match, wanted.timing, chooser)


def _described(session: Session, base_url_of: Callable[[str], str]) -> dict[str, object]:
    return {
        "id": session.name,
        "base_url": base_url_of(session.name),
        "cassette": session.cassette,
        "mode": session.mode,
        "calls": dict(session.outcomes),
    }


def _told(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the body'}: {first['msg']}."
