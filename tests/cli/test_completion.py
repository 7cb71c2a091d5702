"""Completion in real shells: commands, options, words of an option, cassettes, files, and misses of a running proxy."""

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from runproxy.cli import main
from tests.cassettes.recordings import recording
from tests.cli.cassettes import COMMANDS, put
from tests.cli.processes import DEADLINE_S, environment, fetch, serving

PATH = f"{COMMANDS}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(autouse=True)
def _with_cassettes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("first", "sub/second"):
        put(name, recording())
    put("elsewhere", recording(), folder="other")


def script(shell: str) -> str:
    """Give what `runproxy completion` prints."""
    return CliRunner().invoke(main, ["completion", shell]).stdout


def need(shell: str) -> str:
    """Give the path of a shell, or skip where there is none."""
    return shutil.which(shell) or pytest.skip(f"{shell} is not installed")


def run(*command: str) -> list[str]:
    """Run a shell and give the lines that it prints."""
    env = environment({"PATH": PATH, "HOME": str(Path.cwd())})
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def in_bash(words: str) -> list[str]:
    """Press Tab behind words in bash."""
    lines = [
        script("bash"),
        f"COMP_WORDS=({words}{' ' if not words.endswith(' ') else chr(32) + chr(34) * 2})",
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))",
        "_runproxy_completion runproxy",
        "printf '%s\\n' \"${COMPREPLY[@]}\"",
    ]
    return [line for line in run(need("bash"), "--norc", "-c", "\n".join(lines)) if line]


def in_fish(words: str) -> list[str]:
    """Press Tab behind words in fish."""
    told = run(need("fish"), "--no-config", "-c", f"{script('fish')}\ncomplete -C '{words}'")
    return [line.partition("\t")[0] for line in told]


SHELLS = [pytest.param(in_bash, id="bash"), pytest.param(in_fish, id="fish")]


@pytest.mark.parametrize("complete", SHELLS)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param("runproxy ser", ["serve"], id="command"),
        pytest.param("runproxy cassette sch", ["schema"], id="sub-command"),
        pytest.param("runproxy serve --mode re", ["replay", "record"], id="word"),
        pytest.param("runproxy serve --max-conn", ["--max-connections"], id="option"),
        pytest.param("runproxy cassette show f", ["first"], id="cassette"),
        pytest.param("runproxy replay --cassette s", ["sub/second"], id="cassette-of-an-option"),
        pytest.param("runproxy cassette show --dir other e", ["elsewhere"], id="cassette-of-another-folder"),
        pytest.param("runproxy check --route create_c", ["create_conversation", "create_chat_completion"], id="route"),
    ],
)
def test_words_are_completed(complete: Callable[[str], list[str]], words: str, expected: list[str]) -> None:
    """With what may stand there."""
    assert sorted(complete(words)) == sorted(expected)


@pytest.mark.parametrize("complete", SHELLS)
def test_misses_of_the_running_proxy_are_completed(complete: Callable[[str], list[str]], tmp_path: Path) -> None:
    """Those of the proxy that the command line names."""
    with serving(tmp_path, "replay") as server:
        assert fetch(f"{server.url}/v1/models").status == 501
        assert complete(f"runproxy why --admin-url {server.admin_url} m") == ["miss-1"]


@pytest.mark.parametrize("complete", SHELLS)
def test_where_nothing_answers_nothing_is_offered(complete: Callable[[str], list[str]]) -> None:
    """And no error is shown to somebody who only pressed Tab."""
    assert complete("runproxy why --admin-url http://127.0.0.1:9 m") == []


def test_files_are_left_to_the_shell() -> None:
    """Bash is told to complete them itself."""
    env = {"COMP_WORDS": "runproxy check fir", "COMP_CWORD": "2", "_RUNPROXY_COMPLETE": "bash_complete", "PATH": PATH}
    done = subprocess.run(["runproxy"], env=env, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    assert done.stdout == "file,fir\n"


def test_zsh_completes_on_a_terminal() -> None:
    """A word and Tab give the only cassette that begins so."""
    zsh = need("zsh")
    Path("runproxy.zsh").write_text(script("zsh"), encoding="utf-8")
    terminal, theirs = pty.openpty()
    env = environment({"PATH": PATH, "TERM": "dumb", "HOME": str(Path.cwd())})
    process = subprocess.Popen(
        [zsh, "-f", "-i"], env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        os.write(terminal, b"autoload -Uz compinit && compinit -u && source ./runproxy.zsh && echo set-'up'\n")
        read_until(terminal, b"set-up")
        os.write(terminal, b"runproxy cassette show fi\t")
        read_until(terminal, b"show first")
    finally:
        process.kill()
        process.wait(DEADLINE_S)
        os.close(terminal)


def read_until(terminal: int, text: bytes) -> None:
    """Read what a terminal shows until a text is there."""
    shown, end = b"", time.monotonic() + DEADLINE_S
    while text not in shown:
        assert time.monotonic() < end, shown.decode("utf-8", "replace")
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 4096)
