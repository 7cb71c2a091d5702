"""Calls that are not let through."""

from runproxy.errors.base import RunproxyError


class Refusal(RunproxyError):
    """A call that is not let through, in the shape the service itself uses."""

    status = 400
    exit_code = 2
    kind = "invalid_request_error"
    outcome = "refused"


class MalformedJson(Refusal):
    """A body that is not JSON: the one refusal the service renders with four spaces and a final newline."""


class MethodRefused(Refusal):
    """A method that a guarded address does not take."""

    status = 405


class BodyTooLarge(Refusal):
    """A body over the configured limit."""

    status = 413

    def __init__(self, limit_bytes: int) -> None:
        message = f"The request body is larger than the limit of {limit_bytes} bytes. Send less in one call."
        super().__init__(message, code="body_too_large")


class TargetTooLong(Refusal):
    """A request target over the limit."""

    status = 414

    def __init__(self, limit_bytes: int) -> None:
        message = f"The request target is longer than {limit_bytes} bytes. Shorten its query, or send that in the body."
        super().__init__(message, code="target_too_long")


class HeadersTooLarge(Refusal):
    """Headers over the limits of size and number."""

    status = 431

    def __init__(self, limit_bytes: int, most: int) -> None:
        super().__init__(
            f"A header of the request is longer than {limit_bytes} bytes, or there are more than {most} of them. "
            "Send fewer and shorter ones.",
            code="headers_too_large",
        )


class BodyTooSlow(Refusal):
    """A body that did not arrive in time, or of which the next piece did not."""

    status = 408

    def __init__(self, limit_s: float, what: str = "The request body") -> None:
        super().__init__(f"{what} did not arrive within {limit_s:g} seconds.", code="body_too_slow")


class ExpectationRefused(Refusal):
    """An `Expect` header that asks for something unknown."""

    status = 417


class MediaTypeRefused(Refusal):
    """A content type or content coding that could be read in more than one way."""

    status = 415


class OutsideBasePath(Refusal):
    """An address that is not below the upstream's base path."""

    status = 404


class UnknownSession(Refusal):
    """A session that was never started, or is over."""

    status = 404


class RouteDenied(Refusal):
    """An address that is not in the table of routes, where nothing else may pass."""

    status = 404
