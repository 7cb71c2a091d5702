"""The plugin beside others: pytest-xdist, pytest-asyncio, anyio and pytest-recording; and where nobody uses it."""

import sys

import pytest

from tests.pytest_plugin.project import Project, line_of

MANY = """
@pytest.mark.runproxy
@pytest.mark.parametrize("user", range(8))
def test_one(user):
    assert call(str(user)) == 200
"""


def test_the_workers_of_xdist_are_summed_up(project: Project) -> None:
    """Each has a server of its own; what they played, missed and left unused stands in one line."""
    project.write(MANY)
    recorded = project.run_apart(
        "-p", "xdist", "-n2", "--runproxy-mode=record", f"--runproxy-upstream={project.upstream}"
    )
    recorded.assert_outcomes(passed=8)
    assert line_of(recorded) == "runproxy: 0 replayed, 8 recorded, 0 misses, 0 unused"
    path = project.folder / "test_calls" / "test_one-7.json"
    path.rename(path.with_name("test_gone.json"))
    project.write(MANY.replace("range(8)", "range(7)"))
    replayed = project.run_apart("-p", "xdist", "-n2", "--runproxy-unused=fail")
    assert line_of(replayed) == "runproxy: 7 replayed, 0 recorded, 0 misses, 1 unused"
    assert replayed.ret == pytest.ExitCode.TESTS_FAILED
    replayed.stdout.fnmatch_lines(["cassettes/test_calls/test_gone.json: none of 1 was used"])


@pytest.mark.slow
def test_what_workers_deselect_or_miss_is_known(project: Project) -> None:
    """A part of the tests tells nothing of what is unused, and a miss in a worker is a failure."""
    project.write(MANY)
    project.record()
    project.pytester.makeconftest("""
def pytest_collection_modifyitems(config, items):
    config.hook.pytest_deselected(items=[items.pop()])
""")
    some = project.run_apart("-p", "xdist", "-n2", "--runproxy-unused=fail")
    assert (some.ret, line_of(some)) == (0, "runproxy: 7 replayed, 0 recorded, 0 misses")
    (project.folder / "test_calls" / "test_one-0.json").unlink()
    missed = project.run_apart("-p", "xdist", "-n2")
    assert line_of(missed) == "runproxy: 6 replayed, 0 recorded, 1 miss"
    missed.stdout.fnmatch_lines(["*- runproxy -*", "No recorded answer for POST*"])


ASYNC = """
import asyncio, openai

async def update(client, user):
    return await client.post(
        "/threads/thread_abc123/runs/run_abc123", cast_to=object, body={"metadata": {"user_id": user}}
    )
"""


def test_async_tests_of_pytest_asyncio(project: Project) -> None:
    """With the SDK, beside tests that are not async, and a miss that was swallowed fails them."""
    project.write(
        ASYNC
        + """
@pytest.mark.runproxy
@pytest.mark.asyncio
async def test_async():
    async with openai.AsyncOpenAI() as client:
        assert (await update(client, "a"))["metadata"] == {"user_id": "a"}
        await asyncio.gather(*(update(client, str(number)) for number in range(5)))

def test_sync(runproxy_env):
    with openai.OpenAI() as client:
        client.post("/threads/thread_abc123/runs/run_abc123", cast_to=object, body={"metadata": {"a": "b"}})

@pytest.mark.asyncio
async def test_missed(runproxy_env):
    async with openai.AsyncOpenAI() as client:
        try:
            await update(client, "b")
        except openai.APIStatusError as error:
            assert error.code == "cassette_miss"
"""
    )
    with_asyncio = ("-p", "pytest_asyncio.plugin", "-o", "asyncio_default_fixture_loop_scope=function")
    project.record(*with_asyncio, "-k", "not missed").assert_outcomes(passed=2, deselected=1)
    result = project.run(*with_asyncio)
    result.assert_outcomes(passed=2, failed=1)
    assert line_of(result) == "runproxy: 7 replayed, 0 recorded, 1 miss"


def test_async_tests_of_anyio(project: Project) -> None:
    """On asyncio and on trio, each with a cassette of its own unless they name one."""
    project.write("""
import anyio

@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param

@pytest.mark.anyio
async def test_own(runproxy_env):
    assert await anyio.to_thread.run_sync(call) == 200

@pytest.mark.anyio
@pytest.mark.runproxy("shared")
async def test_shared():
    assert await anyio.to_thread.run_sync(call) == 200

@pytest.mark.anyio
async def test_session(anyio_backend):
    import runproxy
    async with runproxy.cassette("shared") as proxy:
        assert await anyio.to_thread.run_sync(call, "u", proxy.base_url) == 200
""")
    project.record("-p", "anyio.pytest_plugin", "-k", "not session").assert_outcomes(passed=4, deselected=2)
    assert list(project.cassettes) == [
        "shared.json",
        "test_calls/test_own-asyncio.json",
        "test_calls/test_own-trio.json",
    ]
    result = project.run("-p", "anyio.pytest_plugin")
    result.assert_outcomes(passed=6)
    assert line_of(result) == "runproxy: 4 replayed, 0 recorded, 0 misses, 0 unused"


def test_pytest_recording_may_stay_beside_it(project: Project) -> None:
    """Neither takes the flags, markers, fixtures or connections of the other."""
    pytest.importorskip("pytest_recording", reason="pytest-recording is not installed")
    project.write("""
@pytest.mark.runproxy
def test_ours():
    assert call() == 200

@pytest.mark.vcr
def test_theirs():
    assert call(base_url=os.environ["THEIRS"]) == 200
""")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THEIRS", project.upstream)
        both = ("-p", "pytest_recording.plugin")  # apart, for it leaves its own guard of sockets behind
        ours = ("--runproxy-mode=record", f"--runproxy-upstream={project.upstream}")
        project.run_apart(*both, *ours, "--record-mode=all").assert_outcomes(passed=2)
        assert list(project.cassettes) == ["test_calls/test_ours.json"]
        assert (project.folder / "test_calls" / "test_theirs.yaml").exists()
        theirs = ("--record-mode=none", "--block-network", "--allowed-hosts=127.0.0.1")
        project.run_apart(*both, *theirs, "--runproxy-block-network").assert_outcomes(passed=2)


def test_it_is_found_by_its_entry_point_and_weighs_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no test uses it, nothing of runproxy that takes time is loaded."""
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    project.write("""
import sys

def test_one(pytestconfig):
    assert pytestconfig.pluginmanager.has_plugin("runproxy")
    loaded = {name for name in sys.modules if name.startswith("runproxy.")}
    assert all(name.startswith("runproxy.pytest_plugin") for name in loaded), loaded
""")
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "default")
    result = project.pytester.run(*command, timeout=120)
    result.assert_outcomes(passed=1)
