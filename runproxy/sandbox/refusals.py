"""What the sandbox refuses with."""

from collections.abc import Mapping

from runproxy.errors import RunproxyError


class SandboxRefusal(RunproxyError):
    """A refusal in the service's words."""

    kind = "invalid_request_error"

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, code=code, param=param, headers=headers)
        self.answer_status = status
