"""Cassettes that cannot be read or written, and interactions that must not be."""

from runproxy.errors.base import RunproxyError


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
