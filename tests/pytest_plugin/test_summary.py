"""The line in the end, and the recordings that no test has asked for."""

import shlex
import subprocess
import sys
from collections.abc import Sequence

import pytest

from tests.pytest_plugin.project import Project, line_of

TWO = """
@pytest.mark.runproxy
@pytest.mark.parametrize("user", ["a", "b"])
def test_one(user):
    for nth in range(int(os.environ.get("TIMES", "2"))):
        call(f"{user}{nth}")

def test_other():
    pass
"""
UNUSED = "*recordings that no test has asked for*"


@pytest.fixture
def stale(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Give a project with four recordings, of which the tests ask for two from now on, and a cassette of nobody's."""
    project.write(TWO)
    project.record()
    gone = project.folder / "test_gone" / "test_x.json"
    gone.parent.mkdir()
    gone.write_bytes((project.folder / "test_calls" / "test_one-a.json").read_bytes())
    (project.folder / "notes.json").write_text("{}", encoding="utf-8")
    monkeypatch.setenv("TIMES", "1")
    return project


def test_what_nobody_asked_for_is_listed(stale: Project) -> None:
    """Single recordings, and whole cassettes; a full run without failures passes all the same."""
    result = stale.run()
    assert (result.ret, line_of(result)) == (0, "runproxy: 2 replayed, 0 recorded, 0 misses, 4 unused")
    result.stdout.fnmatch_lines(
        [
            UNUSED,
            "cassettes/test_calls/test_one-a.json: 1 of 2 were not used",
            "  [[]1[]] POST /v1/threads/thread_abc123/runs/run_abc123",
            "cassettes/test_calls/test_one-b.json: 1 of 2 were not used",
            "cassettes/test_gone/test_x.json: none of 2 was used",
            "Where they are of no use any more:",
            "  pytest --runproxy-usage-file=usage.json",
            "  runproxy cassette prune cassettes/test_calls/test_one-a --dir . --unused usage.json --write",
            "  runproxy cassette prune cassettes/test_calls/test_one-b --dir . --unused usage.json --write",
            "  rm cassettes/test_gone/test_x.json",
        ]
    )
    result.stdout.no_fnmatch_line("*notes*")


def test_following_the_advice_takes_out_what_is_unused_and_nothing_else(stale: Project) -> None:
    """Word for word, and without an upstream."""
    lines = [line.strip() for line in stale.run().outlines]
    writing, *commands = [line for line in lines if line.startswith(("pytest --", "runproxy cassette", "rm "))]
    before = stale.cassettes
    advised = stale.run(*shlex.split(writing)[1:])
    assert [line.strip() for line in advised.outlines if line.strip().startswith(("pytest --", "runproxy cas", "rm "))]
    for command in commands:
        program, *arguments = shlex.split(command)
        known = {"runproxy": [sys.executable, "-c", "from runproxy.cli import main; main()"], "rm": ["rm"]}
        subprocess.run([*known[program], *arguments], cwd=stale.pytester.path, check=True, timeout=60)
    assert line_of(stale.run("--runproxy-unused=fail")) == "runproxy: 2 replayed, 0 recorded, 0 misses, 0 unused"
    assert before.keys() - stale.cassettes.keys() == {"test_gone/test_x.json"}


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(["-k", "test_one"], 0, "only a full run without failures tells what is unused", id="part"),
        pytest.param(["--runproxy-usage-file=none/usage.json"], 1, "No such file or directory", id="folder"),
    ],
)
def test_a_usage_report_that_is_not_written_is_told(
    stale: Project, arguments: Sequence[str], code: int, told: str
) -> None:
    """With the reason; the run fails where it could have been written."""
    result = stale.run("--runproxy-usage-file=usage.json", *arguments)
    assert result.ret == code
    result.stdout.fnmatch_lines([f"runproxy: *usage.json is not written: {told}"])
    assert not (stale.pytester.path / "usage.json").exists()


@pytest.mark.parametrize(("policy", "code", "listed"), [("ignore", 0, 0), ("warn", 0, 1), ("fail", 1, 1)])
def test_what_becomes_of_it_can_be_chosen(stale: Project, policy: str, code: int, listed: int) -> None:
    """The count is told in any case."""
    result = stale.run(f"--runproxy-unused={policy}")
    assert result.ret == code
    assert line_of(result).endswith(", 4 unused")
    assert result.stdout.str().count(UNUSED.strip("*")) == listed


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["-k", "test_one"], id="-k"),
        pytest.param(["-m", "runproxy"], id="-m"),
        pytest.param(["test_calls.py"], id="file"),
        pytest.param(["test_calls.py::test_one"], id="node"),
        pytest.param(["--deselect", "test_calls.py::test_other"], id="--deselect"),
        pytest.param(["--ignore", "nothing"], id="--ignore"),
        pytest.param(["--lf"], id="--lf"),
    ],
)
def test_nothing_is_said_of_it_where_only_some_tests_are_run(stale: Project, arguments: Sequence[str]) -> None:
    """What a test that was not run may ask for is not told to be unused, and fails nothing."""
    result = stale.run("--runproxy-unused=fail", *arguments)
    assert (result.ret, line_of(result)) == (0, "runproxy: 2 replayed, 0 recorded, 0 misses")


