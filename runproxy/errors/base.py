"""What all errors of runproxy have in common, and mistakes in settings."""

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
