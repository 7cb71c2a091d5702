"""What a fault is, and what several of them need."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal, Protocol, TypeAlias

from runproxy.messages import BODILESS, OUTCOME_HEADER, Piece, Request, Response, Stream, make_headers
from runproxy.streams import Playback, hear_out

At: TypeAlias = Literal["request", "answer", "body"]
"""Where a fault strikes: before the call is made; once it is answered, whose answer is lost; or inside the body."""

Send: TypeAlias = Callable[[Request], Awaitable[Response]]


class Fault(Protocol):
    """Something that goes wrong with a call."""

    async def strike(self, request: Request, send: Send, chance: float) -> Response:
        """Answer a call, with or without making it by `send`; raises what that raises.

        `chance`, from 0 up to but not including 1, decides what the settings leave to chance.
        """
        ...  # pragma: no cover


def as_fault(response: Response) -> Response:
    """Mark an answer that is not the one that the mode has given."""
    return response.with_header(OUTCOME_HEADER, "fault")


def has_body(request: Request, response: Response) -> bool:
    """Tell whether an answer has a body that could be broken."""
    is_bodiless = request.method == "HEAD" or response.status in BODILESS
    return not is_bodiless and (response.stream is not None or bool(response.body))


def stream_of(response: Response) -> Stream:
    """Give the body of an answer as a stream."""
    return response.stream or Playback(response.body, (Piece(len(response.body), 0),), asyncio.sleep)


def length_of(response: Response) -> int | None:
    """Tell how many bytes the body has; None of a stream that does not say so."""
    declared = response.headers.get("Content-Length")
    if response.stream is None:
        return len(response.body)
    return int(declared) if declared else None


def streamed(response: Response, stream: Stream, length: int | None) -> Response:
    """Give another body to an answer, of a length that is declared, or in chunks."""
    pairs = [(name, value) for name, value in response.headers.items() if name.lower() != "content-length"]
    declared = [] if length is None else [("Content-Length", str(length))]
    return replace(response, headers=make_headers([*pairs, *declared]), body=b"", pieces=(), stream=stream)


async def lose(response: Response) -> None:
    """Take an answer to its end, so that it is recorded, and give it to nobody."""
    if response.stream is not None:
        await hear_out(response.stream)
        await response.stream.aclose()
