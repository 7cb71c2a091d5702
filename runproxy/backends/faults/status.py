"""Status: another answer than the good one, in the shape that the service gives its errors."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from runproxy.backends.faults.fault import At, Send, as_fault, lose
from runproxy.messages import Request, Response, make_headers
from runproxy.replies import error_body


@dataclass(frozen=True, slots=True)
class Status:
    """Gives `answer`; where it strikes at the answer, the call is made all the same, and what it gave is lost."""

    answer: Response
    at: At = "request"

    async def strike(self, request: Request, send: Send, _: float) -> Response:
        """Answer with the status; raises what `send` raises."""
        if self.at == "answer":
            await lose(await send(request))
        return self.answer


def make_answer(name: str, status: int, retry_after_s: float, body: str | None, content_type: str) -> Response:
    """Make the answer of a fault: with that body, or else with an error of the service that says where it is from."""
    pairs = [("Content-Type", content_type), *_retry_after(retry_after_s)]
    return as_fault(Response(status, make_headers(pairs), _error(name, status) if body is None else body.encode()))


def _retry_after(seconds: float) -> Iterator[tuple[str, str]]:
    """Say when to try again, to the millisecond where seconds are too coarse; the SDKs know both headers."""
    if seconds:
        yield "Retry-After", str(math.ceil(seconds))
    if seconds % 1:
        yield "retry-after-ms", str(round(seconds * 1000))


def _error(name: str, status: int) -> bytes:
    told = f"(This is the fault {name!r} of runproxy, and not what the service has said.)"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        message, kind, code = "Rate limit reached for requests.", "requests", "rate_limit_exceeded"
        return error_body(f"{message} {told}", kind=kind, param=None, code=code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        message, kind = "The server had an error while processing your request.", "server_error"
    else:
        message, kind = "Your request was refused.", "invalid_request_error"
    return error_body(f"{message} {told}", kind=kind, param=None, code=None)
