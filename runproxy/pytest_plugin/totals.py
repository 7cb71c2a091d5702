"""What the reports of all tests come to: calls by outcome, and what was used of which cassette."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_SHOWN: Final = ("replayed", "recorded", "miss")
_FORMAT: Final = "runproxy/"


@dataclass(slots=True)
class Usage:
    """What all tests together have left unplayed of one cassette."""

    count: int
    digest: str
    """Of its calls, as in usage reports; empty where the tests saw several states of it."""
    unused: list[int]
    unplayed: list[str]
    is_judged: bool

    def add(self, other: "Usage") -> None:
        """Take down what another test has left unplayed of it."""
        self.digest = self.digest if self.digest == other.digest else ""
        self.unused = [place for place in self.unused if place in other.unused]
        self.unplayed = [line for line in self.unplayed if line in other.unplayed]
        self.count = max(self.count, other.count)
        self.is_judged = self.is_judged and other.is_judged


@dataclass(slots=True)
class Totals:
    """What the reports of all tests come to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    cassettes: dict[Path, Usage] = field(default_factory=dict)
    folders: set[Path] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    """The cassettes of tests that were skipped."""
    skipped_folders: set[Path] = field(default_factory=set)
    """The folders of modules that were skipped as a whole."""
    has_any: bool = False

    def add(self, told: dict[str, Any]) -> None:
        """Take down what was told of one session."""
        self.has_any = True
        self.outcomes.update(told["outcomes"])
        self.folders.add(Path(told["folder"]))
        usage = Usage(told["count"], told["digest"], told["unused"], told["unplayed"], told["is_judged"])
        path = Path(told["cassette"])
        if path in self.cassettes:
            self.cassettes[path].add(usage)
        else:
            self.cassettes[path] = usage

    def unused(self, folders: Sequence[Path]) -> Iterator[tuple[Path, int, list[str]]]:
        """Give each cassette below these folders of which something was not used: how much it holds, and what."""
        for path, usage in sorted(self.cassettes.items()):
            if usage.is_judged and usage.unplayed and self._is_judged(path, folders):
                yield path, usage.count, usage.unplayed
        for folder in sorted(self.folders):
            for path in sorted(folder.rglob("*.json")):
                is_known = path in self.cassettes or self._was_skipped(folder, path)
                if not is_known and self._is_judged(path, folders) and (lines := _recordings(path)):
                    yield path, len(lines), lines

    def judged(self, folders: Sequence[Path]) -> dict[Path, Usage]:
        """Give the usage of those cassettes that all tests that may use them have had."""
        found = self.cassettes.items()
        return {path: usage for path, usage in found if usage.is_judged and self._is_judged(path, folders)}

    def _is_judged(self, path: Path, folders: Sequence[Path]) -> bool:
        return _is_below(path, folders) and not _is_below(path, self.skipped_folders)

    def _was_skipped(self, folder: Path, path: Path) -> bool:
        return path.relative_to(folder).with_suffix("").as_posix() in self.skipped

    def line(self, unused: int | None) -> str:
        """Say it in a line; `unused` is None where it cannot be told."""
        others = sorted(self.outcomes.keys() - set(_SHOWN))
        counts = [_counted(self.outcomes[outcome], outcome) for outcome in (*_SHOWN, *others)]
        told = counts if unused is None else [*counts, f"{unused} unused"]
        return f"runproxy: {', '.join(told)}"


def _counted(count: int, outcome: str) -> str:
    return f"{count} {'misses' if outcome == 'miss' and count != 1 else outcome}"


def _is_below(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.resolve().is_relative_to(folder.resolve()) for folder in folders)


def _recordings(path: Path) -> list[str]:
    """Name the recordings of a cassette; none of what is no cassette, or cannot be read."""
    try:
        found = json.loads(path.read_bytes())
        if not found["format"].startswith(_FORMAT):
            return []
        requests = [interaction["request"] for interaction in found["interactions"]]
        return [f"[{place}] {request['method']} {request['path']}" for place, request in enumerate(requests)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []
