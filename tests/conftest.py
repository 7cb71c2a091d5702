"""What all tests share: nothing of the surrounding environment reaches them, and skips can be made failures."""

import os

import pytest


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of the person or the pipeline out of the tests."""
    for name in list(os.environ):
        if name == "CI" or (name.startswith("RUNPROXY_") and name != "RUNPROXY_REQUIRE"):
            monkeypatch.delenv(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> object:
    """Under RUNPROXY_REQUIRE=all a skipped test is a failed one: there, everything must be installed."""
    report = yield
    if isinstance(report, pytest.TestReport) and report.skipped and os.environ.get("RUNPROXY_REQUIRE") == "all":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which RUNPROXY_REQUIRE=all does not allow: {report.longrepr}"
    return report
