"""What is kept of a call.

An event is what is known before a call goes on, an outcome what is known after it, a delivery what became of its
answer on the way to the client. All are written once and never changed. Texts that are not known are empty.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Decision: TypeAlias = Literal["accepted", "warned", "refused"]
DECISIONS: Final = ("accepted", "warned", "refused")

Form: TypeAlias = Literal["full", "cut", "hashed", "left_out", "masked"]
"""What is kept of a value: all, its start, its hash, or nothing: by the settings, or because it holds a secret."""

MAX_PAIRS_KEPT: Final = 256
MAX_OBJECTS_KEPT: Final = 64
MAX_KEY_KEPT_CHARS: Final = 256
MAX_VALUE_KEPT_CHARS: Final = 512
MAX_TEXT_KEPT_CHARS: Final = 512
"""So much is kept of a call; all that the API takes fits in, but a refused call may be of any size."""

UNKNOWN: Final = "unknown"
"""Stands for the outcome of a call of which none is on file, and for what an upstream did that failed half-way."""


@dataclass(frozen=True, slots=True)
class MetadataObject:
    """A place of metadata that a call has: how many pairs stand there, None where there is null, or no object.

    `is_main`: it is the metadata of what the call is about, and not of something inside it.
    """

    param: str
    pairs: int | None
    is_main: bool = True


@dataclass(frozen=True, slots=True)
class Pair:
    """A key that stands at `param`, and what is kept of its value.

    `chars` is the length of the whole value; of one that is no text (`type` tells) that of its JSON.
    """

    param: str
    key: str
    value: str | None
    chars: int
    type: str = "string"
    form: Form = "full"


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule as `Violation` has it, without its words; `refuses` tells a violation from a warning."""

    code: str
    param: str
    limit: int | None = None
    actual: int | None = None
    refuses: bool = True


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """A call as far as it is known before it goes on; `at_ms` is in milliseconds since 1970 (UTC)."""

    at_ms: int
    request_id: str
    mode: str
    route: str
    method: str
    path: str
    decision: Decision
    team: str = ""
    team_source: str = ""
    fingerprint: str = ""
    thread_id: str = ""
    run_id: str = ""
    client: str = ""
    user_agent: str = ""
    sdk: str = ""
    sdk_version: str = ""
    objects: tuple[MetadataObject, ...] = ()
    pairs: tuple[Pair, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def most_pairs(self) -> int:
        """The number of pairs of the largest metadata object."""
        return max((held.pairs or 0 for held in self.objects), default=0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call: `outcome` as `x-runproxy-outcome` tells it, `upstream` what is known of the upstream.

    That is "answered", "not_reached", or "unknown" where it failed after the call was sent; empty where none was asked.
    """

    at_ms: int
    status: int
    outcome: str
    upstream: str = ""
    upstream_ms: int | None = None
    total_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An answer that has not reached its client; `reason` is one of `runproxy.messages.Delivery`."""

    at_ms: int
    reason: str
