"""The errors runproxy raises, each with the HTTP status, the code and the exit code it ends in.

    RunproxyError
    ├── ConfigError               exit 2   a setting that cannot be used
    ├── Refusal                   400      a call the guard or the edge does not let through; exit 2
    │   ├── MalformedJson         400      the body is not JSON
    │   ├── MethodRefused         405
    │   ├── BodyTooSlow           408
    │   ├── BodyTooLarge          413
    │   ├── TargetTooLong         414
    │   ├── MediaTypeRefused      415
    │   ├── ExpectationRefused    417
    │   ├── HeadersTooLarge       431
    │   ├── OutsideBasePath       404
    │   ├── UnknownSession        404
    │   └── RouteDenied           404
    ├── WorkersFailed                      no worker starts; exit code of the last one
    ├── NeedsOneProcess           409      what several workers cannot do together; exit 2
    ├── Overloaded                503      what this process cannot do now, and may be able to do soon
    │   ├── TooManyConnections
    │   └── TooManyCalls
    ├── RulesChanged              503      a call that came in under rules that are no longer in force
    ├── Stopped                   503      a call that was broken off because runproxy had to stop
    ├── ClientGone                400      a client that broke off its call; nobody gets this answer
    ├── UploadNotKept             507      no room for an upload of which it is not known yet where it goes
    ├── CassetteMiss              501      no recorded answer; never retried by a client
    ├── UpstreamError             502
    │   └── UpstreamTimeout       504
    ├── BrokenOff                          an answer that a fault breaks off
    ├── AuditError                exit 2   an audit store that cannot be read or written
    │   ├── UnusableFilter        400      a question to the audit that cannot be understood
    │   └── AuditUnavailable      503      a call that cannot be written down, and so does not go on
    └── CassetteError             exit 2   a cassette file that cannot be read or written
        ├── CassetteNotFound
        ├── CorruptCassette
        ├── UnknownFormat
        ├── NotStorable                    one interaction that must not be written
        │   ├── ClosedEndpoint
        │   ├── SecretFound
        │   ├── TooLongToRecord
        │   ├── TooManyCredentials
        │   ├── Unredactable
        │   ├── UploadUnfinished
        │   └── OpaqueBody
        ├── CassetteNotWritable
        └── Unrecorded            507      a call that was answered, whose answer is withheld

A message says what happened, where, and what to do. It never holds a credential or a metadata value.
"""

from collections.abc import Mapping
from typing import ClassVar


class RunproxyError(Exception):
    """Anything runproxy refuses or fails to do.

    `param` names the offending parameter in the service's notation (`metadata.k`), `headers` ride on the
    reply, `details` are further members of the reply's `error` object.
    """

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "runproxy_error"
    exit_code: ClassVar[int] = 1
    outcome: ClassVar[str] = "failed"

    def __init__(
        self,
        message: str,
        *,
        code: str | None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.headers = dict(headers or {})
        self.details = dict(details or {})


class ConfigError(RunproxyError):
    """A setting, flag or environment variable that cannot be used."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(message, code="invalid_config")


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
        super().__init__(f"The request body is larger than the limit of {limit_bytes} bytes.", code="body_too_large")


class TargetTooLong(Refusal):
    """A request target over the limit."""

    status = 414

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The request target is longer than {limit_bytes} bytes.", code="target_too_long")


class HeadersTooLarge(Refusal):
    """Headers over the limits of size and number."""

    status = 431

    def __init__(self, limit_bytes: int, most: int) -> None:
        super().__init__(
            f"A header of the request is longer than {limit_bytes} bytes, or there are more than {most} of them.",
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


class WorkersFailed(RunproxyError):
    """Workers end before they answer calls; the process ends with the exit code of one of them."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message, code="workers_failed")
        self.exit_code = exit_code  # type: ignore[misc]  # a class variable elsewhere, and here told by a worker


class NeedsOneProcess(RunproxyError):
    """What several workers cannot do together, because one process would have to know what the others have done."""

    status = 409
    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(message, code="needs_one_process", headers={"x-should-retry": "false"})


class Overloaded(RunproxyError):
    """What this process cannot do now, and may be able to do soon; the SDKs try again."""

    status = 503
    kind = "server_error"
    outcome = "overloaded"

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message, code=code, headers={"Retry-After": "1"})


class TooManyConnections(Overloaded):
    """A connection beyond the limit."""

    def __init__(self) -> None:
        super().__init__(
            "runproxy has as many connections as it may (limits.max_connections).", code="too_many_connections"
        )


class TooManyCalls(Overloaded):
    """A call beyond the limit, for which no place has become free in time."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"runproxy is answering {most} calls, as many as it may (limits.max_concurrent).", code="too_many_calls"
        )


class RulesChanged(RunproxyError):
    """A call whose body the guard has come to look at while it was on its way; the SDKs try again."""

    status = 503
    kind = "server_error"

    def __init__(self) -> None:
        super().__init__(
            "The rules of this proxy have changed while your call was on its way. Send it once more.",
            code="rules_changed",
            headers={"Retry-After": "1"},
        )


class Stopped(RunproxyError):
    """A call that was broken off: runproxy was told to stop, and the call did not end in time."""

    status = 503
    kind = "server_error"
    outcome = "stopped"


class ClientGone(RunproxyError):
    """A client that broke off its call in the middle of its body; the upstream has not had all of it either."""

    status = 400
    outcome = "client_gone"

    def __init__(self, received_bytes: int) -> None:
        super().__init__(f"The client broke off its call after {received_bytes} bytes of the body.", code="client_gone")


class UploadNotKept(RunproxyError):
    """An upload that must be kept on disk until it is known where it goes, and could not be."""

    status = 507

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The body of your request could not be kept in a temporary file: {reason}. "
            "Make room there, or name another folder in the environment variable TMPDIR.",
            code="upload_not_kept",
        )


class CassetteMiss(RunproxyError):
    """No recorded answer fits the call."""

    status = 501
    outcome = "miss"
    holds_secret: bool = False
    """Whether the call holds what the settings redact at another place; then its words are for the client alone."""


class UpstreamError(RunproxyError):
    """The upstream could not be reached, or broke off its answer."""

    status = 502


class UpstreamTimeout(UpstreamError):
    """The upstream took longer than the configured limit."""

    status = 504


class BrokenOff(RunproxyError):
    """An answer that breaks off because a fault was asked for; the edge, which has the connection, ends it.

    `last_words` go out as they are. Then nothing is said for `silence_s` seconds, or until the client goes. Then the
    connection is closed, by a reset where it `resets`.
    """

    outcome = "fault"

    def __init__(self, *, last_words: bytes = b"", silence_s: float = 0.0, resets: bool = False) -> None:
        super().__init__("The answer breaks off, as a fault asks for.", code="fault")
        self.last_words = last_words
        self.silence_s = silence_s
        self.resets = resets


class AuditError(RunproxyError):
    """An audit store that cannot be read or written."""

    exit_code = 2

    def __init__(self, message: str, *, code: str = "audit_error", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message, code=code, headers=headers)


class UnusableFilter(AuditError):
    """A question to the audit that cannot be understood; `name` is the part of it that is wrong."""

    status = 400

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}.", code="invalid_filter")
        self.name = name


class AuditUnavailable(AuditError):
    """A call that was not forwarded, because the audit could not take it."""

    status = 503

    def __init__(self) -> None:
        super().__init__(
            "The call was not forwarded, because it could not be written down in the audit. Whoever runs this proxy "
            "finds the reason in its log.",
            code="audit_unavailable",
            headers={"Retry-After": "1"},
        )


class CassetteError(RunproxyError):
    """A cassette that cannot be read or written."""

    exit_code = 2

    def __init__(self, message: str, *, code: str = "cassette_error") -> None:
        super().__init__(message, code=code)


class CassetteNotFound(CassetteError):
    """There is no cassette of that name."""


class CorruptCassette(CassetteError):
    """A cassette whose text or content is wrong beyond a torn tail."""


class UnknownFormat(CassetteError):
    """A cassette of a format version this runproxy does not know."""


class CassetteNotWritable(CassetteError):
    """The cassette folder or file cannot be written."""


class Unrecorded(CassetteError):
    """The upstream has answered, but the answer could not be recorded and is withheld, as the settings ask."""

    status = 507
    outcome = "unrecorded"


class NotStorable(CassetteError):
    """An interaction that must not be written; `reason` says why, without what it holds."""

    def __init__(self, reason: str, *, code: str) -> None:
        super().__init__(f"{reason}; the interaction was not stored", code=code)
        self.reason = reason


class ClosedEndpoint(NotStorable):
    """What the upstream answers in place of an API that it has closed, and what is no answer of that API."""

    def __init__(self) -> None:
        super().__init__("the upstream has closed this endpoint: it answers 404 with an empty body", code="sunset")


class OpaqueBody(NotStorable):
    """A body in a coding that the write gate cannot look through; `where` is its place in the interaction."""

    def __init__(self, where: str) -> None:
        super().__init__(f"{where} is compressed in a way that cannot be looked into", code="opaque_body")


class SecretFound(NotStorable):
    """The write gate found a credential in what was about to be stored.

    `where` is the place in the interaction, `shape` the kind of secret; the secret itself is not kept.
    """

    def __init__(self, shape: str, where: str) -> None:
        super().__init__(f"{shape} found in {where}", code="secret_found")
        self.shape = shape
        self.where = where


class TooManyCredentials(NotStorable):
    """A call that carries more credentials than can be looked for in what would be stored of it."""

    def __init__(self, most: int) -> None:
        super().__init__(f"the call carries more than {most} credentials to look for", code="too_many_credentials")


class TooLongToRecord(NotStorable):
    """A stream that was longer than is kept in memory until its end."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(f"the answer is longer than {most_bytes} bytes", code="answer_too_long")


class Unredactable(NotStorable):
    """A body that should be redacted by JSON pointers and cannot be read as JSON; `where` is its place."""

    def __init__(self, where: str) -> None:
        super().__init__(f"{where} cannot be read as JSON, and so not be redacted", code="unredactable_body")


class UploadUnfinished(NotStorable):
    """A call that was answered before the upstream had all of it; what the rest would have been is not known."""

    def __init__(self) -> None:
        super().__init__("the upstream answered before it had the whole request", code="upload_unfinished")
