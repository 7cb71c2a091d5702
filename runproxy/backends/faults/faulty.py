"""In front of a mode: faults that strike its calls, or none."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from runproxy.addressing import take_fault_names
from runproxy.backends.faults.chooser import Chooser, Strike, unknown_fault
from runproxy.backends.faults.fault import Send
from runproxy.messages import FAULT_HEADER, Backend, Request, Response
from runproxy.redaction import loggable

_log = structlog.get_logger("runproxy.faults")


class Faulty:
    """Answers as `backend` does, but for the faults that `chooser` chooses.

    Where a fault keeps a call from being made, `prevented` hears of it.
    """

    def __init__(
        self, backend: Backend, chooser: Chooser, prevented: Callable[[Request], None] = lambda _: None
    ) -> None:
        self._backend = backend
        self._chooser = chooser
        self._prevented = prevented

    async def send(self, request: Request) -> Response:
        """Answer one call; raises what the backend raises, and `Refusal` for a fault that may not be asked for."""
        request, asked = take_fault_names(request)
        strikes = self._chooser.choose(request, asked)
        if not strikes:
            return await self._backend.send(request)
        made = _Made(self._backend)
        send: Send = made.send
        for strike in reversed(strikes):  # the first stands outermost
            send = self._struck_by(strike, send)
        response = await send(request)
        if not made.is_made:
            self._prevented(request)
        return response

    def _struck_by(self, strike: Strike, send: Send) -> Send:
        async def struck(request: Request) -> Response:
            self._chooser.struck[strike.name] += 1
            told = loggable(request, {"method": request.method, "path": request.path})
            _log.info("struck by a fault", id=request.id, fault=strike.name, **told)
            response = await strike.fault.strike(request, send, strike.chance)
            others = response.headers.get(FAULT_HEADER)
            return response.with_header(FAULT_HEADER, f"{strike.name}, {others}" if others else strike.name)

        return struck


class Faultless:
    """Answers as `backend` does, and refuses a call that asks for a fault."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def send(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Answer one call; raises what the backend raises, and `Refusal`."""
        if FAULT_HEADER in request.headers:
            raise unknown_fault(request.headers[FAULT_HEADER], ())
        return self._backend.send(request)


@dataclass(slots=True)
class _Made:
    """Makes a call, and remembers that it did."""

    backend: Backend
    is_made: bool = False

    async def send(self, request: Request) -> Response:
        """Make the call."""
        self.is_made = True
        return await self.backend.send(request)
