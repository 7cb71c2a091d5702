"""What all tests share: nothing of the surrounding environment reaches them, skips can be made failures, and figures
that tests have counted are printed in the end.
"""

import os
from collections.abc import Callable, Mapping

import pytest

_FOR_TESTS = {"RUNPROXY_OPENAPI", "RUNPROXY_REQUIRE"}
_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Callable[[str, Mapping[str, int]], None]:
    """Give a function that takes a title and figures, which are printed when all tests have run."""
    lines = pytestconfig.stash.setdefault(_FIGURES, [])

    def take(title: str, figures: Mapping[str, int]) -> None:
        lines.append(f"{title}: {', '.join(f'{name} {count}' for name, count in figures.items())}")

    return take


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the figures."""
    lines = config.stash.get(_FIGURES, [])
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of the person or the pipeline out of the tests."""
    for name in list(os.environ):
        if name == "CI" or (name.startswith("RUNPROXY_") and name not in _FOR_TESTS):
            monkeypatch.delenv(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> object:
    """Under RUNPROXY_REQUIRE=all a skipped test is a failed one: there, everything must be installed."""
    report = yield
    if isinstance(report, pytest.TestReport) and report.skipped and os.environ.get("RUNPROXY_REQUIRE") == "all":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which RUNPROXY_REQUIRE=all does not allow: {report.longrepr}"
    return report