def test_a_plugin_that_deselects_tests_is_noticed(stale: Project) -> None:
    """Whatever its reason."""
    stale.pytester.makeconftest("""
def pytest_collection_modifyitems(config, items):
    config.hook.pytest_deselected(items=[items.pop()])
""")
    assert line_of(stale.run("--runproxy-unused=fail")) == "runproxy: 2 replayed, 0 recorded, 0 misses"


def test_nothing_is_said_of_it_after_a_failure(stale: Project) -> None:
    """A test that broke off early could not ask for the rest."""
    stale.write("def test_broken():\n    assert False\n", "test_more")
    result = stale.run("--runproxy-unused=fail")
    assert line_of(result) == "runproxy: 2 replayed, 0 recorded, 0 misses"
    result.stdout.no_fnmatch_line(UNUSED)


def test_folders_that_were_not_run_are_left_out(stale: Project) -> None:
    """Whoever runs one folder of tests is told of its cassettes only."""
    stale.pytester.mkdir("sub")
    stale.pytester.path.joinpath("sub", "test_sub.py").write_text("def test_x(runproxy): pass\n")
    assert line_of(stale.run("sub")) == "runproxy: 0 replayed, 0 recorded, 0 misses, 0 unused"
    assert line_of(stale.run(".")).endswith("4 unused")


def test_cassettes_of_tests_that_were_skipped_are_left_out(project: Project) -> None:
    """Or that failed as expected: they could not ask for theirs."""
    project.write("""
@pytest.mark.runproxy
@pytest.mark.skipif("SKIPS" in os.environ, reason="not here")
def test_skipped():
    call()

@pytest.mark.runproxy
def test_expected():
    if "SKIPS" in os.environ:
        pytest.xfail("known")
    call()

@pytest.mark.runproxy
def test_one():
    call()
""")
    project.record()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKIPS", "1")
        result = project.run("--runproxy-unused=fail")
    result.assert_outcomes(passed=1, skipped=1, xfailed=1)
    assert (result.ret, line_of(result)) == (0, "runproxy: 1 replayed, 0 recorded, 0 misses, 0 unused")


@pytest.mark.parametrize("processes", ["one", "several"])
def test_cassettes_beside_a_module_that_was_skipped_are_left_out(stale: Project, processes: str) -> None:
    """Its tests were never known, and may use any of them; other folders are judged."""
    sub = stale.pytester.mkdir("sub")
    stale.pytester.makepyfile(
        **{
            "sub/test_sub": "import pytest\npytest.importorskip('no_such_module')\n",
            "sub/test_two": "def test_x(runproxy): pass",
        }
    )
    path = sub / "cassettes" / "test_sub" / "test_x.json"
    path.parent.mkdir(parents=True)
    path.write_bytes((stale.folder / "test_gone" / "test_x.json").read_bytes())
    result = stale.run("--runproxy-unused=fail") if processes == "one" else stale.run_apart("-p", "xdist", "-n1")
    assert line_of(result) == "runproxy: 2 replayed, 0 recorded, 0 misses, 4 unused"
    result.stdout.no_fnmatch_line("sub/*used")


def test_what_one_test_leaves_another_may_use(project: Project) -> None:
    """Only what none of those that share a cassette has asked for is unused."""
    project.write("""
@pytest.mark.runproxy("shared")
@pytest.mark.parametrize("user", ["a", "b"])
def test_one(user, request):
    for name in ("a", "b", "c") if request.config.getoption("runproxy_mode") == "record" else user:
        call(name)
""")
    project.record("-k", "a")
    assert line_of(project.run()) == "runproxy: 2 replayed, 0 recorded, 0 misses, 1 unused"


def test_the_other_outcomes_are_counted_too(project: Project) -> None:
    """As what the guard refuses."""
    project.write("""
def test_one(runproxy_env):
    assert call("x" * 513) == 400
""")
    assert line_of(project.run()) == "runproxy: 0 replayed, 0 recorded, 0 misses, 1 refused, 0 unused"


def test_nothing_is_printed_where_no_test_uses_it(project: Project) -> None:
    """The plugin is loaded in every run of pytest."""
    project.write("def test_one(): pass\n")
    project.run().stdout.no_fnmatch_line("*runproxy*")
