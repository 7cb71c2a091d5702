"""Choosing the faults of a call, so that the same calls in the same order get the same faults."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from runproxy.backends.faults.fault import Fault
from runproxy.backends.faults.schedule import Schedule, chance_of
from runproxy.backends.faults.target import Target
from runproxy.errors import Refusal
from runproxy.messages import FAULT_HEADER, Request


@dataclass(frozen=True, slots=True)
class Entry:
    """A fault under its name, and which calls it strikes: where it `is_asked_for`, only those that ask for it."""

    name: str
    fault: Fault
    target: Target = field(default_factory=Target)
    schedule: Schedule = field(default_factory=Schedule)
    is_asked_for: bool = False


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that strikes one call; `chance` decides what it leaves to chance."""

    name: str
    fault: Fault
    chance: float


class Chooser:
    """Chooses the faults of one call after the other; each entry counts for itself the calls that it is for."""

    def __init__(self, entries: Sequence[Entry], seed: int) -> None:
        self._entries = entries
        self._seed = seed
        self._seen: Counter[str] = Counter()
        self._chosen: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        """How many calls each fault has struck; one that is chosen does not, where another keeps the call from it."""

    def choose(self, request: Request, asked: Collection[str] = ()) -> list[Strike]:
        """Give the faults that strike a call, in the order of the entries.

        Raises `Refusal` where it asks for what nobody may ask for.
        """
        may_be_asked = [entry.name for entry in self._entries if entry.is_asked_for]
        for name in asked:
            if name not in may_be_asked:
                raise unknown_fault(name, may_be_asked)
        return [strike for entry in self._entries if (strike := self._strike(entry, request, asked)) is not None]

    def _strike(self, entry: Entry, request: Request, asked: Collection[str]) -> Strike | None:
        name = entry.name
        if (entry.is_asked_for and name not in asked) or not entry.target.includes(request):
            return None
        seen = self._seen[name]
        self._seen[name] += 1
        if not entry.schedule.strikes(seen, self._chosen[name], chance_of(self._seed, name, seen, "whether")):
            return None
        self._chosen[name] += 1
        return Strike(name, entry.fault, chance_of(self._seed, name, seen, "how"))


def unknown_fault(name: str, there_are: Sequence[str]) -> Refusal:
    """Refuse a call that asks for a fault that nobody may ask for: its test would take the good answer for passed."""
    may_be = f"These may be: {', '.join(there_are)}." if there_are else "None may be."
    return Refusal(
        f"Your request asks for the fault {name!r} ({FAULT_HEADER}), which may not be asked for here. {may_be} "
        "Whoever runs this proxy can add it below [[faults]], with by_header = true.",
        code="unknown_fault",
    )
