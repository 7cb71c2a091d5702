"""`runproxy cassette import` and `export`: files in, texts out, honest reports, and errors that name the place."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from runproxy.cli import main
from tests.exchange.test_har import CREDENTIAL, entry, har, headers
from tests.exchange.test_mitmproxy import flow, written

QUICKSTART = Path(__file__).parents[2] / "cassettes" / "quickstart.json"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start in a folder that holds the quickstart cassette."""
    monkeypatch.chdir(tmp_path)
    Path("cassettes").mkdir()
    Path("cassettes/quickstart.json").write_bytes(QUICKSTART.read_bytes())


def cassette(*args: str) -> Result:
    """Run a sub-command of `runproxy cassette`."""
    return CliRunner().invoke(main, ["cassette", *args])


def held(path: str) -> list[Any]:
    """Give the interactions in a cassette file."""
    interactions: list[Any] = json.loads(Path(path).read_bytes())["interactions"]
    return interactions


AUTHORIZED = {"headers": headers(("Authorization", f"Bearer {CREDENTIAL}"), ("content-type", "application/json"))}
FLOW_HEADERS = [[b"Authorization", f"Bearer {CREDENTIAL}".encode()], [b"content-type", b"application/json"]]


@pytest.mark.parametrize(
    ("tool", "data"),
    [
        pytest.param(
            "har",
            lambda: har(
                entry({**AUTHORIZED, "url": "https://h.test/v1/x?key=0123456789"}),
                entry(response={"status": 0}),
                entry(response={"content": {"text": f"echo {CREDENTIAL}"}}),
            ),
            id="har",
        ),
        pytest.param(
            "mitmproxy",
            lambda: b"".join(
                map(
                    written,
                    (
                        flow({"headers": FLOW_HEADERS, "path": b"/v1/x?key=0123456789"}),
                        flow(response=None),
                        flow(response={"content": f"echo {CREDENTIAL}".encode()}),
                    ),
                )
            ),
            id="mitmproxy",
        ),
    ],
)
def test_an_import_tells_what_became_of_everything(tool: str, data: Callable[[], bytes]) -> None:
    """Dropped, changed and left out are reported with their place, exit code 1, and no credential is anywhere."""
    Path("recorded.x").write_bytes(data())
    result = cassette("import", tool, "recorded.x", "--cassette", "sub/mine")
    assert (result.exit_code, result.stdout) == (1, "")
    noun = "entry" if tool == "har" else "flow"
    told = result.stderr.splitlines()
    assert told[0] == "cassettes/sub/mine.json: 1 interaction from h.test."
    assert told[1].startswith("Headers dropped: authorization (1)")
    assert told[2] == "1 interaction with a secret in the query, stored as REDACTED."
    assert told[3].startswith(f"Left out: {noun} 1: it has no answer")
    assert told[4] == f"Left out: {noun} 2: a credential this process has seen found in the body of the response"
    (interaction,) = held("cassettes/sub/mine.json")
    assert interaction["request"]["query"] == "key=REDACTED"
    files = b"".join(path.read_bytes() for path in Path("cassettes").rglob("*") if path.is_file())
    for secret in (CREDENTIAL, "0123456789"):
        assert secret not in result.output
        assert secret.encode() not in files


def test_an_import_is_written_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a disk that fills up there is no cassette in the end, and nothing beside it."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    Path("recorded.har").write_bytes(har(entry(AUTHORIZED), entry(AUTHORIZED)))
    with monkeypatch.context() as full_disk:
        full_disk.setattr(os, "fsync", full)
        result = cassette("import", "har", "recorded.har")
    assert (result.exit_code, "No space left on device" in result.stderr) == (2, True)
    assert [path.name for path in Path("cassettes").iterdir()] == ["quickstart.json"]
    assert cassette("import", "har", "recorded.har").exit_code == 0
    assert len(held("cassettes/recorded.json")) == 2


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["show"], id="show"),
        *(pytest.param(["export", tool], id=tool) for tool in ("har", "curl", "openapi-example")),
    ],
)
def test_a_cassette_is_shown_and_exported_by_name_or_by_path(command: list[str]) -> None:
    """As all other commands take them."""
    by_name = cassette(*command, "quickstart")
    Path("elsewhere").mkdir()
    Path("cassettes/quickstart.json").rename("elsewhere/quickstart.json")
    by_path = cassette(*command, "elsewhere/quickstart.json")
    assert (by_path.exit_code, by_path.stdout) == (0, by_name.stdout)
    assert cassette(*command, "quickstart").exit_code == 2


@pytest.mark.parametrize("tool", ["har", "mitmproxy"])
def test_an_import_without_losses_ends_well(tool: str) -> None:
    """Exit code 0, the cassette is named by the file, and can be shown."""
    data = har(entry(AUTHORIZED)) if tool == "har" else written(flow())
    Path("recorded.one.two").write_bytes(data)
    result = cassette("import", tool, "recorded.one.two")
    assert result.exit_code == 0
    assert cassette("show", "recorded").exit_code == 0


@pytest.mark.parametrize("tool", ["vcr", "har", "mitmproxy"])
def test_an_import_leaves_an_existing_cassette_alone(tool: str) -> None:
    """Exit code 2, the way out is told, and the file is as it was."""
    Path("quickstart.x").write_bytes(b"")
    result = cassette("import", tool, "quickstart.x")
    assert result.exit_code == 2
    assert "is there already, and was left alone. Choose another name with --cassette." in result.stderr
    assert Path("cassettes/quickstart.json").read_bytes() == QUICKSTART.read_bytes()


