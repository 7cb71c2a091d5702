"""What a session has to say to the outcome of its test, and what is reported of it."""

from typing import TYPE_CHECKING, Any, Final

import pytest

from runproxy.pytest_plugin.flags import MARKER, marked_by
from runproxy.pytest_plugin.naming import cassette_of

if TYPE_CHECKING:
    from runproxy.testing import CassetteSession

_UNLESS_KEPT: Final = {"recorded": "discarded"}


class Held:
    """The session of one test, what has been told of it already, and whether the test has passed."""

    def __init__(self, session: "CassetteSession") -> None:
        self.session = session
        self._has_run = False
        self._has_failed = False
        self._is_kept = False
        self._told: list[str] = []

    def news(self) -> str:
        """Say what is wrong and was not said before; empty where there is nothing."""
        problems = self.session.problems()
        news = [problem for problem in problems if problem not in self._told]
        self._told = problems
        return "\n".join(news)

    @property
    def has_passed(self) -> bool:
        """Whether the test has run, and nothing of it has failed until now."""
        return self._has_run and not self._has_failed

    def note(self, report: pytest.TestReport) -> None:
        """Take down the outcome of a part of the test; a subtest is one, and is reported before the test it is in."""
        if report.failed:
            self._has_failed = True
        elif report.when == "call":
            self._has_run = report.passed

    def keep(self) -> None:
        """Keep what was recorded, if all is well; raises `CassetteError`."""
        if self.has_passed and not self._told:
            self.session.keep()
            self._is_kept = True

    def _outcomes(self) -> dict[str, int]:
        """Count the calls; what was recorded and is not kept was discarded."""
        counts = self.session.outcomes
        return counts if self._is_kept else {_UNLESS_KEPT.get(name, name): count for name, count in counts.items()}

    def told(self) -> dict[str, Any]:
        """Tell what became of the session, in plain values, which pass from one process to another."""
        session = self.session
        usage = session.usage
        return {
            "cassette": str(session.path.absolute()),
            "folder": str(session.folder.absolute()),
            "outcomes": self._outcomes(),
            "count": usage.interactions if usage else 0,
            "digest": usage.digest if usage else "",
            "unused": list(usage.unused) if usage else [],
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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> object:
    """Keep what was recorded once every fixture has been torn down without an error; a miss until then fails it."""
    result = yield
    if (held := item.stash.get(HELD, None)) is not None:
        if news := held.news():
            pytest.fail(news, pytrace=False)
        if refused := _refused(held):
            pytest.fail(refused, pytrace=False)
    return result


def _refused(held: Held) -> str:
    """Keep what was recorded, and say why that cannot be; empty where it could."""
    from runproxy.errors import RunproxyError

    try:
        held.keep()
    except RunproxyError as error:
        return f"runproxy: {error}"
    return ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Show what was missed beside what failed because of it, and let the summary know of the session."""
    report: pytest.TestReport = yield
    held = item.stash.get(HELD, None)
    if held is None:
        if report.skipped and {"runproxy", "runproxy_env"} & {*getattr(item, "fixturenames", ())}:
            vars(report)["runproxy_skipped"] = cassette_of(item)  # what it holds was not asked for, and may be used
        return report
    held.note(report)
    if (report.failed or hasattr(report, "wasxfail")) and (news := held.news()):
        report.sections.append(("runproxy", news))
    if report.when == "teardown":
        vars(report)["runproxy"] = held.told()  # passes from a worker of pytest-xdist to the process that prints
        del item.stash[HELD]
    return report
