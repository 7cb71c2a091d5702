"""The server of tests: on any free port of this machine, in a thread of its own, with a session for each test."""

import os
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import replace
from typing import Final, Self

from runproxy.addressing import take_session
from runproxy.config import LimitSettings
from runproxy.errors import CassetteMiss, RunproxyError, UnknownSession
from runproxy.messages import Request, Response
from runproxy.redaction import loggable
from runproxy.replies import error_reply
from runproxy.server import Edge, HostPort, low_level, request_ids
from runproxy.testing.composed import Composed
from runproxy.testing.failures import CassetteFailure
from runproxy.testing.loglines import told_to_standard_library
from runproxy.testing.loop import LoopThread
from runproxy.testing.options import Mode, OnExhausted, Options, Tables, in_the_code, wanted
from runproxy.testing.session import CassetteSession, Journal, Strays

_DRAIN_S: Final = 1.0


class Switchboard:
    """Hands each call to the session that it names, by the start of its path."""

    def __init__(self) -> None:
        self._composed: dict[str, Composed] = {}
        self.strays: list[str] = []
        """The calls that named no session, as "METHOD PATH"."""

    def add(self, composed: Composed) -> None:
        """Answer the calls of a session from now on."""
        self._composed[composed.session.name] = composed

    def remove(self, composed: Composed) -> None:
        """Answer them no more."""
        self._composed.pop(composed.session.name, None)

    async def answer(self, request: Request) -> Response:
        """Answer one call."""
        composed = self._named(request)
        return await composed.service.answer(request) if composed else self._stray(request)

    def may_stream(self, request: Request) -> bool:
        """Tell whether a call can be answered before its body is here."""
        composed = self._named(request)
        return composed is None or composed.service.may_stream(request)

    def refuse(self, error: RunproxyError, request: Request) -> Response:
        """Answer a request that was not read to its end."""
        composed = self._named(request)
        return composed.service.refuse(error, request) if composed else error_reply(error)

    def _stray(self, request: Request) -> Response:
        """Answer a call of no session, as a miss is answered: so that no client tries again, or takes it for a 404."""
        plain = take_session(request)[0]
        self.strays.append(f"{plain.method} {loggable(plain, {'path': plain.path})['path']}")
        return replace(error_reply(_unknown()), status=CassetteMiss.status)

    def _named(self, request: Request) -> Composed | None:
        return self._composed.get(take_session(request)[1] or "")


class CassetteServer:
    """Serves sessions to tests, whichever thread or event loop they run in; use it as a context manager."""

    def __init__(self) -> None:
        self._loop = LoopThread()
        self._board = Switchboard()
        self._started = ExitStack()
        self.url = ""
        """The origin of all sessions."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(told_to_standard_library())
            stack.enter_context(self._loop)
            listening = AsyncExitStack()
            self.url = self._loop.run(self._listen(listening))
            stack.callback(lambda: self._loop.run(listening.aclose()))
            self._started = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()

    async def _listen(self, stack: AsyncExitStack) -> str:
        limits, board = LimitSettings(), self._board
        edge = Edge(
            board.answer,
            board.refuse,
            max_body_bytes=limits.max_body_bytes,
            body_s=limits.body_s,
            may_stream=board.may_stream,
            max_concurrent=limits.max_concurrent,
            new_id=request_ids(),
        )
        place = HostPort("127.0.0.1", 0, "the settings of the system")
        listener = low_level(edge, place, drain_s=_DRAIN_S, idle_s=limits.idle_s)
        return (await stack.enter_async_context(listener)).url

    def start(self, name: str, options: Options, to_record: Callable[[str], str] = in_the_code) -> CassetteSession:
        """Start a session, as `wanted` has it; raises `RunproxyError` for one that cannot be had.

        Whoever starts a session ends it. Raises `RuntimeError` where the server does not run.
        """
        if not self._loop.is_running:
            raise RuntimeError("The server does not run; use CassetteServer as a context manager, around its sessions.")
        checked, journal = wanted(name, options, to_record), Journal()
        composed = self._loop.run(Composed.start(checked, journal.hear))
        self._board.add(composed)
        url = f"{self.url}/~{composed.session.name}"
        strays = Strays(self._board.strays)
        return CassetteSession(
            checked, composed, url=url, journal=journal, strays=strays, loop=self._loop, leave=self._board.remove
        )

    @contextmanager
    def cassette(
        self,
        name: str,
        *,
        mode: Mode = "replay",
        folder: str | os.PathLike[str] = "cassettes",
        upstream: str | None = None,
        match: Tables | None = None,
        policy: Tables | str | os.PathLike[str] | None = None,
        on_exhausted: OnExhausted = "error",
        allow_misses: bool = False,
        config: Tables | str | os.PathLike[str] | None = None,
    ) -> Iterator[CassetteSession]:
        """Play or record a cassette for as long as the context lasts; as `runproxy.cassette`, which takes the same."""
        options = Options(mode, folder, upstream, match, policy, on_exhausted, allow_misses, config)
        with watched(self.start(name, options)) as session:
            yield session


@contextmanager
def watched(session: CassetteSession) -> Iterator[CassetteSession]:
    """Check a session when the context ends, and keep its recordings if all is well.

    Raises `CassetteFailure`. An error that is raised in the context goes on, with what went wrong in the session noted
    on it.
    """
    try:
        yield session
        session.check()
    except BaseException as error:
        if not isinstance(error, CassetteFailure):
            for problem in session.problems():
                error.add_note(f"runproxy: {problem}")
        session.end()
        raise
    session.end()
    session.keep()


def _unknown() -> UnknownSession:
    return UnknownSession(
        "There is no test that this call belongs to: it has ended, or the base URL was cut short. "
        "A client that outlives its test must be made anew, with the base URL of the next one.",
        code="unknown_session",
        headers={"x-should-retry": "false"},
    )
