"""Auto: known calls from the cassette, unknown ones from the upstream, recorded."""

from runproxy.backends.record import Record
from runproxy.backends.replay import Replay
from runproxy.messages import Request, Response


class Auto:
    """Asks `replay` first and `record` for what it does not know."""

    def __init__(self, replay: Replay, record: Record) -> None:
        self._replay = replay
        self._record = record

    async def send(self, request: Request) -> Response:
        """Answer from the cassette, else from the upstream; raises `UpstreamError`."""
        known = self._replay.find(request)
        return known if known is not None else await self._record.send(request)
