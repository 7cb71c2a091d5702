"""Writing calls down as they are made: the intent before a call goes on, the outcome after it.

What is committed outlives a loss of power. Calls that wait at the same time share one commit, which a thread makes.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from itertools import chain
from typing import Final, TypeAlias

import structlog

from runproxy.audit.describing import Describer
from runproxy.audit.errors import AuditError, AuditUnavailable
from runproxy.audit.event import UNKNOWN, Outcome, Undelivered
from runproxy.audit.store import AuditStore
from runproxy.audit.writing import Concluded, Entry, Intent, Lost, head_of, move_head, write
from runproxy.calls import Call
from runproxy.errors import Refusal, RunproxyError, Unrecorded, UpstreamError
from runproxy.messages import SAFE_METHODS, UPSTREAM_OUTCOME_HEADER, Delivery, Request
from runproxy.stores.group_commit import GroupCommit

_Item: TypeAlias = tuple[Entry, ...]
"""Entries that are written together or not at all."""

_MOST_WAITING: Final = 20_000
_MOST_OPEN: Final = 50_000
_TOLD_EVERY_S: Final = 5.0
_GATHER_S: Final = 0.002  # about what a commit takes
_LOOKALIKE: Final = "invalid_path"
_log = structlog.get_logger("runproxy.audit")


class Auditor:
    """Writes down the calls of some `modes`.

    A call that cannot be written down is refused, unless `goes_on` says that it is let through. `now` tells seconds
    since 1970.
    """

    def __init__(
        self,
        store: AuditStore,
        describer: Describer,
        modes: Collection[str],
        *,
        goes_on: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.goes_on = goes_on
        self.failures = 0
        """Calls that could not be written down, or of which the outcome could not."""
        self._describer = describer
        self._modes = frozenset(modes)
        self._now = now
        self._open: dict[str, Intent | None] = {}  # None for a call that was let through unwritten
        self._told_at = 0.0
        self._commits: GroupCommit[_Item] = GroupCommit(
            self._write, concerns_all=lambda error: isinstance(error, AuditError), gather_s=_GATHER_S
        )

    @property
    def waiting(self) -> int:
        """How many entries wait to be written."""
        return self._commits.waiting

    async def before(self, call: Call) -> None:
        """Return when a call is written down, so that it may go on; raises `AuditUnavailable`."""
        if call.mode not in self._modes:
            return
        intent = Intent(self._describer.describe(call, self._now_ms()))
        try:
            await self._commits.commit((intent,))
        except Exception as error:  # whatever it is, the call has not been written down
            self._tell(error)
            if not self.goes_on:
                raise AuditUnavailable from error
            self._expect_end(call, None)
        else:
            self._expect_end(call, intent)

    def _expect_end(self, call: Call, intent: Intent | None) -> None:
        self._open[call.request.id] = intent
        while len(self._open) > _MOST_OPEN:  # calls of which nobody has told the end
            del self._open[next(iter(self._open))]

    def hear(self, call: Call) -> None:
        """Write down what became of a call; of one that was refused, that it was made, too."""
        if call.request.id in self._open:
            written = self._open[call.request.id]
            if written is not None:  # else it was counted when it was let through
                self._put((Concluded(written, self._outcome(call)),))
        elif call.mode in self._modes and _is_to_be_told(call):
            at_ms = self._now_ms() - round(call.seconds * 1000)
            intent = Intent(self._describer.describe(call, at_ms))
            self._put((intent, Concluded(intent, self._outcome(call))))

    def delivered(self, request: Request, delivery: Delivery) -> None:
        """Write down that the answer to a call did not reach its client, if it did not."""
        intent = self._open.pop(request.id, None)
        if intent is not None and delivery is not Delivery.COMPLETE:
            self._put((Lost(intent, Undelivered(self._now_ms(), delivery.value)),))

    async def close(self) -> None:
        """Write all that waits, and tell where the chain ends."""
        await self._commits.until_written()

    def check(self) -> None:
        """Raise `AuditError` where nothing can be written; that is found out by writing something that is there."""
        with self.store.writing() as connection:
            move_head(connection, head_of(connection))

    def _write(self, items: Sequence[_Item]) -> None:
        with self.store.writing() as connection:
            write(connection, chain.from_iterable(items))

    def _put(self, item: _Item) -> None:
        if self._commits.waiting >= _MOST_WAITING:
            self._tell(AuditError(f"{self.store.path}: takes longer to write calls than they take to come."))
            return
        self._commits.put(item).add_done_callback(self._see)

    def _see(self, written: "asyncio.Future[None]") -> None:
        if not written.cancelled() and (error := written.exception()) is not None:
            self._tell(error)

    def _tell(self, error: BaseException) -> None:
        """Count what could not be written down, and tell of it in the log, now and then."""
        self.failures += 1
        if self._now() - self._told_at >= _TOLD_EVERY_S:
            self._told_at = self._now()
            reason = error.message if isinstance(error, RunproxyError) else type(error).__name__
            _log.error("calls cannot be written down", reason=reason, failed=self.failures)

    def _outcome(self, call: Call) -> Outcome:
        response, error = call.response, call.error
        total_ms, upstream, upstream_ms = round(call.seconds * 1000), "", None
        if response.upstream_s is not None:
            upstream, upstream_ms = "answered", round(response.upstream_s * 1000)
        elif isinstance(error, UpstreamError):
            upstream = UNKNOWN if UPSTREAM_OUTCOME_HEADER in error.headers else "not_reached"
            upstream_ms = total_ms
        elif isinstance(error, Unrecorded):
            upstream = "answered"
        return Outcome(self._now_ms(), response.status, call.outcome, upstream, upstream_ms, total_ms)

    def _now_ms(self) -> int:
        return round(self._now() * 1000)


def _is_to_be_told(call: Call) -> bool:
    """Tell whether a call that did not go on is one by which metadata would have been written."""
    if isinstance(call.error, AuditUnavailable) or call.request.method in SAFE_METHODS:
        return False
    if call.guarded is None:
        return isinstance(call.error, Refusal) and call.error.code == _LOOKALIKE
    return call.body is not None or (
        isinstance(call.error, Refusal) and call.request.method not in call.guarded.unguarded_methods
    )