@pytest.mark.parametrize(
    ("tool", "data", "told"),
    [
        pytest.param("har", None, "recorded.x: cannot be read: No such file or directory.", id="har-missing"),
        pytest.param("har", b"{", "recorded.x: cannot be read as JSON: line 1, column 2: ", id="har-cut-off"),
        pytest.param("har", har(entry(), {}), "recorded.x: entry 1: request: Field required.", id="har-wrong"),
        pytest.param("har", har(), "recorded.x holds no interactions that can be imported", id="har-empty"),
        pytest.param("mitmproxy", None, "recorded.x: cannot be read: No such file", id="flow-missing"),
        pytest.param(
            "mitmproxy", b"99:", "recorded.x: cannot be read as a flow file of mitmproxy: ", id="flow-cut-off"
        ),
        pytest.param("mitmproxy", written({"version": 99}), "recorded.x: flow 0: version 99 of the", id="flow-newer"),
        pytest.param("mitmproxy", b"", "recorded.x holds no interactions that can be imported", id="flow-empty"),
    ],
)
def test_an_import_tells_what_it_cannot_read(tool: str, data: bytes | None, told: str) -> None:
    """Exit code 2 with file and place, and no cassette comes to be."""
    if data is not None:
        Path("recorded.x").write_bytes(data)
    result = cassette("import", tool, "recorded.x")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {told}")
    assert not Path("cassettes/recorded.json").exists()


def test_a_name_of_a_file_that_none_can_have_is_told() -> None:
    """Exit code 2 and the reason."""
    result = cassette("import", "har", "a\0b", "--cassette", "mine")
    assert result.exit_code == 2
    assert "cannot be read: embedded null byte." in result.stderr


def test_an_import_of_nothing_usable_says_why() -> None:
    """The reasons come before the error, and nothing is written."""
    Path("recorded.har").write_bytes(har(entry(response={"status": 0})))
    result = cassette("import", "har", "recorded.har")
    assert result.exit_code == 2
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == ["Left out", "Error"]
    assert not Path("cassettes/recorded.json").exists()


def test_a_cassette_goes_out_as_har_and_comes_back() -> None:
    """The import of an export is the cassette it was, to the byte."""
    out = cassette("export", "har", "quickstart", "-o", "out.har")
    assert (out.exit_code, out.stdout) == (0, "")
    assert out.stderr == f"out.har: {Path('out.har').stat().st_size} bytes written.\n"
    assert cassette("export", "har", "quickstart").stdout.encode() == Path("out.har").read_bytes()
    assert cassette("import", "har", "out.har", "--cassette", "back").exit_code == 0
    assert Path("cassettes/back.json").read_bytes() == QUICKSTART.read_bytes()


def test_the_quickstart_as_curl() -> None:
    """The commands go to stdout alone, to the base URL that is asked for."""
    result = cassette("export", "curl", "quickstart", "--base-url", "https://h.test/v1")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "curl -X POST https://h.test/v1/threads/thread_abc123/runs/run_abc123 \\\n" in result.stdout


def test_one_interaction_as_curl() -> None:
    """The position that stands in the comment is the one in the cassette."""
    interactions = held("cassettes/quickstart.json") * 3
    Path("cassettes/three.json").write_text(json.dumps({"format": "runproxy/1", "interactions": interactions}))
    assert cassette("export", "curl", "three").stdout.count("curl -X") == 3
    (comment, *_) = cassette("export", "curl", "three", "--interaction", "2").stdout.splitlines()
    assert comment.startswith("# [2] POST ")


def test_the_quickstart_as_openapi() -> None:
    """The document is on stdout, and what has no place in it on stderr."""
    result = cassette("export", "openapi-example", "quickstart")
    assert (result.exit_code, result.stderr) == (0, "")
    assert list(json.loads(result.stdout)["paths"]) == ["/v1/threads/{thread_id}/runs/{run_id}"]
    interactions = held("cassettes/quickstart.json")
    interactions[0]["request"]["method"] = "PURGE"
    Path("cassettes/odd.json").write_text(json.dumps({"format": "runproxy/1", "interactions": interactions}))
    assert cassette("export", "openapi-example", "odd").stderr.startswith("Left out: interaction 0: ")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(
            ("har", "quick"), "There is no cassette 'quick' in cassettes. There are: quickstart.", id="missing"
        ),
        pytest.param(("curl", "../x"), "'../x' is no cassette name", id="name"),
        pytest.param(("openapi-example", "broken"), "cassettes/broken.json: not valid JSON at line 1", id="broken"),
        pytest.param(("har", "quickstart", "--base-url", "x"), "--base-url is no URL such as", id="base-url"),
        pytest.param(("har", "quickstart", "-o", "no/where"), "no/where: cannot be written: No such file", id="output"),
        pytest.param(("har", "quickstart", "-o", "a\0b"), "cannot be written: embedded null byte", id="output-name"),
        pytest.param(("curl", "quickstart", "--interaction", "1"), "has 1 interaction, and no number 1.", id="number"),
    ],
)
def test_an_export_tells_what_it_cannot_do(args: tuple[str, ...], told: str) -> None:
    """Exit code 2, nothing on stdout, and the name, file or option."""
    Path("cassettes/broken.json").write_text("{")
    result = cassette("export", *args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
