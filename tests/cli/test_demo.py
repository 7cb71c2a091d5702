"""`runproxy demo`, as a process: it must work anywhere, with no key and no network."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.processes import run


@pytest.mark.parametrize("env", [pytest.param({}, id="at-home"), pytest.param({"CI": "true"}, id="in-a-pipeline")])
def test_the_demo_records_and_replays(tmp_path: Path, env: dict[str, str]) -> None:
    """Exit code 0, the cassette it names exists, and holds the one call that the guard let through."""
    ended = run(tmp_path, "demo", env={**env, "TMPDIR": str(tmp_path)})
    assert (ended.returncode, ended.stderr) == (0, "")
    named = re.search(r"^The cassette is (.+)$", ended.stdout, re.MULTILINE)
    assert named
    cassette = Path(named[1])
    assert cassette.is_relative_to(tmp_path)
    held = json.loads(cassette.read_text(encoding="utf-8"))
    assert len(held["interactions"]) == 1
    assert held["interactions"][0]["response"]["status"] == 200


def test_the_demo_shows_what_happened(tmp_path: Path) -> None:
    """Both calls are shown with their answers, and both answers came back as the same bytes."""
    ended = run(tmp_path, "demo", "--dir", "held")
    assert "2 pairs: 200 run_abc123" in ended.stdout
    assert "17 pairs: 400 object_above_max_properties" in ended.stdout
    assert "The sandbox saw 1 of the two" in ended.stdout
    assert ended.stdout.count(": the same bytes (") == 2
    assert "The cassette is held/demo.json\n" in ended.stdout


def test_the_demo_can_be_repeated(tmp_path: Path) -> None:
    """A second time in the same folder it works as the first time, and the cassette holds one call still."""
    for _ in range(2):
        assert run(tmp_path, "demo", "--dir", "held").returncode == 0
    held = json.loads((tmp_path / "held" / "demo.json").read_text(encoding="utf-8"))
    assert len(held["interactions"]) == 1


def test_what_the_demo_proposes_works(tmp_path: Path) -> None:
    """The command it proposes first shows the recorded call."""
    proposed = re.search(
        r"^  runproxy (cassette show .+)$", run(tmp_path, "demo", "--dir", "held").stdout, re.MULTILINE
    )
    assert proposed
    ended = run(tmp_path, *proposed[1].split())
    assert ended.returncode == 0
    assert "[0] POST /v1/threads/thread_abc123/runs/run_abc123" in ended.stdout


def test_no_credential_is_in_the_cassette(tmp_path: Path) -> None:
    """The made-up credential that the demo sends is not on file."""
    run(tmp_path, "demo", "--dir", "held")
    text = (tmp_path / "held" / "demo.json").read_text(encoding="utf-8").lower()
    assert "no-key-is-needed" not in text
    assert "authorization" not in text


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Exit code 2, the folder and the reason."""
    (tmp_path / "file").touch()
    ended = run(tmp_path, "demo", "--dir", "file/below")
    assert ended.returncode == 2
    assert "Error: Cannot write to the cassette folder file/below: Not a directory." in ended.stderr
