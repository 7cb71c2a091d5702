"""What all tests share: nothing of the surrounding environment reaches them, skips can be made failures, figures
that tests have counted are printed in the end, and every cassette that they leave behind is held against the schema.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from jsonschema import Draft202012Validator

from runproxy.cassettes import FORMAT, decode
from runproxy.cassettes.schema import make_schema
from runproxy.errors import CassetteError

pytest_plugins = ["pytester"]  # for tests/pytest_plugin; only the topmost conftest may say it
_FOR_TESTS = {"RUNPROXY_OPENAPI", "RUNPROXY_REQUIRE"}
_MOST_BYTES = 64 * 1024
"""Larger cassettes hold more of the same, and would take long to check."""
_MOST_FILES = 20
_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Callable[[str, Mapping[str, int]], None]:
    """Give a function that takes a title and figures, which are printed when all tests have run."""
    lines = pytestconfig.stash.setdefault(_FIGURES, [])

    def take(title: str, figures: Mapping[str, int]) -> None:
        lines.append(f"{title}: {', '.join(f'{name} {count}' for name, count in figures.items())}")

    return take


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the figures over where this process is one of several that run tests."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["figures"] = session.config.stash.get(_FIGURES, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the figures of a process that has run some of the tests."""
    node.config.stash.setdefault(_FIGURES, []).extend(getattr(node, "workeroutput", {}).get("figures", []))


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter", config: pytest.Config) -> None:
    """Print the figures."""
    lines = config.stash.get(_FIGURES, [])
    if lines:
        terminalreporter.section("figures")
        for line in sorted(lines):
            terminalreporter.write_line(line)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of the person or the pipeline out of the tests."""
    for name in list(os.environ):
        if name == "CI" or (name.startswith("RUNPROXY_") and name not in _FOR_TESTS):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _log_is_as_it_was() -> Iterator[None]:
    """Undo what a command that ran in this process has set up for the log, also in loggers that were used since."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        for name, module in list(sys.modules.items()):
            if name.startswith("runproxy.") and (log := getattr(module, "_log", None)) is not None:
                vars(log).pop("bind", None)  # where structlog keeps the logger it has made for good


@pytest.fixture(scope="session")
def schema() -> Draft202012Validator:
    """Give what holds cassettes against their schema."""
    return Draft202012Validator(make_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)


@pytest.fixture(autouse=True)
def _cassettes_are_valid(request: pytest.FixtureRequest, schema: Draft202012Validator) -> Iterator[None]:
    """Hold every cassette that a test leaves in its folder, and that can be read, against the schema."""
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    for text in _cassettes(folder) if folder else ():
        schema.validate(json.loads(text))


def _cassettes(folder: Path) -> Iterator[bytes]:
    paths = [path for path in sorted(folder.rglob("*.json")) if path.is_file()]
    for path in [path for path in paths if path.stat().st_size < _MOST_BYTES][:_MOST_FILES]:
        text = path.read_bytes()
        try:
            if FORMAT.encode() in text and len(decode(text, str(path))):
                yield text
        except CassetteError:  # broken on purpose
            continue


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> object:
    """Under RUNPROXY_REQUIRE=all a skipped test is a failed one: there, everything must be installed."""
    report = yield
    if isinstance(report, pytest.TestReport) and report.skipped and os.environ.get("RUNPROXY_REQUIRE") == "all":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which RUNPROXY_REQUIRE=all does not allow: {report.longrepr}"
    if isinstance(report, pytest.TestReport) and report.failed and not _is_unicode(text := str(report.longrepr)):
        # pytest-xdist sends nothing else from process to process, and gives up the whole run over it.
        report.longrepr = text.encode("utf-8", "backslashreplace").decode()
    return report


def _is_unicode(text: str) -> bool:
    """Tell whether a text holds no lone surrogates, as those that tests try things out with do."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
