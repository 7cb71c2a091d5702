"""Faults as people write them: `[[faults]]` in the settings, and `faults` of a session."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from runproxy.backends.faults import (
    At,
    Entry,
    Fault,
    Hang,
    How,
    Latency,
    Malformed,
    Reset,
    Schedule,
    SlowBody,
    Status,
    Target,
    Truncate,
    make_answer,
)
from runproxy.messages import BODILESS, is_header_value
from runproxy.routes import Route
from runproxy.sections import Section

Kind: TypeAlias = Literal["latency", "reset", "truncate", "malformed", "status", "slow_body", "hang"]

_FIRST_ERROR: Final = 400
_RETRIED: Final = frozenset({429, 503})
KINDS_OF: Final[Mapping[str, tuple[Kind, ...]]] = MappingProxyType(
    {
        "latency_ms": ("latency",),
        "jitter_ms": ("latency",),
        "at": ("reset", "status", "hang"),
        "after_bytes": ("truncate", "reset", "hang"),
        "status": ("status",),
        "retry_after_s": ("status",),
        "body": ("status",),
        "content_type": ("status",),
        "how": ("malformed",),
        "bytes_per_s": ("slow_body",),
        "hang_s": ("hang",),
    }
)
"""The settings that go with some kinds only."""


def _header_value(text: str) -> str:
    if not is_header_value(text):
        raise ValueError("a text on one line was expected")
    return text


class FaultSettings(Section):
    """A fault that strikes calls, so that clients can be tested with it."""

    kind: Annotated[Kind, Field(examples=["status"])]
    """What goes wrong: "latency", "reset", "truncate", "malformed", "status", "slow_body" or "hang"."""
    name: Annotated[str, Field(pattern=r"^([a-z][a-z0-9_-]{0,63})?$")] = ""
    """A name for it, to ask for it and to find it in answers and logs; the kind unless said otherwise."""
    route: str = "*"
    """The calls it is for: "*", the name of a route, or method and end of path: "GET /threads/{thread_id}", "GET *"."""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of them that it strikes, by chance: the same ones for the same fault_seed."""
    every: Annotated[int, Field(ge=1)] = 1
    """Strike only every so many of them."""
    after: Annotated[int, Field(ge=0)] = 0
    """Let so many of them pass first."""
    times: Annotated[int | None, Field(ge=1, examples=[2])] = None
    """Strike so many times, and then no more."""
    by_header: bool = False
    """Strike only calls that ask for it with the header X-Runproxy-Fault: NAME."""
    at: At = "request"
    """Where reset, status and hang strike: "request" (nothing is sent), "answer" (it is lost), or inside the "body"."""
    after_bytes: Annotated[int | None, Field(ge=0, examples=[100])] = None
    """After how much of the body truncate, reset and hang strike; after half of it unless said otherwise."""
    latency_ms: Annotated[int, Field(ge=0, le=3_600_000)] = 0
    """How long latency makes a call wait, in milliseconds."""
    jitter_ms: Annotated[int, Field(ge=0)] = 0
    """How much shorter or longer a latency may be by chance, in milliseconds."""
    status: Annotated[int, Field(ge=200, le=599)] = 500
    """The status that status answers with."""
    retry_after_s: Annotated[float | None, Field(ge=0, le=3600, examples=[1.0])] = None
    """What status says in Retry-After; of 429 and 503 that is 1 unless said otherwise. 0 for no such header."""
    body: Annotated[str | None, Field(examples=["<h1>Bad gateway</h1>"])] = None
    """What status answers with; the service's error object unless said otherwise."""
    content_type: Annotated[str, AfterValidator(_header_value)] = "application/json"
    """The content type of that."""
    how: How = "json"
    """What malformed breaks: the "json" of an answer, or the "framing" of its chunks."""
    bytes_per_s: Annotated[int, Field(ge=1)] = 1024
    """How fast slow_body gives an answer."""
    hang_s: Annotated[float, Field(gt=0, le=86400)] = 600.0
    """How long hang says nothing before it closes the connection, in seconds, where the client does not go before."""

    @property
    def title(self) -> str:
        """The name of the fault."""
        return self.name or self.kind

    @property
    def described(self) -> str:
        """Say in short what it does to which calls."""
        detail = {"status": f" {self.status}", "latency": f" of {self.latency_ms} ms"}.get(self.kind, "")
        parts = {
            f"{self.name + ': ' if self.name else ''}{self.kind}{detail} on {self.route}": True,
            "where a call asks for it": self.by_header,
            f"after {self.after} that pass": self.after > 0,
            f"every {self.every} calls": self.every > 1,
            f"a share of {self.share:g}": self.share < 1,
            "once" if self.times == 1 else f"at most {self.times} times": self.times is not None,
        }
        return ", ".join(part for part, is_said in parts.items() if is_said)

    def as_entry(self, own: Mapping[str, Route]) -> Entry:
        """Make what strikes; `own` are the routes that people have named. Raises `ValueError` for an unknown route."""
        return Entry(
            self.title,
            self._as_fault(),
            Target.parse(self.route, own),
            Schedule(self.share, self.every, self.after, self.times),
            self.by_header,
        )

    def _as_fault(self) -> Fault:
        makers: dict[Kind, Callable[[], Fault]] = {
            "latency": lambda: Latency(self.latency_ms, self.jitter_ms),
            "reset": lambda: Reset(self.at, self.after_bytes),
            "truncate": lambda: Truncate(self.after_bytes),
            "malformed": lambda: Malformed(self.how),
            "status": self._as_status,
            "slow_body": lambda: SlowBody(self.bytes_per_s),
            "hang": lambda: Hang(self.hang_s, self.at, self.after_bytes),
        }
        return makers[self.kind]()

    def _as_status(self) -> Status:
        retry_after_s = float(self.status in _RETRIED) if self.retry_after_s is None else self.retry_after_s
        return Status(make_answer(self.title, self.status, retry_after_s, self.body, self.content_type), self.at)

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        for name in sorted(self.model_fields_set & KINDS_OF.keys()):
            if self.kind not in KINDS_OF[name]:
                raise ValueError(f"{name} goes with {_listed(KINDS_OF[name])}, and the kind is {self.kind!r}")
        if self.share < 1 and self.every > 1:
            raise ValueError("share and every both say how often; keep one of them")
        _check_latency(self)
        _check_place(self)
        _check_status(self)
        return self


