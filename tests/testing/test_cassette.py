"""`runproxy.cassette`: what it plays, records and refuses, and what tests are told."""

# ruff: noqa: PT012 - what a context does with an error is seen when one is raised in it

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio

import runproxy
from runproxy.messages import Request, Response
from tests.parts import ADDRESS, ScriptedUpstream, answer
from tests.testing.calling import RUN, update, upstream, written

KNOWN: dict[str, str] = {"user_id": "user_abc123"}


@pytest.fixture
def service() -> Iterator[tuple[ScriptedUpstream, str]]:
    """Give an upstream that answers with what it was sent."""
    with upstream() as served:
        yield served


@pytest.fixture
def folder(tmp_path: Path, service: tuple[ScriptedUpstream, str]) -> Path:
    """Give a folder with the cassette `known`, which holds one call."""
    with runproxy.cassette("known", mode="record", upstream=service[1], folder=tmp_path) as proxy:
        update(proxy.base_url, KNOWN)
    return tmp_path


def test_what_was_recorded_is_played(folder: Path, service: tuple[ScriptedUpstream, str]) -> None:
    """The upstream sees the call once, the client gets the same answer twice, and the session tells of it."""
    with runproxy.cassette("known", folder=folder) as proxy:
        status, body = update(proxy.base_url, KNOWN)
        (call,) = proxy.calls
        proxy.assert_all_played()
    assert (status, body["metadata"], len(service[0].seen)) == (200, KNOWN, 1)
    assert (call.method, call.path, call.status, call.outcome) == ("POST", ADDRESS, 200, "replayed")
    assert call.json() == {"metadata": KNOWN}
    assert (proxy.name, proxy.mode, proxy.path, proxy.misses) == ("known", "replay", folder / "known.json", [])
    assert proxy.base_url == f"{proxy.url}/v1"


async def test_it_is_an_async_context_too(folder: Path) -> None:
    """Code on an event loop calls it while the context is open."""
    async with runproxy.cassette("known", folder=folder) as proxy:
        status, _ = await asyncio.to_thread(update, proxy.base_url, KNOWN)
    assert (status, proxy.outcomes) == (200, {"replayed": 1})


def test_any_event_loop_will_do(folder: Path) -> None:
    """It needs no asyncio of its caller."""

    async def play() -> int:
        async with runproxy.cassette("known", folder=folder) as proxy:
            status, _ = await trio.to_thread.run_sync(update, proxy.base_url, KNOWN)
            return status

    assert trio.run(play) == 200


def test_a_miss_that_was_swallowed_is_a_failure(folder: Path) -> None:
    """Its message is the verdict: the nearest recording, what differs, how to record it, and which file was read."""
    with pytest.raises(runproxy.CassetteFailure) as failed, runproxy.cassette("known", folder=folder) as proxy:
        assert update(proxy.base_url, {"user_id": "another"})[0] == 501
    told = str(failed.value)
    assert f"No recorded answer for POST {ADDRESS}: cassette 'known' holds no such call." in told
    assert 'body.metadata.user_id: you sent "another", recorded "user_abc123"' in told
    assert "To record it: use mode='record' and upstream='https://host/v1' for this cassette once" in told
    assert f"Looked for in {folder / 'known.json'}." in told
    assert [(miss.method, miss.path, miss.reason) for miss in proxy.misses] == [("POST", ADDRESS, "no_match")]


def test_an_error_goes_on_with_the_miss_noted_on_it(folder: Path) -> None:
    """What the code under test made of the miss is not hidden, and neither is the miss."""
    with pytest.raises(KeyError) as failed, runproxy.cassette("known", folder=folder) as proxy:
        update(proxy.base_url, {"user_id": "another"})
        raise KeyError("metadata")
    (note,) = failed.value.__notes__
    assert note.startswith("runproxy: No recorded answer for POST")


def test_a_call_answers_once_unless_said_otherwise(folder: Path) -> None:
    """A second call of the same kind is a miss, and not the same answer again."""
    with pytest.raises(runproxy.CassetteFailure, match="all 1 recordings of this call"):  # noqa: SIM117 - two contexts
        with runproxy.cassette("known", folder=folder) as proxy:
            assert [update(proxy.base_url, KNOWN)[0] for _ in range(2)] == [200, 501]
    with runproxy.cassette("known", folder=folder, on_exhausted="last") as proxy:
        assert [update(proxy.base_url, KNOWN)[0] for _ in range(2)] == [200, 200]


def test_misses_may_be_allowed(folder: Path) -> None:
    """Of a test that looks at what its code makes of a miss."""
    with runproxy.cassette("known", folder=folder, allow_misses=True) as proxy:
        update(proxy.base_url, {"user_id": "another"})
    assert len(proxy.misses) == 1


