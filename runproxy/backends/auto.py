"""Auto: known calls from the cassette, unknown ones from the upstream, recorded."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from runproxy.backends.record import Record
from runproxy.backends.replay import Player
from runproxy.errors import TooManyCredentials
from runproxy.messages import OUTCOME_HEADER, Request, Response
from runproxy.redaction import WriteGate
from runproxy.uploads import spooled


class Auto:
    """Asks `replay` first and `record` for what it does not know.

    Whether a call is known can only be told once its body has come, so a body that comes as a stream waits for that: in
    memory up to `max_recorded_bytes`, a longer one on disk.
    Where others record too, `catch_up` lets `replay` know of what they have recorded.
    """

    def __init__(
        self,
        replay: Player,
        record: Record,
        gate: WriteGate,
        max_recorded_bytes: int,
        catch_up: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._replay = replay
        self._record = record
        self._gate = gate
        self._max_recorded_bytes = max_recorded_bytes
        self._catch_up = catch_up

    async def send(self, request: Request) -> Response:
        """Answer from the cassette, else from the upstream; raises `UpstreamError`."""
        with suppress(TooManyCredentials):  # `record` tells of it; what is known is answered all the same
            self._gate.learn(request)  # of replayed calls too: a later answer may repeat their credentials
        if request.stream is not None:
            request = await spooled(request, request.stream, self._max_recorded_bytes)
        known = self._replay.find(request)
        if known is None and self._catch_up is not None:
            await self._catch_up()
            known = self._replay.find(request)
        if known is not None:
            if request.stream is not None:
                await request.stream.aclose()
            return known
        response = await self._record.send(request)
        if response.headers[OUTCOME_HEADER] in ("recorded", "recording"):
            self._replay.skip(request)  # the caller has had this one
        return response
