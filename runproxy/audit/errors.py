"""What can go wrong with the audit, each with its HTTP status, as the tree in `runproxy.errors` has it.

AuditError                    exit 2   a store or an archive that cannot be read or written
├── UnusableFilter            400      a question that cannot be understood
└── AuditUnavailable          503      a call that cannot be written down, and so does not go on
"""

from collections.abc import Mapping

from runproxy.errors import RunproxyError


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
