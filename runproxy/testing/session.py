"""A session as tests see it: where its calls go, what became of them, and whether that is as it must be."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from runproxy.addressing import take_session
from runproxy.calls import Call as Answered
from runproxy.cassettes.usage import CassetteUsage
from runproxy.errors import CassetteMiss
from runproxy.redaction import loggable
from runproxy.testing.composed import Composed
from runproxy.testing.failures import (
    Call,
    CassetteFailure,
    Miss,
    told_drifts,
    told_misses,
    told_strays,
    told_unplayed,
    told_unrecorded,
)
from runproxy.testing.loop import LoopThread
from runproxy.testing.options import Wanted

_AS_COUNTED: Final[Mapping[str, str]] = {"recording": "recorded", "verifying": "verified"}
"""Outcomes of answers that were still streaming when they were noted."""


class Journal:
    """Notes the calls of a session as they are answered, each before its client has the answer."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.misses: list[Miss] = []

    def hear(self, answered: Answered) -> None:
        """Note one call."""
        request, error = take_session(answered.request)[0], answered.error
        outcome = _AS_COUNTED.get(answered.outcome, answered.outcome)
        self.calls.append(Call(request.method, request.path, answered.response.status, outcome, request.body))
        if isinstance(error, CassetteMiss):
            told = loggable(request, {"path": request.path, "message": error.message})
            message = "(holds a credential)" if error.holds_secret else told["message"]
            self.misses.append(Miss(request.method, told["path"], str(error.details["reason"]), message))


class Strays:
    """The calls to the server of a session, and to no session, since this one was started, until it ended."""

    def __init__(self, all_of_server: Sequence[str]) -> None:
        self._all = all_of_server
        self._first = len(all_of_server)
        self._end: int | None = None

    def calls(self) -> list[str]:
        """Give them, as "METHOD PATH"."""
        return list(self._all[self._first : self._end])

    def end(self) -> None:
        """Count no further ones."""
        self._end = len(self._all)


class CassetteSession:
    """The calls of one test on one cassette: `base_url` is where its clients are pointed to.

    Code in any thread or event loop may use it. It is made by `runproxy.cassette` and by the pytest plugin.
    """

    def __init__(
        self,
        wanted: Wanted,
        composed: Composed,
        *,
        url: str,
        journal: Journal,
        strays: Strays,
        loop: LoopThread,
        leave: Callable[[Composed], None],
    ) -> None:
        self.name: Final = wanted.plan.cassette
        """The name of the cassette."""
        self.path: Final[Path] = wanted.path
        """The file of the cassette, whether it is there or not."""
        self.folder: Final[Path] = Path(wanted.settings.cassettes.dir)
        """The folder that holds the cassette, and others."""
        self.mode: Final[str] = wanted.plan.mode
        """What is done with calls: "replay", "record", "auto" or "verify"."""
        self.url: Final = url
        """The origin in front of the path, for clients that add the path themselves, as that for Azure does."""
        self.base_url: Final = url + composed.base_path
        """What an SDK takes as its base URL."""
        self._allows_misses = wanted.allows_misses
        self._journal = journal
        self._strays = strays
        self._composed = composed
        self._loop = loop
        self._leave = leave
        self._is_over = False
        self._usage: CassetteUsage | None = None

    def __repr__(self) -> str:
        return f"<CassetteSession {self.name!r} mode={self.mode!r} {self.base_url}>"

    @property
    def calls(self) -> list[Call]:
        """The calls that were answered until now, in the order of their answers."""
        return list(self._journal.calls)

    @property
    def misses(self) -> list[Miss]:
        """The calls until now that had no recorded answer."""
        return list(self._journal.misses)

    @property
    def outcomes(self) -> dict[str, int]:
        """How many calls there were until now, by outcome."""
        return dict(Counter(call.outcome for call in self._journal.calls))

    @property
    def usage(self) -> CassetteUsage | None:
        """Which recordings were not played until now; None where there is no cassette, or nothing is played."""
        return self._usage if self._is_over else self._loop.run(self._composed.usage())

    @property
    def unplayed(self) -> list[str]:
        """The recordings that no call has asked for until now, as "[POSITION] METHOD PATH"."""
        usage, recorded = self.usage, self._composed.cassette
        requests = {
            place: recorded[place].request for place in (usage.unused if usage else ()) if place < len(recorded)
        }
        return [f"[{place}] {request.method} {request.path}" for place, request in requests.items()]

    def assert_all_played(self) -> None:
        """Raise `CassetteFailure` if some recordings of the cassette were not asked for, or if there is no cassette."""
        if self.usage is None and self.mode == "replay":
            raise CassetteFailure(f"There is no cassette {self.path}, so nothing of it was played.")
        if unplayed := self.unplayed:
            raise CassetteFailure(told_unplayed(unplayed, len(self._composed.cassette), self.path))

    def check(self) -> None:
        """Raise `CassetteFailure` if calls were missed, could not be recorded, or have drifted."""
        if problems := self.problems():
            raise CassetteFailure("\n".join(problems))

    def problems(self) -> list[str]:
        """Say what did not go as it must until now; empty where all is well."""
        unrecorded = [call for call in self.calls if call.outcome == "unrecorded"]
        drifts = self._composed.session.opened.drifts
        told = [
            told_misses(self.misses, self.path) if self.misses and not self._allows_misses else "",
            told_unrecorded(unrecorded, self.path) if unrecorded else "",
            told_drifts(drifts.latest, self.path) if drifts and drifts.latest else "",
            told_strays(strays) if (strays := self._strays.calls()) else "",
        ]
        return list(filter(None, told))

    def end(self) -> None:
        """Answer no further calls."""
        if not self._is_over:
            self._usage, self._is_over = self.usage, True
            self._strays.end()
            self._leave(self._composed)
            self._loop.run(self._composed.end())

    def keep(self) -> None:
        """Write what was recorded, once the session has ended; raises `CassetteError`."""
        with LoopThread() as loop:  # the server may be gone by now
            loop.run(self._composed.store.commit())