def _check_latency(fault: FaultSettings) -> None:
    if fault.kind == "latency" and not fault.latency_ms:
        raise ValueError("a latency needs latency_ms, how long a call waits")
    if fault.jitter_ms > fault.latency_ms:
        raise ValueError("jitter_ms is more than latency_ms, and no call can wait for less than no time")


def _check_place(fault: FaultSettings) -> None:
    if fault.kind == "status" and fault.at == "body":
        raise ValueError("a status stands before the body; 'request' or 'answer' was expected for at")
    if fault.kind in ("reset", "hang") and fault.after_bytes is not None and fault.at != "body":
        raise ValueError(f"after_bytes goes with at = 'body', and at is {fault.at!r}")


def _check_status(fault: FaultSettings) -> None:
    if fault.status in BODILESS and fault.body:
        raise ValueError(f"a {fault.status} has no body")
    if fault.status < _FIRST_ERROR and fault.status not in BODILESS and fault.body is None:
        raise ValueError(f"a {fault.status} is no error; say in body what it answers with")


def _listed(kinds: Sequence[str]) -> str:
    *others, last = map(repr, kinds)
    return f"kind = {', '.join(others)} or {last}" if others else f"kind = {last}"


def _told_apart(faults: tuple[FaultSettings, ...]) -> tuple[FaultSettings, ...]:
    titles = [fault.title for fault in faults]
    for title in titles:
        if titles.count(title) > 1:
            raise ValueError(f"two faults are called {title!r}; give each a name of its own")
    return faults


Faults: TypeAlias = Annotated[tuple[FaultSettings, ...], AfterValidator(_told_apart)]
"""Faults that can be told apart by their names."""


def entries_of(faults: Iterable[FaultSettings], own: Iterable[Route]) -> tuple[Entry, ...]:
    """Make of faults what strikes; raises `ValueError` for one on a route that there is not."""
    by_name, entries = {route.name: route for route in own}, []
    for fault in faults:
        try:
            entries.append(fault.as_entry(by_name))
        except ValueError as error:
            raise ValueError(f"{fault.title}: {error}") from None
    return tuple(entries)
