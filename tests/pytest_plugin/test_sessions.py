"""The fixtures and the marker: what a test gets, what fails it, and what is recorded of it."""

import pytest

from tests.pytest_plugin.project import Project, line_of, names_of

ONE = """
def test_one(runproxy):
    assert call(base_url=runproxy.base_url) == 200
    assert [call.outcome for call in runproxy.calls] in (["replayed"], ["recorded"])
"""


def test_a_test_is_recorded_and_replayed(project: Project) -> None:
    """Into a cassette named after it, beside its file, and from there without an upstream."""
    project.write(ONE)
    recorded = project.record()
    recorded.assert_outcomes(passed=1)
    assert line_of(recorded) == "runproxy: 0 replayed, 1 recorded, 0 misses, 0 unused"
    assert list(project.cassettes) == ["test_calls/test_one.json"]
    replayed = project.run()
    replayed.assert_outcomes(passed=1)
    assert line_of(replayed) == "runproxy: 1 replayed, 0 recorded, 0 misses, 0 unused"


def test_the_marker_alone_is_enough(project: Project) -> None:
    """It points OPENAI_BASE_URL to the session before any fixture of the test is set up, and gives SDKs a key."""
    project.write("""
@pytest.fixture
def client():
    return os.environ["OPENAI_BASE_URL"]

@pytest.mark.runproxy
def test_marked(client):
    assert call(base_url=client) == 200
    assert os.environ["OPENAI_API_KEY"] == "runproxy-needs-no-key"

def test_unmarked():
    assert "OPENAI_BASE_URL" not in os.environ and "OPENAI_API_KEY" not in os.environ
""")
    project.record().assert_outcomes(passed=2)
    assert list(project.cassettes) == ["test_calls/test_marked.json"]


def test_the_fixture_alone_is_enough(project: Project) -> None:
    """A client that is made in its test calls the session, too, and still does when the test undoes its own patches."""
    project.write("""
def test_one(runproxy, monkeypatch):
    monkeypatch.setenv("OTHER", "x")
    monkeypatch.undo()
    assert os.environ["OPENAI_BASE_URL"] == runproxy.base_url
    assert os.environ["OPENAI_API_KEY"] == "runproxy-needs-no-key"

def test_other():
    assert "OPENAI_BASE_URL" not in os.environ and "OPENAI_API_KEY" not in os.environ
""")
    project.run().assert_outcomes(passed=2)


def test_a_key_that_is_there_stays(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is needed for recording; a proxy for the outside is not asked for calls to this machine."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-own")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv("NO_PROXY", "intranet")
    project.write("""
def test_one(runproxy_env):
    assert os.environ["OPENAI_API_KEY"] == "sk-own"
    assert os.environ["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert os.environ["OPENAI_BASE_URL"] == runproxy_env.base_url
    assert call() == 200
""")
    project.record().assert_outcomes(passed=1)


def test_a_miss_fails_the_test_though_the_error_was_swallowed(project: Project) -> None:
    """With the verdict, the command to record this test, and nothing of the insides of pytest."""
    project.write("""
@pytest.mark.runproxy
@pytest.mark.parametrize("user", ["a b"])
def test_one(user):
    call(user)
""")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*No recorded answer for POST /v1/threads/thread_abc123/runs/run_abc123: there is no cassette*",
            "To record it: pytest --runproxy-mode=record --runproxy-upstream=URL 'test_calls.py::test_one?a b?'",
            "Looked for in cassettes/test_calls/test_one-a_b~*.json, which is not there yet.",
            "FAILED *test_one* - Failed: No recorded answer for POST *",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    assert line_of(result) == "runproxy: 0 replayed, 0 recorded, 1 miss"


def test_a_client_that_outlives_its_test_fails_the_next_one(project: Project) -> None:
    """Though its error, which is no 404, was swallowed."""
    project.write("""
kept = []

@pytest.mark.runproxy
def test_one():
    kept.append(os.environ["OPENAI_BASE_URL"])
    assert call() == 200

@pytest.mark.runproxy
def test_two():
    assert call(base_url=kept[0]) == 501
""")
    result = project.record()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*_ test_two _*", "Calls came that belong to no test*", "  POST */threads/thread_abc123/runs/run_abc123"]
    )


