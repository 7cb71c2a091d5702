"""What is told in the end, of the tests of all processes: what was played, and what nobody has asked for."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import pytest

_SHOWN: Final = ("replayed", "recorded", "miss")
_MOST_LINES: Final = 10
_FORMAT: Final = "runproxy/"
_DESELECTED: Final = "runproxy_deselected"
_SELECTING: Final = (
    "keyword", "markexpr", "lf", "stepwise", "deselect", "ignore", "ignore_glob", "collectonly", "setuponly",
    "setupplan", "pyargs",
)  # fmt: skip
"""Options after which only some of the tests are run."""


@dataclass(slots=True)
class Usage:
    """What all tests together have left unplayed of one cassette."""

    count: int
    unplayed: list[str]
    is_judged: bool

    def add(self, other: "Usage") -> None:
        """Take down what another test has left unplayed of it."""
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
    has_any: bool = False

    def add(self, told: dict[str, Any]) -> None:
        """Take down what was told of one session."""
        self.has_any = True
        self.outcomes.update(told["outcomes"])
        self.folders.add(Path(told["folder"]))
        usage = Usage(told["count"], told["unplayed"], told["is_judged"])
        path = Path(told["cassette"])
        if path in self.cassettes:
            self.cassettes[path].add(usage)
        else:
            self.cassettes[path] = usage

    def unused(self, folders: Sequence[Path]) -> Iterator[tuple[Path, int, list[str]]]:
        """Give each cassette below these folders of which something was not used: how much it holds, and what."""
        for path, usage in sorted(self.cassettes.items()):
            if usage.is_judged and usage.unplayed and _is_below(path, folders):
                yield path, usage.count, usage.unplayed
        for folder in sorted(self.folders):
            for path in sorted(folder.rglob("*.json")):
                is_known = path in self.cassettes or self._was_skipped(folder, path)
                if not is_known and _is_below(path, folders) and (lines := _recordings(path)):
                    yield path, len(lines), lines

    def _was_skipped(self, folder: Path, path: Path) -> bool:
        return path.relative_to(folder).with_suffix("").as_posix() in self.skipped

    def line(self, unused: int | None) -> str:
        """Say it in a line; `unused` is None where it cannot be told."""
        others = sorted(self.outcomes.keys() - set(_SHOWN))
        counts = [_counted(self.outcomes[outcome], outcome) for outcome in (*_SHOWN, *others)]
        told = counts if unused is None else [*counts, f"{unused} unused"]
        return f"runproxy: {', '.join(told)}"


class Summary:
    """Brings together what the reports of all tests tell, in the process that prints them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._totals = Totals()
        self._deselected = 0
        self._unused: list[tuple[Path, int, list[str]]] | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take down what a test tells; reports of other processes come here, too."""
        if told := getattr(report, "runproxy", None):
            self._totals.add(told)
        if skipped := getattr(report, "runproxy_skipped", None):
            self._totals.skipped.add(skipped)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Take down that not all tests are run."""
        self._deselected += len(items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take down what a worker of pytest-xdist has not run."""
        self._deselected += getattr(node, "workeroutput", {}).get(_DESELECTED, 0)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Look for recordings that were not used, if every test could have used them; fail if that is asked for."""
        folders = self._judged_folders()
        if exitstatus != pytest.ExitCode.OK or not self._totals.has_any or not folders:
            return
        self._unused = list(self._totals.unused(folders))
        if self._unused and self._policy() == "fail":
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    # Quoted, for pytest has that name since 8.4 only.
    def pytest_terminal_summary(self, terminalreporter: "pytest.TerminalReporter") -> None:
        """Print it."""
        if not self._totals.has_any:
            return
        unused = self._unused or []
        if unused and self._policy() != "ignore":
            terminalreporter.section("recordings that no test has asked for", red=self._policy() == "fail")
            for line in _listed(unused, self._config.rootpath):
                terminalreporter.write_line(line)
        count = None if self._unused is None else sum(len(lines) for _, _, lines in unused)
        terminalreporter.write_line(self._totals.line(count))

    def _policy(self) -> Literal["ignore", "warn", "fail"]:
        policy: Literal["ignore", "warn", "fail"] = self._config.getoption("runproxy_unused")
        return policy

    def _judged_folders(self) -> list[Path]:
        """Give the folders all of whose tests were run; none where only some were selected."""
        config = self._config
        if self._deselected or any(config.getoption(name, None) for name in _SELECTING):
            return []
        named = [Path(config.invocation_params.dir, argument) for argument in config.args]
        return named if all(path.is_dir() for path in named) else []


class Deselection:
    """In a worker of pytest-xdist: tells the others' process that not all tests are run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._deselected = 0

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Take down that not all tests are run."""
        self._deselected += len(items)

    def pytest_sessionfinish(self) -> None:
        """Tell it."""
        output: dict[str, Any] = getattr(self._config, "workeroutput", {})
        output[_DESELECTED] = self._deselected


def _counted(count: int, outcome: str) -> str:
    return f"{count} {'misses' if outcome == 'miss' and count != 1 else outcome}"


def _is_below(path: Path, folders: Sequence[Path]) -> bool:
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


def _listed(unused: Sequence[tuple[Path, int, list[str]]], root: Path) -> Iterator[str]:
    for path, count, lines in unused:
        shown = path.relative_to(root) if path.is_relative_to(root) else path
        yield f"{shown}: {f'none of {count} was' if len(lines) == count else f'{len(lines)} of {count} were not'} used"
        yield from (f"  {line}" for line in lines[:_MOST_LINES])
        if len(lines) > _MOST_LINES:
            yield f"  and {len(lines) - _MOST_LINES} more"
    yield "Where they are of no use any more, delete the file, and record what is still asked for:"
    yield "  pytest --runproxy-mode=record"
