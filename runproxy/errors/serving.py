"""What keeps this process, or one of several, from answering a call, or from going on with it."""

from runproxy.errors.base import RunproxyError


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
