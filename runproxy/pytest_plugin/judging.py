"""What a session has to say to the outcome of its test, and what is reported of it."""

from typing import TYPE_CHECKING, Any, Final

import pytest

from runproxy.pytest_plugin.flags import MARKER, marked_by
from runproxy.pytest_plugin.naming import cassette_of

if TYPE_CHECKING:
    from runproxy.testing import CassetteSession


class Held:
    """The session of one test, what has been told of it already, and whether the test has passed."""

    def __init__(self, session: "CassetteSession") -> None:
        self.session = session
        self.has_passed = False
        self._told: list[str] = []

    def news(self) -> str:
        """Say what is wrong and was not said before; empty where there is nothing."""
        problems = self.session.problems()
        news = [problem for problem in problems if problem not in self._told]
        self._told = problems
        return "\n".join(news)

    def end(self) -> None:
        """End the session, and keep its recordings if the test has passed; raises `RunproxyError`."""
        news = self.news()
        self.session.end(keeps=self.has_passed and not self._told)
        if news:
            pytest.fail(news, pytrace=False)

    def drop(self) -> None:
        """End the session if it is not over, and keep nothing."""
        self.session.end(keeps=False)

    def told(self) -> dict[str, Any]:
        """Tell what became of the session, in plain values, which pass from one process to another."""
        session = self.session
        usage = session.usage
        return {
            "cassette": str(session.path.absolute()),
            "folder": str(session.folder.absolute()),
            "outcomes": session.outcomes,
            "count": usage.interactions if usage else 0,
            "unplayed": session.unplayed,
            "is_judged": usage is not None and self.has_passed,
        }


HELD: Final = pytest.StashKey[Held]()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let the marker alone be enough: it stands for the fixture, which is set up before all others.

    Raises `pytest.UsageError` for a marker that says what cannot be.
    """
    if item.get_closest_marker(MARKER) is None:
        return
    marked_by(item)
    names = getattr(item, "fixturenames", None)
    if names is not None and "runproxy_env" not in names:
        names.insert(0, "runproxy_env")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> object:
    """Fail a test that missed recordings, also where the code under test made nothing of it."""
    result = yield
    held = item.stash.get(HELD, None)
    if held is not None and (news := held.news()):
        pytest.fail(news, pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Show what was missed beside what failed because of it, and let the summary know of the session."""
    report: pytest.TestReport = yield
    held = item.stash.get(HELD, None)
    if held is None:
        if report.skipped and {"runproxy", "runproxy_env"} & {*getattr(item, "fixturenames", ())}:
            vars(report)["runproxy_skipped"] = cassette_of(item)  # what it holds was not asked for, and may be used
        return report
    if report.when == "call":
        held.has_passed = report.passed
    if report.failed and (news := held.news()):
        report.sections.append(("runproxy", news))
    if report.when == "teardown":
        vars(report)["runproxy"] = held.told()  # passes from a worker of pytest-xdist to the process that prints
        del item.stash[HELD]
    return report
