"""Malformed: a body that cannot be read, as JSON or as HTTP."""

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal, TypeAlias

from runproxy.backends.faults.cut import Cut
from runproxy.backends.faults.fault import Send, as_fault, has_body, stream_of, streamed
from runproxy.errors import BrokenOff
from runproxy.messages import Request, Response, Stream
from runproxy.streams import Altered

How: TypeAlias = Literal["json", "framing"]
"""What cannot be read: the JSON of a body, or of the first event of a stream; or the chunks that it comes in."""

_NO_CHUNK: Final = b"this is no length of a chunk\r\n"
_NO_JSON: Final = rb"\1}"  # no value begins with a closing brace; in the place of a byte, the length stays the same
_FIRST: Final = re.compile(rb"\A(\s*)\S")
_FIRST_OF_DATA: Final = re.compile(rb"(?m)^(data: *)[^ \r\n]")
_EVENTS: Final = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Malformed:
    """Makes the call, and breaks its answer."""

    how: How = "json"

    async def strike(self, request: Request, send: Send, _: float) -> Response:
        """Make the call, and give what cannot be read; raises what `send` raises."""
        response = await send(request)
        if not has_body(request, response):
            return response
        if self.how == "framing":
            ending = partial(BrokenOff, last_words=_NO_CHUNK)
            return as_fault(streamed(response, Cut(stream_of(response), ending, None), None))
        is_events = response.headers.get("Content-Type", "").startswith(_EVENTS)
        first = _FIRST_OF_DATA if is_events else _FIRST
        if response.stream is None:
            return as_fault(replace(response, body=first.sub(_NO_JSON, response.body, count=1)))
        return as_fault(replace(response, stream=_Misspelt(response.stream, first)))


class _Misspelt(Altered):
    """Breaks the first JSON of a stream; what comes before it in pieces too small to tell is held for so long."""

    def __init__(self, source: Stream, first: re.Pattern[bytes]) -> None:
        super().__init__(source)
        self._first = first
        self._held = b""
        self._is_broken = False

    async def __anext__(self) -> bytes:
        if self._is_broken:
            return await anext(self.source)
        while not self._is_broken and (piece := await anext(self.source, b"")):
            self._held, count = self._first.subn(_NO_JSON, self._held + piece, count=1)
            self._is_broken = count > 0
        if not self._held:
            raise StopAsyncIteration
        held, self._held = self._held, b""
        self._is_broken = True
        return held