def test_a_cassette_that_is_not_there_makes_every_call_a_miss(tmp_path: Path) -> None:
    """And makes no file."""
    with pytest.raises(runproxy.CassetteFailure, match="which is not there yet"):  # noqa: SIM117 - two contexts
        with runproxy.cassette("absent", folder=tmp_path) as proxy:
            assert update(proxy.base_url, KNOWN)[1]["error"]["reason"] == "no_cassette"
    assert written(tmp_path) == {}


def test_what_was_not_played_can_be_asserted(folder: Path) -> None:
    """The message names each recording, in and after the context."""
    with runproxy.cassette("known", folder=folder) as proxy:
        with pytest.raises(runproxy.CassetteFailure, match=r"1 of 1 recordings in .*known\.json were not played"):
            proxy.assert_all_played()
        assert proxy.unplayed == [f"[0] POST {ADDRESS}"]
    with pytest.raises(runproxy.CassetteFailure, match=r"\[0\] POST"):
        proxy.assert_all_played()
    with (
        runproxy.cassette("absent", folder=folder) as proxy,
        pytest.raises(runproxy.CassetteFailure, match="There is no cassette"),
    ):
        proxy.assert_all_played()


@pytest.mark.parametrize("mode", ["record", "auto"])
def test_a_context_that_ends_with_an_error_writes_nothing(
    tmp_path: Path, service: tuple[ScriptedUpstream, str], mode: Any
) -> None:
    """No new cassette comes to be."""
    with (
        pytest.raises(ZeroDivisionError),
        runproxy.cassette("new", mode=mode, upstream=service[1], folder=tmp_path) as proxy,
    ):
        assert update(proxy.base_url, KNOWN)[0] == 200
        raise ZeroDivisionError
    assert (written(tmp_path), len(service[0].seen)) == ({}, 1)


def test_an_old_cassette_stays_as_it_was_when_the_test_fails(
    folder: Path, service: tuple[ScriptedUpstream, str]
) -> None:
    """To the byte, though another answer was recorded."""
    before = written(folder)
    with (
        upstream(lambda _: answer({"id": "other"})) as (_, base_url),
        pytest.raises(ZeroDivisionError),
        runproxy.cassette("known", mode="record", upstream=base_url, folder=folder) as proxy,
    ):
        assert update(proxy.base_url, KNOWN)[1] == {"id": "other"}
        raise ZeroDivisionError
    assert written(folder) == before


def test_recording_again_replaces_what_has_changed(folder: Path) -> None:
    """In place of the earlier answer, not beside it."""
    with (
        upstream(lambda _: answer({"id": "other"})) as (_, base_url),
        runproxy.cassette("known", mode="record", upstream=base_url, folder=folder) as proxy,
    ):
        update(proxy.base_url, KNOWN)
        assert proxy.outcomes == {"recorded": 1}
    with runproxy.cassette("known", folder=folder) as proxy:
        assert update(proxy.base_url, KNOWN)[1] == {"id": "other"}
        proxy.assert_all_played()


def test_recordings_of_several_calls_are_written_in_their_order(
    tmp_path: Path, service: tuple[ScriptedUpstream, str]
) -> None:
    """In one go, when the context ends, and to be played in that order."""
    with runproxy.cassette("new", mode="record", upstream=service[1], folder=tmp_path) as proxy:
        for number in range(5):
            update(proxy.base_url, {"n": str(number)})
        assert written(tmp_path) == {}
    text = (tmp_path / "new.json").read_text(encoding="utf-8")
    assert [text.index(f'"n": "{number}"') for number in range(5)] == sorted(
        text.index(f'"n": "{number}"') for number in range(5)
    )


def test_auto_asks_only_for_what_is_unknown(folder: Path, service: tuple[ScriptedUpstream, str]) -> None:
    """And adds that to the cassette."""
    with runproxy.cassette("known", mode="auto", upstream=service[1], folder=folder) as proxy:
        update(proxy.base_url, KNOWN)
        update(proxy.base_url, {"user_id": "another"})
        assert proxy.outcomes == {"replayed": 1, "recorded": 1}
        proxy.assert_all_played()
    assert len(service[0].seen) == 2
    with runproxy.cassette("known", folder=folder) as proxy:
        assert update(proxy.base_url, {"user_id": "another"})[0] == 200


def test_an_answer_that_cannot_be_recorded_is_a_failure(tmp_path: Path) -> None:
    """For replaying would miss it; nothing is written, and the log says why."""

    def leak(request: Request) -> Response:
        return answer({"echo": request.headers["Authorization"]})

    with (
        upstream(leak) as (_, base_url),
        pytest.raises(runproxy.CassetteFailure, match=r"Not recorded in .*so that replaying would miss it"),
        runproxy.cassette("new", mode="record", upstream=base_url, folder=tmp_path) as proxy,
    ):
        assert update(proxy.base_url, KNOWN)[0] == 200
    assert written(tmp_path) == {}


