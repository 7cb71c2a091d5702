"""The player of pages: what it takes for a block, what it does with it, and that it tells of what goes wrong."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.page import ROOT, Block, parse, section
from tests.docs.play import _shown, played
from tests.docs.shell import Shell, Trouble

FENCE = "```"


def block(text: str, language: str = "sh", comment: str = "") -> str:
    """Write a block as it stands in a page."""
    return f"{comment}\n{FENCE}{language}\n{text}\n{FENCE}\n"


def play(page: str, root: Path) -> dict[str, int]:
    """Play a page in a folder, and count its blocks."""
    with played(Path("page.md"), parse(page), Shell(root, command_s=20)) as counts:
        return dict(counts)


@pytest.mark.parametrize(
    ("page", "found"),
    [
        pytest.param(block("a"), Block(3, "sh", "", "", "a\n"), id="no-comment"),
        pytest.param(block("a", "json", "<!-- file: x.json -->"), Block(3, "json", "file", "x.json", "a\n"), id="file"),
        pytest.param(block("a", "sh", "<!-- run: exits 2 -->"), Block(3, "sh", "run", "exits 2", "a\n"), id="exits"),
        pytest.param(block("a", "text", "<!-- output -->"), Block(3, "text", "output", "", "a\n"), id="output"),
        pytest.param(block("a", "sh", "<!-- not run: b: c -->"), Block(3, "sh", "not run", "b: c", "a\n"), id="colon"),
        pytest.param(f"<!-- output -->\n{block('a')}", Block(4, "sh", "", "", "a\n"), id="comment-not-right-before"),
        pytest.param(
            f"- b\n\n  {FENCE}sh\n  a\n    c\n  {FENCE}\n", Block(4, "sh", "", "", "a\n  c\n"), id="in-a-list"
        ),
        pytest.param("\n<!-- prepare:\na\nb\n-->\n", Block(2, "sh", "run", "", "a\nb\n"), id="prepare"),
        pytest.param(
            "<!-- prepare in the background: a -->\n",
            Block(1, "sh", "run", "in the background", "a"),
            id="prepare-a-server",
        ),
        pytest.param(f"{FENCE}`md\n{block('a')}{FENCE}`\n", Block(2, "md", "", "", block("a")), id="fence-in-a-fence"),
    ],
)
def test_a_block_is_found_with_what_its_comment_says(page: str, found: Block) -> None:
    """A comment counts on the line right before its fence, and nowhere else."""
    assert list(parse(page)) == [found]


def test_a_directive_of_the_site_is_no_block() -> None:
    """Contents and the like are for its generator."""
    assert list(parse(block("guard\naudit", "{toctree}"))) == []


def test_commands_of_a_block_go_on_after_a_backslash() -> None:
    """Servers are started command by command; comments are none."""
    (found,) = parse(block("a \\\n  b\n# c\nd"))
    assert [command.split() for command in found.commands] == [["a", "b"], ["d"]]


def test_a_section_ends_at_the_next_heading() -> None:
    """It is told how many lines stand before it, so that places in it can be named."""
    assert section("# a\n\n## b\n1\n### c\n2\n## d\n3\n", "b") == (3, "1\n### c\n2\n")
    with pytest.raises(ValueError, match="no heading"):
        section("# a\n", "b")


@pytest.mark.parametrize(
    ("shown", "printed", "is_there"),
    [
        pytest.param("b\n", "a\nb\nc\n", True, id="a-line"),
        pytest.param("b\n", "ab\n", False, id="part-of-a-line"),
        pytest.param("a\nc\n", "a\nb\nc\n", False, id="not-together"),
        pytest.param("a\n…\nc\n", "a\nb\nb\nc\n", True, id="lines-left-out"),
        pytest.param("a\n…\nc\n", "a\nc\n", True, id="no-lines-left-out"),
        pytest.param("a … c\n", "a b c\n", True, id="part-left-out"),
        pytest.param("a.c\n", "abc\n", False, id="no-pattern"),
        pytest.param("a\n", "a", True, id="no-line-end"),
    ],
)
def test_shown_output_is_found_line_by_line(shown: str, printed: str, is_there: bool) -> None:
    """An ellipsis stands for what differs every time, or is of no matter."""
    assert bool(_shown(shown).search(printed)) is is_there


def test_blocks_share_a_folder_and_what_they_export(tmp_path: Path) -> None:
    """A page is read from its beginning to its end in one place."""
    page = (
        block("export NAME=b\nmkdir c\ncd c")
        + block("a", "text", "<!-- file: a.txt -->")
        + block("cat ../a.txt; echo $NAME; basename $PWD")
        + block("a\nb\nc", "text", "<!-- output -->")
    )
    assert play(page, tmp_path) == {"run": 2, "file": 1, "output": 1}


@pytest.mark.parametrize(
    ("page", "told"),
    [
        pytest.param(block("echo a; false; echo b"), ["ended with code 1 and not 0:\na\n"], id="a-command-fails"),
        pytest.param(block("false | cat"), ["ended with code 1"], id="the-first-of-a-pipe-fails"),
        pytest.param(block("true", comment="<!-- run: exits 1 -->"), ["code 0 and not 1"], id="another-exit-code"),
        pytest.param(
            block("echo a") + block("b", "text", "<!-- output -->"), ["is not in what was printed:\na\n"], id="output"
        ),
        pytest.param(block("a = 1", "toml"), ["are no settings", "a"], id="settings"),
        pytest.param(block("a", "json"), ["nobody knows what to do", "not run: REASON"], id="no-comment"),
        pytest.param(block("a", comment="<!-- not run: -->"), ["nobody knows what to do"], id="no-reason"),
        pytest.param(
            block("echo a; exit 3", comment="<!-- run: in the background -->"),
            ["ended by itself with code 3:\na\n"],
            id="a-server-ends",
        ),
    ],
)
def test_what_goes_wrong_is_told_with_its_place(page: str, told: list[str], tmp_path: Path) -> None:
    """Page and line come first, then the commands, then what was printed."""
    with pytest.raises(Trouble) as caught:
        play(f"\n{page}", tmp_path)
    lines = str(caught.value).splitlines()
    assert re.fullmatch(r"page\.md:\d+", lines[0])
    assert all(text in str(caught.value) for text in told)


def test_a_block_that_hangs_is_ended(tmp_path: Path) -> None:
    """The page is not waited for any longer, and nothing of the block is left."""
    with (
        pytest.raises(Trouble, match=r"did not end in 0.5 s"),
        played(Path("page.md"), parse(block("sleep 1000 & echo $! > pid; wait")), Shell(tmp_path, command_s=0.5)),
    ):
        pass
    pid = (tmp_path / "page" / "pid").read_text(encoding="utf-8").strip()
    assert not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")


def test_servers_are_ready_replaced_on_their_port_and_stopped(tmp_path: Path) -> None:
    """A block after one that starts a server can call it, and the next server on the port takes its place."""
    server = "<!-- run: in the background -->"
    page = (
        block("runproxy replay --cassette quickstart", comment=server)
        + block("curl -s http://127.0.0.1:8788/api/status")
        + block('…"mode": "replay"…', "text", "<!-- output -->")
        + block("runproxy serve --mode passthrough --upstream http://127.0.0.1:1/v1", comment=server)
        + block("curl -s http://127.0.0.1:8788/api/status")
        + block('…"mode": "passthrough"…', "text", "<!-- output -->")
        + block("curl -s http://127.0.0.1:8788/nowhere", comment="<!-- run: exits 22 -->")
    )
    (tmp_path / "page.md").write_text(page, encoding="utf-8")
    command = [sys.executable, "-m", "tests.docs.play", str(tmp_path / "page.md")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert (ended.returncode, ended.stderr, ended.stdout) == (0, "", '{"run": 5, "output": 2}\n')
