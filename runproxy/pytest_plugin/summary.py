"""What is told in the end, of the tests of all processes: what was played, and what nobody has asked for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from runproxy.pytest_plugin.totals import Totals
from runproxy.pytest_plugin.unused import Unused, advice, usage_report

_DESELECTED: Final = "runproxy_deselected"
_SKIPPED: Final = "runproxy_skipped_folders"
_SELECTING: Final = (
    "keyword", "markexpr", "lf", "stepwise", "deselect", "ignore", "ignore_glob", "collectonly", "setuponly",
    "setupplan", "pyargs",
)  # fmt: skip
"""Options after which only some of the tests are run."""


class Summary:
    """Brings together what the reports of all tests tell, in the process that prints them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._totals = Totals()
        self._deselected = 0
        self._unused: list[Unused] | None = None
        self._usage_file: str | None = config.getoption("runproxy_usage_file")
        self._unwritten = "only a full run without failures tells what is unused"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take down what a test tells; reports of other processes come here, too."""
        if told := getattr(report, "runproxy", None):
            self._totals.add(told)
        if skipped := getattr(report, "runproxy_skipped", None):
            self._totals.skipped.add(skipped)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Take down that not all tests are run."""
        self._deselected += len(items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take down that a module was skipped, whose tests may use any cassette of its folder."""
        if folder := _skipped_folder(report, self._config.rootpath):
            self._totals.skipped_folders.add(folder)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take down what a worker of pytest-xdist has not run."""
        output = getattr(node, "workeroutput", {})
        self._deselected += output.get(_DESELECTED, 0)
        self._totals.skipped_folders.update(map(Path, output.get(_SKIPPED, ())))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Look for recordings that were not used, if every test could have used them; fail if that is asked for."""
        folders = self._judged_folders()
        if exitstatus != pytest.ExitCode.OK or not self._totals.has_any or not folders:
            return
        self._unused = [Unused(*found) for found in self._totals.unused(folders)]
        if self._usage_file is not None:
            path = Path(self._config.invocation_params.dir, self._usage_file)
            self._unwritten = _write(path, usage_report(self._totals.judged(folders), self._config.rootpath))
        is_unwritten = self._usage_file is not None and self._unwritten
        if is_unwritten or (self._unused and self._policy() == "fail"):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    # Quoted, for pytest has that name since 8.4 only.
    def pytest_terminal_summary(self, terminalreporter: "pytest.TerminalReporter") -> None:
        """Print it."""
        if not self._totals.has_any:
            return
        unused = self._unused or []
        if unused and self._policy() != "ignore":
            terminalreporter.section("recordings that no test has asked for", red=self._policy() == "fail")
            for line in self._told(unused):
                terminalreporter.write_line(line)
        if self._usage_file is not None and self._unwritten:
            terminalreporter.write_line(f"runproxy: {self._usage_file} is not written: {self._unwritten}")
        count = None if self._unused is None else sum(len(one.lines) for one in unused)
        terminalreporter.write_line(self._totals.line(count))

    def _told(self, unused: Sequence[Unused]) -> list[str]:
        root, folder = self._config.rootpath, self._config.invocation_params.dir
        listed = [line for one in unused for line in one.listed(root)]
        return [*listed, *advice(unused, root, folder, self._usage_file)]

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
        self._skipped: set[str] = set()

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Take down that not all tests are run."""
        self._deselected += len(items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take down that a module was skipped."""
        if folder := _skipped_folder(report, self._config.rootpath):
            self._skipped.add(str(folder))

    def pytest_sessionfinish(self) -> None:
        """Tell it."""
        output: dict[str, Any] = getattr(self._config, "workeroutput", {})
        output[_DESELECTED] = self._deselected
        output[_SKIPPED] = sorted(self._skipped)


def _skipped_folder(report: pytest.CollectReport, root: Path) -> Path | None:
    """Give the folder of what was skipped while it was collected: a module, or a whole folder; None of all else."""
    if not report.skipped:
        return None
    path = root / report.nodeid.partition("::")[0]
    return path if path.is_dir() else path.parent


def _write(path: Path, report: str) -> str:
    """Write a usage report; gives why that cannot be, or nothing."""
    try:
        path.write_text(report, encoding="utf-8")
    except OSError as error:
        return str(error.strerror)
    return ""
