"""What keeps account of calls: times for the figures, the log, and the audit and traces where they are asked for."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from runproxy.backends import Timed
from runproxy.calllog import CallLog
from runproxy.calls import DeliveryWatcher, Forerunner, Watcher
from runproxy.config import Settings
from runproxy.errors import ConfigError
from runproxy.messages import Backend, Request, Response
from runproxy.tally import Times

if TYPE_CHECKING:  # OpenTelemetry is an extra, and takes long to import, and so does SQLAlchemy
    from runproxy.audit.auditor import Auditor
    from runproxy.tracing import Tracing

_Answer: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Watching:
    """Those who hear of calls, and what stands around answering and in front of the upstream for their sake."""

    log: CallLog
    tracing: "Tracing | None" = None
    upstream_times: Times = field(default_factory=Times)
    auditor: "Auditor | None" = None

    @property
    def before(self) -> Forerunner | None:
        """Who hears of calls to guarded routes before they go on, if anybody does."""
        return self.auditor.before if self.auditor else None

    @property
    def watchers(self) -> tuple[Watcher, ...]:
        """Those who hear of every call that has been answered."""
        hearing = (self.tracing, self.auditor)
        return (*(one.hear for one in hearing if one), self.log)

    @property
    def delivery_watchers(self) -> tuple[DeliveryWatcher, ...]:
        """Those who hear what became of answers on their way."""
        return (self.log.delivered, self.auditor.delivered) if self.auditor else (self.log.delivered,)

    def around(self, answer: _Answer) -> _Answer:
        """Give what answers as `answer` does, and is watched."""
        return self.tracing.around(answer) if self.tracing else answer

    def upstream(self, backend: Backend) -> Backend:
        """Give what asks an upstream, and is watched."""
        return Timed(self.tracing.upstream(backend) if self.tracing else backend, self.upstream_times)


@contextmanager
def watching(settings: Settings) -> Iterator[Watching]:
    """Keep account as the settings ask for; raises `ConfigError` where an extra is missing."""
    log = CallLog(settings.log.format, are_told=settings.log.calls and settings.log.level in ("debug", "info"))
    if not settings.tracing.enabled:
        yield Watching(log)
        return
    try:
        from runproxy.tracing import exporting  # noqa: PLC0415 - OpenTelemetry is an extra
    except ImportError as error:
        raise ConfigError(
            "tracing.enabled: OpenTelemetry is not installed. Install it: pip install 'runproxy[otel]'."
        ) from error
    with exporting() as tracing:
        yield Watching(log, tracing)
