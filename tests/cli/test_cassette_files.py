"""`runproxy cassette format`, `schema`, `split` and `prune`: what they do to files, and what they leave alone."""

import errno
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from runproxy.cassettes import Cassette, encode_interaction, layout
from runproxy.cassettes.usage import CassetteUsage, write_report
from runproxy.errors import CassetteNotWritable
from runproxy.matching import MatchSettings
from runproxy.stores import whole_files
from runproxy.stores.cassette_file import CassetteFile, Edit
from tests.cassettes.recordings import recording, text_of
from tests.cli.cassettes import by_hand, cassette, put, torn

HELD = [recording("/v1/threads/t1", {"n": 1}), recording("/v1/threads/t2", {"n": 2}), recording("/v1/threads/t1")]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start in an empty folder."""
    monkeypatch.chdir(tmp_path)


def names() -> list[str]:
    """List all files there are, hidden ones too."""
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


def test_format_lays_out_what_was_edited_by_hand() -> None:
    """All of the folder or those that are named, with their permissions; those that are laid out are not touched."""
    good, odd, other = put("good", *HELD), put("sub/odd", *HELD), put("other", *HELD)
    by_hand(odd)
    odd.chmod(0o640)
    edited = by_hand(other)
    before = good.stat()
    result = cassette("format", "good", "cassettes/sub/odd.json")
    assert (result.exit_code, result.stdout) == (0, "cassettes/sub/odd.json: laid out\n")
    assert (odd.read_bytes(), odd.stat().st_mode & 0o777) == (text_of(HELD), 0o640)
    assert (good.stat().st_ino, good.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert other.read_bytes() == edited
    assert cassette("format").stdout == "cassettes/other.json: laid out\n"
    assert cassette("format").output == ""
    assert names() == ["cassettes/good.json", "cassettes/other.json", "cassettes/sub/odd.json"]


def test_format_check_changes_nothing() -> None:
    """Exit code 1 with the names of those that are not laid out."""
    put("good", *HELD)
    edited = by_hand(put("odd", *HELD))
    result = cassette("format", "--check")
    assert (result.exit_code, result.stdout) == (1, "cassettes/odd.json: not laid out\n")
    assert result.stderr == "1 file to lay out with 'runproxy cassette format'.\n"
    assert Path("cassettes/odd.json").read_bytes() == edited
    assert cassette("format", "--check", "good").exit_code == 0


def test_format_follows_a_link_and_leaves_it_a_link() -> None:
    """The file behind it is laid out."""
    target = put("held", *HELD, folder="elsewhere")
    by_hand(target)
    Path("cassettes").mkdir()
    Path("cassettes/link.json").symlink_to(target.resolve())
    assert cassette("format", "cassettes/link.json").exit_code == 0
    assert Path("cassettes/link.json").is_symlink()
    assert target.read_bytes() == text_of(HELD)


@pytest.mark.parametrize("check", [pytest.param(["--check"], id="check"), pytest.param([], id="write")])
def test_format_goes_on_after_one_that_cannot_be_read(check: list[str]) -> None:
    """The others are done, exit code 2, and what is wrong is told; a torn file keeps its torn bytes."""
    by_hand(put("odd", *HELD))
    cut = torn(put("torn", *HELD))
    Path("cassettes/wrong.json").write_text('{"format": "runproxy/1"}', encoding="utf-8")
    result = cassette("format", *check)
    assert result.exit_code == 2
    assert result.stdout.startswith("cassettes/odd.json: ")
    assert "Error: cassettes/torn.json: the last write was cut off, and the file was left alone." in result.stderr
    assert "Error: cassettes/wrong.json: interactions: a list was expected." in result.stderr
    assert Path("cassettes/torn.json").read_bytes() == cut


def test_format_without_cassettes() -> None:
    """An empty folder is no mistake; one that is not there, or a name, is one, for nothing would be looked at."""
    for missing in (["format"], ["format", "--check"]):
        result = cassette(*missing)
        assert result.exit_code == 2
        assert result.stderr.endswith("Error: There is no folder cassettes; --dir DIR names another.\n")
    Path("cassettes").mkdir()
    assert cassette("format").output == "No cassettes in cassettes.\n"
    result = cassette("format", "none")
    assert result.exit_code == 2
    assert "There is no cassette 'none'" in result.stderr


def test_the_folder_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """RUNPROXY_DIR is that of all commands, and --dir comes before it."""
    by_hand(put("a", *HELD, folder="one"))
    by_hand(put("b", *HELD, folder="two"))
    monkeypatch.setenv("RUNPROXY_DIR", "one")
    assert cassette("format", "--check").stdout == "one/a.json: not laid out\n"
    assert cassette("format", "--check", "--dir", "two").stdout == "two/b.json: not laid out\n"


def test_the_schema_is_printed() -> None:
    """As one JSON object that cassettes are valid against."""
    schema = json.loads(cassette("schema").stdout)
    Draft202012Validator(schema).validate(json.loads(put("held", *HELD).read_bytes()))


def test_split_writes_a_cassette_for_each_part() -> None:
    """In a sub-folder of the name; the original is left alone."""
    put("sub/held", *HELD)
    result = cassette("split", "sub/held", "--by", "thread")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "cassettes/sub/held/t1.json: 2 interactions",
        "cassettes/sub/held/t2.json: 1 interaction",
    ]
    assert Path("cassettes/sub/held/t1.json").read_bytes() == text_of([HELD[0], HELD[2]])
    assert Path("cassettes/sub/held/t2.json").read_bytes() == text_of([HELD[1]])
    assert Path("cassettes/sub/held.json").read_bytes() == text_of(HELD)


def test_split_removes_the_original_only_when_told() -> None:
    """And only once the parts are written, which may go elsewhere."""
    put("held", *HELD)
    result = cassette("split", "held.json", "--by", "method", "--into", "parts", "--remove")
    assert (result.exit_code, result.stderr) == (0, "cassettes/held.json removed.\n")
    assert names() == ["cassettes/parts/post.json"]


def test_split_writes_all_or_nothing() -> None:
    """A name that is taken ends it, and what was written is taken back."""
    put("held", *HELD)
    taken = put("held/t2")
    before = taken.read_bytes()
    result = cassette("split", "held", "--by", "thread", "--remove")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: cassettes/held/t2.json is there already, and was left alone. Choose another name.\n"
    )
    assert (names(), taken.read_bytes()) == (["cassettes/held.json", "cassettes/held/t2.json"], before)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param("none", "There is no cassette 'none' in cassettes. There are: torn.", id="missing"),
        pytest.param("torn", "cassettes/torn.json: the last write was cut off", id="torn"),
        pytest.param("empty", "cassettes/empty.json holds no interactions; nothing was written.", id="empty"),
        pytest.param("../empty", "'../empty' is no cassette name", id="outside"),
    ],
)
def test_split_tells_what_it_cannot_do(name: str, told: str) -> None:
    """Exit code 2, and nothing is written."""
    put("empty")
    torn(put("torn", *HELD))
    before = names()
    result = cassette("split", name, "--by", "thread", "--remove")
    assert result.exit_code == 2
    assert f"Error: {told}" in result.stderr
    assert names() == before


def report(name: str, used: set[int], file: str = "usage.json") -> None:
    """Write a usage report of the recordings that are held."""
    Path(file).write_bytes(write_report({name: CassetteUsage.of(Cassette(HELD), used)}))


def test_prune_lists_what_would_go() -> None:
    """Without --write nothing is changed."""
    before = put("sub/held", *HELD).read_bytes()
    report("sub/held", {1})
    result = cassette("prune", "sub/held.json", "--unused", "usage.json")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["[0] POST /v1/threads/t1 200", "[2] POST /v1/threads/t1 200"]
    assert result.stderr == "cassettes/sub/held.json: 2 of 3 interactions unused. Take them out with --write.\n"
    assert Path("cassettes/sub/held.json").read_bytes() == before


@pytest.mark.parametrize("edit", [by_hand, Path.read_bytes], ids=["edited", "laid-out"])
def test_prune_takes_out_what_is_unused(edit: Callable[[Path], bytes]) -> None:
    """By position, so that of two recordings of one call the right one stays; a second time the report is too old."""
    edit(put("held", *HELD))
    report("held", {0, 1})
    result = cassette("prune", "held", "--unused", "usage.json", "--write")
    assert (result.exit_code, result.stderr) == (0, "cassettes/held.json: 1 of 3 interactions taken out.\n")
    assert Path("cassettes/held.json").read_bytes() == text_of(HELD[:2])
    again = cassette("prune", "held", "--unused", "usage.json", "--write")
    assert again.exit_code == 2
    assert "the usage report was made for 3 interactions, the cassette holds 2." in again.stderr


def test_prune_keeps_what_one_of_several_reports_has_seen_in_use() -> None:
    """Parallel runs each play a part."""
    put("held", *HELD)
    report("held", {0}, "one.json")
    report("held", {1}, "two.json")
    result = cassette("prune", "held", "--unused", "one.json", "--unused", "two.json", "--write")
    assert (result.exit_code, result.stdout) == (0, "[2] POST /v1/threads/t1 200\n")
    assert Path("cassettes/held.json").read_bytes() == text_of(HELD[:2])


@pytest.mark.parametrize("command", ["format", "prune", "split", "merge"])
def test_what_a_cassette_says_of_comparing_is_kept(command: str) -> None:
    """Whatever is done with it as a whole."""
    match = {"ignore_body": ["/at"]}
    path = put("held", *HELD)
    path.write_text(json.dumps({"match": match, **json.loads(path.read_bytes())}), encoding="utf-8")
    report("held", {0, 1})
    args = {
        "format": ["held"],
        "prune": ["held", "--unused", "usage.json", "--write"],
        "split": ["held", "--by", "method", "--into", "parts"],
        "merge": ["held", "held", "--into", "both"],
    }
    assert cassette(command, *args[command]).exit_code == 0
    made = Path("cassettes", {"split": "parts/post.json", "merge": "both.json"}.get(command, "held.json"))
    assert made.read_bytes().startswith(layout.make_head(MatchSettings.model_validate(match)))


def test_a_writer_loses_nothing_to_commands_that_rewrite_its_file(tmp_path: Path) -> None:
    """Appending goes on while the file is laid out again and again."""
    path = tmp_path / "held.json"
    elements = [layout.element(encode_interaction(recording(f"/v1/{number}", {"n": number}))) for number in range(60)]

    def append() -> None:
        for element in elements:
            CassetteFile(path).apply([Edit(None, element)])

    path.write_bytes(layout.EMPTY)
    writer = threading.Thread(target=append)
    writer.start()
    while writer.is_alive():
        whole_files.rewrite(path, lambda text: layout.compose(layout.split(text)[::-1]))
    writer.join()
    assert sorted(layout.split(path.read_bytes())) == sorted(elements)


def test_a_file_that_is_recorded_into_meanwhile_is_not_removed(tmp_path: Path) -> None:
    """And who records right after it was removed begins a new one."""
    path = tmp_path / "held.json"
    path.write_bytes(text_of(HELD))
    with pytest.raises(CassetteNotWritable, match="changed by somebody else meanwhile"):
        whole_files.remove(path, layout.EMPTY)
    whole_files.remove(path, text_of(HELD))
    CassetteFile(path).apply([Edit(None, layout.element(encode_interaction(HELD[0])))])
    assert path.read_bytes() == text_of(HELD[:1])


def test_prune_of_a_cassette_that_is_all_used_changes_nothing() -> None:
    """Not even the layout."""
    edited = by_hand(put("held", *HELD))
    report("held", {0, 1, 2})
    result = cassette("prune", "held", "--unused", "usage.json", "--write")
    assert (result.exit_code, result.stderr) == (0, "cassettes/held.json: 0 of 3 interactions unused.\n")
    assert Path("cassettes/held.json").read_bytes() == edited


@pytest.mark.parametrize(
    ("name", "file", "told"),
    [
        pytest.param("held", "none.json", "none.json: cannot be read: No such file or directory.", id="no-report"),
        pytest.param("other", "usage.json", "usage.json: says nothing of 'other'. It speaks of: held.", id="unnamed"),
        pytest.param("none", "usage.json", "There is no cassette 'none' in cassettes.", id="no-cassette"),
        pytest.param("held", "cassettes/held.json", "cassettes/held.json: cassettes: Field required.", id="no-usage"),
    ],
)
def test_prune_tells_what_it_cannot_use(name: str, file: str, told: str) -> None:
    """Exit code 2 with the file and what is wrong."""
    put("held", *HELD)
    put("other", *HELD)
    report("held", set())
    result = cassette("prune", name, "--unused", file, "--write")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Error: {told}" in result.stderr


def test_a_file_that_was_changed_meanwhile_is_left_alone() -> None:
    """What a recording proxy has appended in between is not lost."""
    path = put("held", *HELD)

    def change(text: bytes) -> bytes:
        path.write_bytes(text_of([*HELD, *HELD]))
        return text_of(HELD[:1])

    with pytest.raises(CassetteNotWritable, match="changed by somebody else meanwhile, and was left alone"):
        whole_files.rewrite(path, change)
    assert path.read_bytes() == text_of([*HELD, *HELD])
    assert names() == ["cassettes/held.json"]


def test_a_disk_that_is_full_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2 with the reason, the file is as it was, and nothing is left behind."""
    edited = by_hand(put("odd", *HELD))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    for result in (cassette("format"), cassette("split", "odd", "--by", "thread")):
        assert result.exit_code == 2
        assert "cannot be written: No space left on device." in result.stderr
    assert (names(), Path("cassettes/odd.json").read_bytes()) == (["cassettes/odd.json"], edited)


def test_a_recording_made_meanwhile_waits_and_is_not_lost(tmp_path: Path) -> None:
    """Who records while a command changes the file comes after it, into the file that the command has made."""
    path = tmp_path / "held.json"
    path.write_bytes(layout.EMPTY)
    added = layout.element(encode_interaction(HELD[0]))
    writer = threading.Thread(target=CassetteFile(path).apply, args=([Edit(None, added)],))

    def change(text: bytes) -> bytes:
        writer.start()
        writer.join(0.2)
        assert writer.is_alive()
        return layout.compose([added])

    assert whole_files.rewrite(path, change)
    writer.join()
    assert path.read_bytes() == layout.compose([added, added])