def test_drift_is_a_failure_in_verify(folder: Path) -> None:
    """The message names the call and the places, and the cassette stays as it was."""
    before = written(folder)
    with (
        upstream(lambda _: answer({"id": "other"})) as (_, base_url),
        pytest.raises(runproxy.CassetteFailure, match=r"no longer answers as recorded[\s\S]*known\[0\]"),
        runproxy.cassette("known", mode="verify", upstream=base_url, folder=folder) as proxy,
    ):
        update(proxy.base_url, KNOWN)
    assert written(folder) == before


@pytest.mark.parametrize("mode", ["record", "auto"])
def test_a_pipeline_replays(folder: Path, monkeypatch: pytest.MonkeyPatch, mode: Any) -> None:
    """CI=true means replay, and no upstream is needed, unless the settings allow to record."""
    monkeypatch.setenv("CI", "true")
    with runproxy.cassette("known", mode=mode, folder=folder) as proxy:
        update(proxy.base_url, KNOWN)
    assert (proxy.mode, proxy.outcomes) == ("replay", {"replayed": 1})
    with upstream() as (_, base_url):
        allowed = {"allow_record_in_ci": True}
        with runproxy.cassette("new", mode=mode, upstream=base_url, folder=folder, config=allowed) as proxy:
            update(proxy.base_url, KNOWN)
    assert proxy.outcomes == {"recorded": 1}