def test_a_miss_is_shown_beside_what_failed_because_of_it(project: Project) -> None:
    """Once, in a section of its own."""
    project.write("""
@pytest.mark.runproxy
def test_one():
    assert call() == 200
""")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert 501 == 200*", "*- runproxy -*", "No recorded answer for POST*"])
    assert result.stdout.str().count("No recorded answer for POST") == 1


@pytest.mark.parametrize(
    ("source", "outcomes"),
    [
        pytest.param("    assert call() == 404", {"failed": 1}, id="failed"),
        pytest.param("    call(); pytest.skip('later')", {"skipped": 1}, id="skipped"),
        pytest.param("    call(); pytest.xfail('known')", {"xfailed": 1}, id="xfailed"),
    ],
)
def test_a_test_that_did_not_pass_records_nothing(project: Project, source: str, outcomes: dict[str, int]) -> None:
    """A cassette that was there before stays as it was, to the byte."""
    project.write(ONE)
    project.record()
    before = project.cassettes
    project.write(f"""
@pytest.mark.runproxy
def test_new():
{source}

def test_one(runproxy_env):
    call("another")
{source}
""")
    result = project.record()
    result.assert_outcomes(**{name: 2 * count for name, count in outcomes.items()})
    assert line_of(result).startswith("runproxy: 0 replayed, 0 recorded, 0 misses, 3 discarded")
    assert project.cassettes == before


IN_A_SUBTEST = """
import unittest

class Case(unittest.TestCase):
    @pytest.mark.runproxy
    def test_new(self):
        call()
        with self.subTest(part=1):
            self.fail("in a part")
        with self.subTest(part=2):
            pass
"""
IN_A_PART = """
@pytest.mark.runproxy
def test_new(subtests):
    call()
    with subtests.test("one"):
        assert False
    with subtests.test("two"):
        pass
"""
IN_TEARDOWN = """
@pytest.fixture(scope="function")
def broken():
    yield
    assert False, "while it was torn down"

@pytest.mark.runproxy
def test_new(broken):
    call()
"""


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(IN_A_SUBTEST, id="subTest"),
        pytest.param(IN_A_PART, id="subtests"),
        pytest.param(IN_TEARDOWN, id="teardown"),
        pytest.param(IN_TEARDOWN.replace("function", "session"), id="teardown-of-the-session"),
    ],
)
def test_what_fails_beside_the_test_itself_counts(project: Project, source: str) -> None:
    """Nothing is written when a subtest or the end of a fixture has failed."""
    project.write(source)
    result = project.record()
    assert (result.ret, line_of(result)) == (1, "runproxy: 0 replayed, 0 recorded, 0 misses, 1 discarded")
    assert project.cassettes == {}


def test_what_cannot_be_written_is_an_error_of_the_test(project: Project) -> None:
    """Told once, without a traceback."""
    project.write("""
@pytest.fixture
def in_the_way(request):
    yield
    (request.path.parent / "cassettes").write_text("a file")

@pytest.mark.runproxy
def test_one(in_the_way):
    call()
""")
    result = project.record()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_one*", "runproxy: *cassettes*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_what_is_called_while_fixtures_are_set_up_and_torn_down_counts(project: Project) -> None:
    """It is recorded with the test, and a miss in the end is an error of it."""
    project.write("""
@pytest.fixture
def thread(runproxy_env):
    call("up")
    yield
    call("down")

def test_one(thread):
    call("in between")
""")
    assert line_of(project.record()) == "runproxy: 0 replayed, 3 recorded, 0 misses, 0 unused"
    project.run().assert_outcomes(passed=1)
    path = project.folder / "test_calls" / "test_one.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"user_id": "down"', '"user_id": "gone"'), encoding="utf-8")
    result = project.run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_one*", '*you sent "down", recorded *'])


def test_an_expected_failure_may_be_a_miss(project: Project) -> None:
    """xfail knows of it, and misses may be allowed."""
    project.write("""
@pytest.mark.xfail(strict=True, reason="not recorded yet")
@pytest.mark.runproxy
def test_expected():
    call()

@pytest.mark.xfail(reason="not recorded yet")
@pytest.mark.runproxy
def test_raised():
    assert call() == 200

@pytest.mark.runproxy(allow_misses=True)
def test_allowed():
    assert call() == 501
""")
    project.run().assert_outcomes(xfailed=2, passed=1)


