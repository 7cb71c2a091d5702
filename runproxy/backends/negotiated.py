"""In which coding a recorded answer goes out: by what the client accepts (RFC 9110 section 12.5.3).

An answer that came compressed goes out in the coding it came in, if the client accepts that, and else as it reads. One
that did not come compressed goes out as it came.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from runproxy.coding import CODINGS, Encoder, encoded, known_coding
from runproxy.messages import CODING_HEADER, Backend, Headers, Request, Response, Stream, make_headers
from runproxy.streams import Altered

_ACCEPT: Final = "Accept-Encoding"
_WEIGHT: Final = re.compile(r"[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*")  # RFC 9110 section 12.4.2
_MOST_REMEMBERED: Final = 256


class Negotiated:
    """Gives the replayed answers of `backend` in a coding that the client accepts.

    Each is encoded once, and kept beside the answer. What a header says is remembered, for clients say the same in
    every call.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._read: dict[str, Mapping[str, float]] = {}

    async def send(self, request: Request) -> Response:
        """Answer as the backend does, with the same object unless it came compressed; raises what that raises."""
        answer = await self._backend.send(request)
        return self._as_accepted(answer, request) if answer.coding else answer

    def _as_accepted(self, answer: Response, request: Request) -> Response:
        coding = choose(answer.coding, self._weights(", ".join(request.headers.getall(_ACCEPT, ()))))
        if answer.stream is not None:
            return _streamed(answer, answer.stream, coding)
        known = answer.variants.get(coding)
        if known is None:
            known = answer.variants[coding] = _whole(answer, coding)
        return known

    def _weights(self, text: str) -> Mapping[str, float]:
        known = self._read.get(text)
        if known is None:
            if len(self._read) == _MOST_REMEMBERED:
                self._read.clear()
            known = self._read[text] = read_weights(text)
        return known


def read_weights(text: str) -> dict[str, float]:
    """Read how much a client likes each coding, from 0 (not at all) to 1; what is not understood is not liked."""
    found = {}
    for item in text.split(","):
        name, semicolon, parameter = item.partition(";")
        weight = _WEIGHT.fullmatch(parameter)
        if name := name.strip().lower():
            found[known_coding(name) or name] = float(weight[1]) if weight else 0.0 if semicolon else 1.0
    return found


def choose(recorded: str, weights: Mapping[str, float]) -> str:
    """Choose the coding in which an answer goes out that came in a known one; empty for none.

    Whoever names no coding gets none, though the RFC would allow any: such a client may not look for one. Where none is
    forbidden, another known one is taken, and where all are, the wish is disregarded, as section 12.4.1 has it.
    """
    others = weights.get("*", 0.0)
    plain = weights.get("identity", 0.0 if "*" in weights and not others else None)
    if (liking := weights.get(recorded, others)) and liking >= (plain or 0.0):
        return recorded
    if plain == 0.0:
        return next((coding for coding in CODINGS if weights.get(coding, others)), "")
    return ""


def _whole(answer: Response, coding: str) -> Response:
    body = encoded(answer.body, coding) if coding else answer.body
    return replace(answer, headers=_negotiated(answer.headers, coding), body=body, pieces=(), coding="")


def _streamed(answer: Response, stream: Stream, coding: str) -> Response:
    passed = _Encoded(stream, coding) if coding else stream
    return replace(answer, headers=_negotiated(answer.headers, coding), stream=passed, coding="")


class _Encoded(Altered):
    """A stream in a coding; each piece can be read when it has come."""

    def __init__(self, source: Stream, coding: str) -> None:
        super().__init__(source)
        self._encoder = Encoder(coding)
        self._is_over = False

    async def __anext__(self) -> bytes:
        if self._is_over:
            raise StopAsyncIteration
        try:
            return self._encoder.feed(await anext(self.source))
        except StopAsyncIteration:
            self._is_over = True
            return self._encoder.finish()


def _negotiated(headers: Headers, coding: str) -> Headers:
    """Say in which coding an answer is, and that another client may get it in another one."""
    kept = [(name, _weak(value) if name.lower() == "etag" else value) for name, value in headers.items()]
    varying = [name.strip().lower() for value in headers.getall("Vary", ()) for name in value.split(",")]
    vary = [] if {"*", _ACCEPT.lower()} & set(varying) else [("Vary", _ACCEPT)]
    return make_headers([*kept, *vary, *([(CODING_HEADER, coding)] if coding else [])])


def _weak(tag: str) -> str:
    """Make a validator a weak one: a strong one tells codings apart (RFC 9110 section 8.8.3.3), this is for all."""
    return tag if tag.startswith("W/") else f"W/{tag}"