def test_the_upstream_may_stand_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for the command."""
    with upstream() as (scripted, base_url):
        monkeypatch.setenv("RUNPROXY_UPSTREAM", base_url)
        with runproxy.cassette("new", mode="record", folder=tmp_path) as proxy:
            update(proxy.base_url, KNOWN)
    assert len(scripted.seen) == 1


def test_matching_and_rules_are_the_session_s_own(folder: Path) -> None:
    """What is ignored does not count, and a policy refuses what breaks it."""
    with runproxy.cassette("known", folder=folder, match={"ignore_body": ["/metadata/user_id"]}) as proxy:
        assert update(proxy.base_url, {"user_id": "another"})[0] == 200
    with runproxy.cassette("known", folder=folder, policy={"required": ["team"]}) as proxy:
        assert update(proxy.base_url, KNOWN)[0] == 400
        assert proxy.outcomes == {"refused": 1}


def test_rules_and_settings_may_stand_in_files(folder: Path, tmp_path: Path) -> None:
    """A policy in one of its own, or with all other settings."""
    rules, settings = tmp_path / "policy.toml", tmp_path / "runproxy.toml"
    rules.write_text('required = ["team"]\n', encoding="utf-8")
    settings.write_text('[match]\nignore_body = ["/metadata/user_id"]\n[policy]\nrequired = ["x"]\n', encoding="utf-8")
    with runproxy.cassette("known", folder=folder, policy=rules) as proxy:
        assert update(proxy.base_url, KNOWN)[0] == 400
    with runproxy.cassette("known", folder=folder, config=settings) as proxy:
        assert update(proxy.base_url, KNOWN)[0] == 400
    with runproxy.cassette(
        "known", folder=folder, config=settings, policy={}
    ) as proxy:  # in place of those in the file
        assert update(proxy.base_url, {"user_id": "another"})[0] == 200


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        pytest.param("x", {"mode": "once"}, "'x': mode: expected one of replay, record, auto, verify", id="mode"),
        pytest.param("x", {"on_exhausted": "stop"}, "cassette 'x': on_exhausted: Input should be", id="exhausted"),
        pytest.param("../x", {}, "'../x' is no cassette name", id="name"),
        pytest.param(
            "x", {"mode": "record"}, "and none is named: set upstream, RUNPROXY_UPSTREAM, or", id="no-upstream"
        ),
        pytest.param("x", {"match": {"ignore_body": ["x"]}}, "match.ignore_body.0: a JSON pointer", id="match"),
        pytest.param("x", {"policy": {"require": []}}, "policy.require: no such setting. Did you mean", id="policy"),
        pytest.param("x", {"policy": "none.toml"}, "none.toml: cannot be read", id="policy-file"),
        pytest.param("x", {"config": "none.toml"}, "none.toml: cannot be read", id="config-file"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path: Path, name: str, options: dict[str, Any], told: str) -> None:
    """When the context is entered, and nothing is left running."""
    before = threading.enumerate()
    with pytest.raises(runproxy.ConfigError) as refused, runproxy.cassette(name, folder=tmp_path, **options):
        pytest.fail("the context was entered")
    assert told in str(refused.value)
    assert threading.enumerate() == before


def test_a_broken_cassette_is_told_with_its_place(tmp_path: Path) -> None:
    """Never taken for an empty one."""
    (tmp_path / "broken.json").write_text('{"format": "runproxy/1", "interactions": 7}', encoding="utf-8")
    with pytest.raises(runproxy.CassetteError, match=r"broken\.json"), runproxy.cassette("broken", folder=tmp_path):
        pytest.fail("the context was entered")


def test_sessions_of_one_server_do_not_disturb_each_other(folder: Path) -> None:
    """Each has its cursor and its calls; one that has ended answers no more, and says so."""
    with runproxy.CassetteServer() as server:
        with server.cassette("known", folder=folder) as one, server.cassette("known", folder=folder) as two:
            assert [update(proxy.base_url, KNOWN)[0] for proxy in (one, two)] == [200, 200]
            assert (len(one.calls), len(two.calls)) == (1, 1)
        status, body = update(one.base_url, KNOWN)
        assert (status, body["error"]["code"]) == (501, "unknown_session")
        assert update(server.url + "/v1", KNOWN)[0] == 501


def test_a_call_to_a_session_that_has_ended_fails_the_one_that_runs(folder: Path) -> None:
    """Even where the client has swallowed it; what came before it or after it does not count."""
    with runproxy.CassetteServer() as server:
        with server.cassette("known", folder=folder) as one:
            pass
        update(one.base_url, KNOWN)
        with server.cassette("known", folder=folder) as two:
            pass
        update(one.base_url, KNOWN)
        assert two.problems() == []
        with (
            pytest.raises(runproxy.CassetteFailure, match=rf"belong to no test[\s\S]*\n  POST {ADDRESS}\Z"),
            server.cassette("known", folder=folder),
        ):
            update(one.base_url, KNOWN)


def test_a_context_can_be_entered_again(folder: Path) -> None:
    """For a new session, whose recordings are all to come."""
    context = runproxy.cassette("known", folder=folder)
    for _ in range(2):
        with context as proxy:
            assert update(proxy.base_url, KNOWN)[0] == 200


def test_a_context_that_is_entered_while_it_is_has_both_sessions(folder: Path) -> None:
    """Each is watched and ended, the inner one first."""
    before, context = threading.enumerate(), runproxy.cassette("known", folder=folder)
    with pytest.raises(runproxy.CassetteFailure, match="No recorded answer"), context as outer:
        with context as inner:
            assert update(inner.base_url, KNOWN)[0] == 200
        assert update(outer.base_url, {"user_id": "another"})[0] == 501
    assert threading.enumerate() == before


def test_a_server_that_does_not_run_has_no_sessions(folder: Path) -> None:
    """It says so, before it was entered and afterwards, and does not wait for ever."""
    server = runproxy.CassetteServer()
    with pytest.raises(RuntimeError, match="as a context manager"), server.cassette("known", folder=folder):
        pytest.fail("the context was entered")
    with server:
        pass
    with pytest.raises(RuntimeError, match="as a context manager"), server.cassette("known", folder=folder):
        pytest.fail("the context was entered")


def test_what_is_logged_goes_to_the_standard_library(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """So test runners show it with the test; afterwards structlog is as it was."""
    assert not structlog.is_configured()
    with (
        upstream(lambda request: answer({"echo": request.headers["Authorization"]})) as (_, base_url),
        pytest.raises(runproxy.CassetteFailure),
        runproxy.cassette("new", mode="record", upstream=base_url, folder=tmp_path) as proxy,
    ):
        update(proxy.base_url, KNOWN)
    (line,) = [record for record in caplog.records if record.name == "runproxy.record"]
    assert line.levelno == logging.ERROR
    assert "not recorded" in line.getMessage()
    assert not structlog.is_configured()


def test_no_credential_is_shown(folder: Path) -> None:
    """Neither in a miss whose address holds one, nor in what a call is shown as."""
    secret = "sk-proj-0123456789abcdefghij0123456789"
    with runproxy.cassette("known", folder=folder, allow_misses=True) as proxy:
        update(proxy.base_url, {"user_id": secret}, path=f"{RUN}?note={secret}")
    assert secret not in f"{proxy.misses} {proxy.misses[0].message} {proxy.calls} {proxy!r} {proxy.problems()}"


def test_importing_the_package_is_cheap() -> None:
    """Nothing but the standard library is loaded until something is asked for; then it is all there."""
    code = (
        "import sys, runproxy; heavy = {'aiohttp', 'pydantic', 'orjson', 'click', 'structlog', 'runproxy.errors'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "assert all(getattr(runproxy, name) for name in runproxy.__all__);"
        "assert set(runproxy.__all__) <= set(dir(runproxy)); from runproxy import *; cassette"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_name_that_there_is_not_is_told_as_of_any_module() -> None:
    """For hasattr and typing mistakes."""
    with pytest.raises(AttributeError, match="module 'runproxy' has no attribute 'casette'"):
        getattr(runproxy, "casette")  # noqa: B009 - type checkers would find it
