"""This machine: ports, folder, what is on file, and keys."""

import json
import os
import shutil
import socket
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from runproxy.config import Settings, make_settings
from runproxy.doctor.finding import Finding
from runproxy.doctor.here import check_exposure, check_folder, check_keys, check_port, check_socket
from runproxy.doctor.recordings import check_recordings
from runproxy.matching import Matcher
from runproxy.redaction import PLAIN
from runproxy.upstream import Address, ConnectionSettings, Profile
from tests.parts import ScriptedUpstream, answer, ask, modify, proxy, serving


def settings(folder: Path, mode: str = "record", default: str = "default") -> Settings:
    """Make settings with a cassette folder."""
    return make_settings({"mode": mode, "cassettes": {"dir": str(folder), "default": default}}, "test")


def checked(host: str, port: int, *, is_ours: bool = False) -> Finding:
    """Check a port."""
    return check_port("port", host, port, "--port", is_ours=is_ours)


def test_a_port_is_free_or_in_use_or_none_of_this_machine() -> None:
    """Only a port that can really be listened on is free; who is there already is told apart."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        foreign, ours = checked("127.0.0.1", port), checked("127.0.0.1", port, is_ours=True)
    assert (foreign.state, ours.state) == ("fail", "warn")
    assert "by another program" in foreign.found
    assert "by a runproxy that runs here" in ours.found
    assert checked("127.0.0.1", port).state == "ok"
    assert checked("127.0.0.1", 0).found == "any free port of 127.0.0.1 is taken"
    assert checked("192.0.2.1", port).state == "fail"
    assert checked("no-such-host.invalid", port).state == "fail"


def test_a_unix_socket_can_be_made_or_not(tmp_path: Path) -> None:
    """One that is left of a dead process is replaced; one in use, a file and a folder that is not there are told."""
    path = tmp_path / "runproxy.sock"
    assert check_socket(path, is_ours=False).found == f"{path} can be made"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert check_socket(path, is_ours=False).state == "fail"
        assert check_socket(path, is_ours=True).state == "warn"
    assert "left from a process that has ended" in check_socket(path, is_ours=False).found
    assert path.is_socket()
    path.unlink()
    path.touch()
    assert check_socket(path, is_ours=False).state == "fail"
    assert check_socket(tmp_path / "none" / "a.sock", is_ours=False).state == "fail"


def test_a_folder_that_can_be_used_is_ok(tmp_path: Path) -> None:
    """For reading in replay, for writing too where there is to be recorded; one that is not there can be made."""
    assert check_folder(settings(tmp_path)).found.endswith("can be read and written")
    assert check_folder(settings(tmp_path, "replay")).found.endswith("can be read")
    assert check_folder(settings(tmp_path / "new" / "er")).found.endswith("is not there yet, and can be made")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in its place, nothing to replay, no right to read or to write, no room."""
    (tmp_path / "file").touch()
    assert check_folder(settings(tmp_path / "file")).state == "fail"
    assert check_folder(settings(tmp_path / "none", "replay")).state == "warn"
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 5 * 1024 * 1024))
    full = check_folder(settings(tmp_path))
    assert (full.state, full.found.endswith("has 5 MiB left")) == ("warn", True)
    monkeypatch.setattr(os, "access", lambda *_: False)  # for root may do everything
    assert check_folder(settings(tmp_path)).found.endswith("cannot be read")
    assert check_folder(settings(tmp_path / "none")).found.endswith("is not there, and cannot be made")


def told(folder: Path, **more: Any) -> list[tuple[str, str]]:
    """Check what is on file, and give state and words of what was found."""
    _, findings = check_recordings(settings(folder, **more), Matcher(PLAIN))
    return [(finding.state, finding.found) for finding in findings]


def contents(folder: Path) -> dict[str, bytes]:
    """Give all files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_cassettes_are_counted(tmp_path: Path) -> None:
    """And the time of the latest recording is given."""
    upstream = ScriptedUpstream(answer({"n": 1}), answer({"n": 2}))
    async with serving(upstream) as base_url, proxy(tmp_path, "record", base_url) as on:
        await ask(on.url, modify({"a": "1"}), modify({"a": "2"}))
    assert told(tmp_path) == [("ok", "1 with 2 recordings can be read")]
    found, _ = check_recordings(settings(tmp_path), Matcher(PLAIN))
    assert found.latest is not None


async def test_broken_torn_and_closed_recordings_are_told(tmp_path: Path) -> None:
    """Each by its file or place; and nothing is mended."""
    async with serving(ScriptedUpstream(answer({"n": 1}))) as base_url, proxy(tmp_path, "record", base_url) as on:
        await ask(on.url, modify({"a": "1"}))
    good = (tmp_path / "default.json").read_bytes()
    document = json.loads(good)
    document["interactions"][0]["response"].update(status=404, body={"text": ""})
    (tmp_path / "sunset.json").write_text(json.dumps(document))
    (tmp_path / "torn.json").write_bytes(good[: -len(b"\n  ]\n}\n")] + b",\n    {")
    (tmp_path / "broken.json").write_text('{"format": "runproxy/1", "interactions": [x]}')
    before = contents(tmp_path)
    found = told(tmp_path)
    assert [state for state, _ in found] == ["fail", "warn", "warn"]
    assert "broken.json" in found[0][1]
    assert found[1][1] == f"{tmp_path / 'torn.json'} has a torn end"
    assert found[2][1] == "sunset[0]: a 404 with an empty body"
    assert contents(tmp_path) == before


def test_a_cassette_that_replay_was_told_and_is_not_there_is_a_failure(tmp_path: Path) -> None:
    """Replay does not start without it."""
    assert ("fail", "there is no cassette 'mine'") in told(tmp_path, mode="replay", default="mine")
    assert told(tmp_path, mode="replay") == [("ok", "0 with 0 recordings can be read")]


@pytest.mark.parametrize(
    ("listen", "credential", "count"),
    [
        pytest.param({"host": "127.0.0.1"}, "KEY", 0, id="loopback"),
        pytest.param({"host": "::1"}, "KEY", 0, id="loopback-ipv6"),
        pytest.param({"host": "::"}, "KEY", 1, id="everywhere"),
        pytest.param({"host": "10.0.0.1"}, "KEY", 1, id="an-address"),
        pytest.param({"host": "::"}, "", 0, id="no-credential"),
        pytest.param({"host": "::", "unix_socket": "/a"}, "KEY", 0, id="a-socket-of-ones-own"),
        pytest.param({"unix_socket": "/a", "unix_socket_mode": "666"}, "KEY", 1, id="a-socket-for-all"),
    ],
)
def test_a_credential_that_others_can_use_is_warned_of(listen: dict[str, str], credential: str, count: int) -> None:
    """Whoever reaches runproxy calls with it."""
    profile = Profile(Address("https://h", ""), ConnectionSettings(), credential_env=credential)
    found = check_exposure(make_settings({"listen": listen}, "test"), profile)
    assert [one.state for one in found] == ["warn"] * count


@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o640, 1), (0o644, 1)])
def test_a_private_key_that_others_can_read_is_warned_of(tmp_path: Path, mode: int, count: int) -> None:
    """With the command that mends it."""
    key = tmp_path / "client.key"
    key.touch()
    key.chmod(mode)
    found = list(check_keys(str(key), ""))
    assert [(one.state, one.do) for one in found] == [("warn", f"chmod 600 {key}")] * count