def test_names_of_cassettes(project: Project) -> None:
    """Functions, methods and parameters, next to the file; ids that look alike have cassettes of their own."""
    project.write("""
pytestmark = pytest.mark.runproxy

@pytest.mark.parametrize("user", ["gpt-4o", "a/b", "a:b", "A", "a", "", "x.json", "x"])
def test_one(user):
    call(user)

class TestUpdate:
    def test_two(self):
        call()
""")
    project.pytester.mkpydir("sub")
    project.pytester.path.joinpath("sub", "test_more.py").write_text("def test_x(runproxy): pass\n")
    project.record().assert_outcomes(passed=10)
    assert sorted(names_of(project.folder)) == sorted(
        f"test_calls/{name}.json"
        for name in (
            "TestUpdate.test_two", "test_one-gpt-4o", "test_one-a_b~", "test_one-a_b~", "test_one-A~", "test_one-a",
            "test_one-~", "test_one-x.json~", "test_one-x",
        )
    )  # fmt: skip
    project.run().assert_outcomes(passed=10)


def test_a_cassette_may_be_shared(project: Project) -> None:
    """Tests that name one each play it from its start."""
    project.write("""
@pytest.mark.runproxy("shared")
def test_one():
    assert call() == 200

@pytest.mark.runproxy(cassette="shared")
class TestMore:
    def test_two(self, runproxy):
        assert call() == 200
        runproxy.assert_all_played()
""")
    project.record("-k", "test_one")
    project.run().assert_outcomes(passed=2)
    assert list(project.cassettes) == ["shared.json"]


def test_the_line_goes_before_the_marker_and_that_before_the_settings(project: Project) -> None:
    """And what is said of matching adds up."""
    project.pytester.makeconftest("""
import pytest

@pytest.fixture(scope="session")
def runproxy_config():
    return {"mode": "verify", "folder": "tapes", "match": {"ignore_body": ["/metadata/user_id"]}}
""")
    project.write("""
@pytest.mark.runproxy(mode="auto", upstream="http://127.0.0.1:9/v1", match={"ignore_query": ["t"]})
def test_one(runproxy):
    assert runproxy.mode == os.environ["EXPECTED"]
    assert runproxy.folder.name == "tapes"
    if runproxy.mode == "replay":
        assert call("another") == 200
        runproxy.assert_all_played()
    else:
        call()
""")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPECTED", "record")
        project.record().assert_outcomes(passed=1)
        patch.setenv("EXPECTED", "replay")
        project.run("--runproxy-mode=replay").assert_outcomes(passed=1)
        patch.setenv("EXPECTED", "auto")
        project.run(f"--runproxy-upstream={project.upstream}").assert_outcomes(passed=1)
    assert (project.pytester.path / "tapes" / "test_calls" / "test_one.json").exists()


def test_the_settings_file_of_the_project_counts(project: Project) -> None:
    """runproxy.toml in the root, where the command reads it as well."""
    project.write(ONE.replace("== 200", "== 400").replace('in (["replayed"], ["recorded"])', '== ["refused"]'))
    project.pytester.path.joinpath("runproxy.toml").write_text('[policy]\nrequired = ["team"]\n', encoding="utf-8")
    project.run().assert_outcomes(passed=1)


def test_a_pipeline_never_records(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """CI=true means replay, whatever the command line and the marker say, unless the settings allow it."""
    project.write(ONE)
    monkeypatch.setenv("CI", "true")
    result = project.record()
    result.assert_outcomes(failed=1)
    header = "runproxy: mode record, which replays with CI=true unless the settings say allow_record_in_ci"
    result.stdout.fnmatch_lines([header])
    assert project.cassettes == {}
    project.pytester.path.joinpath("runproxy.toml").write_text("allow_record_in_ci = true\n", encoding="utf-8")
    allowed = project.record()
    allowed.assert_outcomes(passed=1)
    allowed.stdout.fnmatch_lines([header])
    assert line_of(allowed).startswith("runproxy: 0 replayed, 1 recorded")


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        pytest.param(
            "(record_mode='once')", "there is no 'record_mode'; there are allow_misses, cassette, config", id="unknown"
        ),
        pytest.param("('a', 'b')", "takes the name of one cassette, and all else by keyword", id="two-names"),
    ],
)
def test_a_marker_that_cannot_be_is_told_before_any_test_runs(project: Project, marker: str, told: str) -> None:
    """It names the test."""
    project.write(f"@pytest.mark.runproxy{marker}\ndef test_one(): pass\n")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: test_calls.py::test_one: @pytest.mark.runproxy: {told}*"])


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        pytest.param("mode='record'", "none is named: set upstream*--runproxy-upstream=URL", id="no-upstream"),
        pytest.param("cassette='../x'", "'../x' is no cassette name", id="name"),
        pytest.param("match={'x': 1}", "match.x: no such setting", id="match"),
    ],
)
def test_what_cannot_be_used_is_told_without_a_traceback(project: Project, marker: str, told: str) -> None:
    """As an error of the test."""
    project.write(f"@pytest.mark.runproxy({marker})\ndef test_one(): pass\n")
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"runproxy: *{told}*"])
    result.stdout.no_fnmatch_line("*.py:*: *Error*")
    result.stdout.no_fnmatch_line("*The above exception was the direct cause*")
    result.stdout.no_fnmatch_line("*During handling of the above exception*")


