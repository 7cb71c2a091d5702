"""Streams of events, as the API sends them: a name, and an object on one line."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

import orjson

_PAUSE_S: Final = 0.005  # so that events come one by one, as those of a service do


def event(name: str, value: Mapping[str, Any]) -> bytes:
    """Print one event."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(value))


class EventStream:
    """A body of events, each sent when the one before it is on its way."""

    def __init__(self, events: Iterator[bytes]) -> None:
        self._events = events

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        await asyncio.sleep(_PAUSE_S)
        found = next(self._events, None)
        if found is None:
            raise StopAsyncIteration
        return found

    async def aclose(self) -> None:
        """Do nothing: events are made when they are asked for."""
