"""`runproxy cassette merge`: by hand, and by git."""

import json
from pathlib import Path

import pytest

from tests.cassettes.recordings import recording, text_of
from tests.cli.cassettes import by_hand, cassette, put, run, torn

OLD, OURS, THEIRS = (recording("/v1/poll", {"from": side}) for side in ("base", "ours", "theirs"))
A, B = recording("/v1/a", {"n": 1}), recording("/v1/b", {"n": 2})


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start in an empty folder."""
    monkeypatch.chdir(tmp_path)


def test_two_branches_are_merged_into_ours() -> None:
    """By names, without a word, and the other files are left alone."""
    base, ours, theirs = put("base", OLD), put("ours", OLD, A), put("theirs", THEIRS, B)
    before = base.read_bytes(), theirs.read_bytes()
    result = cassette("merge", "base", "ours", "theirs")
    assert (result.exit_code, result.output) == (0, "")
    assert ours.read_bytes() == text_of([THEIRS, A, B])
    assert (base.read_bytes(), theirs.read_bytes()) == before


@pytest.mark.parametrize("args", [[], ["--driver"]], ids=["by-hand", "driver"])
def test_a_conflict_keeps_ours_and_names_the_call(args: list[str]) -> None:
    """Exit code 1; what has no conflict is merged, and the file can be read."""
    paths = put("base", OLD), put("ours", OURS, A), put("theirs", THEIRS, B)
    result = cassette("merge", *args, "--path", "held.json", *map(str, paths))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "CONFLICT in held.json: POST /v1/poll: both sides changed this recording, each in its own way.",
        "Ours was kept. Record these calls again, or edit the file by hand.",
    ]
    assert paths[1].read_bytes() == text_of([OURS, A, B])


def test_a_side_without_the_file_is_empty() -> None:
    """As git gives it, and as /dev/null."""
    Path("nothing").touch()
    put("ours", A)
    put("theirs", B)
    assert cassette("merge", "--driver", "nothing", "cassettes/ours.json", "cassettes/theirs.json").exit_code == 0
    assert cassette("merge", "/dev/null", "ours", "theirs").exit_code == 0
    assert Path("cassettes/ours.json").read_bytes() == text_of([A, B])


@pytest.mark.parametrize("which", ["base", "ours", "theirs"])
@pytest.mark.parametrize("spoil", [torn, lambda path: path.write_text("{?")], ids=["torn", "no-json"])
def test_a_side_that_cannot_be_read_ends_the_merge(which: str, spoil: object) -> None:
    """Exit code 2 with the file, and ours is as it was."""
    for name in ("base", "ours", "theirs"):
        put(name, A)
    assert callable(spoil)
    spoil(Path(f"cassettes/{which}.json"))
    before = Path("cassettes/ours.json").read_bytes()
    result = cassette("merge", "base", "ours", "theirs")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: cassettes/{which}.json: ")
    assert Path("cassettes/ours.json").read_bytes() == before


def test_cassettes_are_put_together_in_a_new_one() -> None:
    """Each call is there once; the report counts."""
    put("one", A, OLD)
    by_hand(put("two", B, A))
    result = cassette("merge", "one", "two", "--into", "sub/both")
    assert result.exit_code == 0
    assert result.stderr == "cassettes/sub/both.json: 3 interactions of 2 cassettes.\n"
    assert Path("cassettes/sub/both.json").read_bytes() == text_of([A, OLD, B])


def test_different_recordings_are_put_together_only_on_request() -> None:
    """Else exit code 1, the call is named, and nothing is written."""
    put("one", OURS)
    put("two", THEIRS)
    result = cassette("merge", "one", "two", "--into", "both")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "CONFLICT in both: POST /v1/poll: the cassettes hold different recordings of this call.",
        "Nothing was written. Choose with --later-wins, or record these calls again.",
    ]
    assert not Path("cassettes/both.json").exists()
    assert cassette("merge", "one", "two", "--into", "both", "--later-wins").exit_code == 0
    assert Path("cassettes/both.json").read_bytes() == text_of([THEIRS])


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(["one", "two"], "Name BASE OURS THEIRS", id="two"),
        pytest.param(["one", "two", "one", "--later-wins"], "--later-wins goes with --into", id="later"),
        pytest.param(["one", "two", "--into", "x", "--driver"], "--driver writes into OURS", id="driver"),
        pytest.param(["one", "two", "--into", "one"], "one.json is there already, and was left alone", id="taken"),
        pytest.param(["one", "two", "--into", "../x"], "'../x' is no cassette name", id="outside"),
        pytest.param(["one", "none", "--into", "x"], "There is no cassette 'none'", id="missing"),
        pytest.param(["--driver", "a", "b", "c"], "a: cannot be read: No such file", id="missing-path"),
    ],
)
def test_what_cannot_be_done_is_told(args: list[str], told: str) -> None:
    """Exit code 2, and no file is changed."""
    put("one", A)
    put("two", B)
    result = cassette("merge", *args)
    assert result.exit_code == 2
    assert told in result.stderr
    assert [path.name for path in sorted(Path("cassettes").iterdir())] == ["one.json", "two.json"]


def git(*args: str, code: int = 0) -> str:
    """Run git and give all that it said."""
    done = run("git", "-c", "user.name=A", "-c", "user.email=a@example.test", *args)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == code, said
    return said


def commit(*interactions: object, branch: str | None = None, name: str = "held") -> None:
    """Write a cassette and commit it, on a new branch if one is named."""
    if branch:
        git("checkout", "-q", "-b", branch)
    put(name, *interactions)  # type: ignore[arg-type]  # interactions, all of them
    git("add", "-A")
    git("commit", "-q", "-m", "record")


@pytest.fixture
def _a_repository(_in_a_folder_of_its_own: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start with a repository that merges cassettes with runproxy, and one cassette in it."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    git("init", "-q", "-b", "main")
    git("config", "merge.runproxy.driver", "runproxy cassette merge --driver %O %A %B")
    Path(".gitattributes").write_text("cassettes/*.json merge=runproxy\n", encoding="utf-8")
    commit(OLD)


@pytest.mark.usefixtures("_a_repository")
def test_git_merges_branches_that_recorded_different_calls() -> None:
    """Both have appended at the same place, which makes a conflict of lines, but none of calls."""
    commit(OLD, A, branch="ours")
    git("checkout", "-q", "main")
    commit(THEIRS, B, branch="theirs")
    git("checkout", "-q", "ours")
    git("-c", "merge.runproxy.driver=false", "merge", "-q", "theirs", code=1)
    git("merge", "--abort")
    git("merge", "-q", "-m", "merge", "theirs")
    assert Path("cassettes/held.json").read_bytes() == text_of([THEIRS, A, B])
    assert git("status", "--porcelain") == ""


@pytest.mark.usefixtures("_a_repository")
def test_git_stops_where_both_changed_one_recording() -> None:
    """The file is marked as in conflict, is valid JSON with ours in it, and the call is named."""
    commit(OURS, branch="ours")
    git("checkout", "-q", "main")
    commit(THEIRS, B, branch="theirs")
    git("checkout", "-q", "ours")
    git("config", "merge.runproxy.driver", "runproxy cassette merge --driver --path %P %O %A %B")
    said = git("merge", "-q", "-m", "merge", "theirs", code=1)
    assert "CONFLICT in cassettes/held.json: POST /v1/poll: both sides changed this recording" in said
    assert git("status", "--porcelain").splitlines() == ["UU cassettes/held.json"]
    assert Path("cassettes/held.json").read_bytes() == text_of([OURS, B])


@pytest.mark.usefixtures("_a_repository")
def test_git_merges_a_cassette_that_both_branches_added() -> None:
    """There is no base then."""
    commit(A, branch="ours", name="new")
    git("checkout", "-q", "main")
    commit(B, branch="theirs", name="new")
    git("checkout", "-q", "ours")
    git("merge", "-q", "-m", "merge", "theirs")
    assert len(json.loads(Path("cassettes/new.json").read_bytes())["interactions"]) == 2
