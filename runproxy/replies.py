"""Answers of runproxy's own, in the shape the service gives its errors, so that every SDK understands them.

`{"error": {message, type, param, code}}`, in that order, with 2 spaces and no final newline; a body that is no JSON
is answered with 4 spaces and a final newline, as the service does.
"""

from runproxy.errors import MalformedJson, RunproxyError
from runproxy.jsonstyle import INDENT_2, render
from runproxy.messages import OUTCOME_HEADER, Response, make_headers


def error_body(
    message: str,
    *,
    kind: str,
    param: str | None,
    code: str | None,
    style: str = INDENT_2,
    details: dict[str, object] | None = None,
) -> bytes:
    """Print an error object of the service's shape; `details` follow its four members."""
    error = {"message": message, "type": kind, "param": param, "code": code, **(details or {})}
    return render({"error": error}, style)


def error_reply(error: RunproxyError) -> Response:
    """Turn an error into the answer the client gets."""
    body = error_body(
        error.message,
        kind=error.kind,
        param=error.param,
        code=error.code,
        style="indent-4+newline" if isinstance(error, MalformedJson) else INDENT_2,
        details=error.details,
    )
    pairs = [("Content-Type", "application/json"), *error.headers.items(), (OUTCOME_HEADER, error.outcome)]
    return Response(error.status, make_headers(pairs), body)