@pytest.mark.parametrize(
    ("gives", "told"),
    [
        pytest.param("None", "must return a mapping of arguments, and has returned None.", id="nothing"),
        pytest.param("{'cassette': 'x'}", "there is no 'cassette'; there are allow_misses, config, *", id="name"),
    ],
)
def test_a_runproxy_config_that_cannot_be_used_is_told(project: Project, gives: str, told: str) -> None:
    """As an error of each test, without a traceback."""
    project.pytester.makeconftest(f"""
import pytest

@pytest.fixture(scope="session")
def runproxy_config():
    return {gives}
""")
    project.write("def test_one(runproxy): pass\n")
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"runproxy: test_calls.py::test_one: runproxy_config: {told}"])
    result.stdout.no_fnmatch_line("*TypeError*")


def test_a_broken_cassette_is_told(project: Project) -> None:
    """With its path, and never taken for an empty one."""
    project.write(ONE)
    project.record()
    (project.folder / "test_calls" / "test_one.json").write_text("[]", encoding="utf-8")
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["runproxy: */cassettes/test_calls/test_one.json: *"])


def test_further_sessions_come_from_the_server(project: Project) -> None:
    """For fixtures of a wider scope, and tests that need two."""
    project.write("""
@pytest.fixture(scope="module")
def shared(runproxy_server, request):
    with runproxy_server.cassette("shared", folder=request.path.parent / "cassettes", on_exhausted="last") as proxy:
        yield proxy

def test_one(shared, runproxy):
    assert call(base_url=shared.base_url) == 200
    assert call(base_url=runproxy.base_url) == 200
    assert shared.url.startswith("http://127.0.0.1:") and shared.url != runproxy.url
""")
    project.write(
        """
@pytest.mark.runproxy("shared")
def test_made():
    call()

@pytest.mark.runproxy("test_calls/test_one")
def test_made_too():
    call()
""",
        "test_made",
    )
    project.record("test_made.py")
    project.run("test_calls.py").assert_outcomes(passed=1)


def test_unittest_cases_may_be_marked(project: Project) -> None:
    """The marker works there, too, and a miss fails the test."""
    project.write("""
import unittest

@pytest.mark.runproxy
class Case(unittest.TestCase):
    def test_one(self):
        self.assertIn(call(), (200, 501))
""")
    project.run().assert_outcomes(failed=1)
    project.record().assert_outcomes(passed=1)
    assert list(project.cassettes) == ["test_calls/Case.test_one.json"]
    project.run().assert_outcomes(passed=1)


def test_the_command_to_record_works_where_pytest_was_started(project: Project) -> None:
    """Its path starts there, and not in the root of the project; paths in the settings start in the root."""
    project.pytester.makeconftest("""
import pytest

@pytest.fixture(scope="session")
def runproxy_config():
    return {"folder": "tapes"}
""")
    sub = project.pytester.mkdir("sub")
    (sub / "test_sub.py").write_text(
        "from test_calls import call\ndef test_one(runproxy):\n    call(base_url=runproxy.base_url)\n", encoding="utf-8"
    )
    project.write("")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(sub)
        patch.syspath_prepend(project.pytester.path)
        result = project.run()
    result.stdout.fnmatch_lines(
        [
            "To record it: pytest --runproxy-mode=record --runproxy-upstream=URL test_sub.py::test_one",
            f"Looked for in {project.pytester.path}/tapes/test_sub/test_one.json, which is not there yet.",
        ]
    )
