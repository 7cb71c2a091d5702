"""Timed: counts how long an upstream takes to answer, or to begin a stream."""

import time
from dataclasses import replace

from runproxy.messages import Backend, Request, Response
from runproxy.tally import Times


class Timed:
    """Asks `backend`, and adds to `times` how long it took, also where it failed; an answer tells it, too."""

    def __init__(self, backend: Backend, times: Times) -> None:
        self._backend = backend
        self._times = times

    async def send(self, request: Request) -> Response:
        """Answer as the backend does; raises what it raises."""
        started = time.perf_counter()
        try:
            response = await self._backend.send(request)
        except BaseException:
            self._times.add(time.perf_counter() - started)
            raise
        seconds = time.perf_counter() - started
        self._times.add(seconds)
        return replace(response, upstream_s=seconds)
