"""Auto: known calls from the cassette, unknown ones from the upstream, recorded."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from runproxy.backends.record import Record
from runproxy.backends.replay import Player
from runproxy.errors import TooManyCredentials
from runproxy.messages import OUTCOME_HEADER, Request, Response
from runproxy.redaction import WriteGate


class Auto:
    """Asks `replay` first and `record` for what it does not know.

    Where others record too, `catch_up` lets `replay` know of what they have recorded.
    """

    def __init__(
        self, replay: Player, record: Record, gate: WriteGate, catch_up: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._replay = replay
        self._record = record
        self._gate = gate
        self._catch_up = catch_up

    async def send(self, request: Request) -> Response:
        """Answer from the cassette, else from the upstream; raises `UpstreamError`."""
        with suppress(TooManyCredentials):  # `record` tells of it; what is known is answered all the same
            self._gate.learn(request)  # of replayed calls too: a later answer may repeat their credentials
        known = self._replay.find(request)
        if known is None and self._catch_up is not None:
            await self._catch_up()
            known = self._replay.find(request)
        if known is not None:
            return known
        response = await self._record.send(request)
        if response.headers[OUTCOME_HEADER] in ("recorded", "recording"):
            self._replay.skip(request)  # the caller has had this one
        return response
