"""The examples in other languages: their own tests pass, on one cassette that all share, and can fail."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.processes import environment
from tests.clients import toolchains
from tests.docs.page import ROOT, parse

EXAMPLES = ROOT / "examples"
RUNNING_S = 170.0
"""How long an example may take; Go takes minutes where nothing of its standard library was ever compiled."""

COMMANDS: dict[str, Callable[[], list[str]]] = {
    "node": lambda: [toolchains.node_program(), "--test"],
    "go": lambda: [toolchains.go_program(), "test", "-count=1", "./..."],
    "shell": lambda: ["./runs.sh"] if toolchains.curl() else [],
}


def run(language: str, examples: Path) -> "subprocess.CompletedProcess[str]":
    """Run the tests of a language in a folder with all examples."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    offline = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    return subprocess.run(
        COMMANDS[language](),
        cwd=examples / language,
        env=environment({"PATH": programs, "NO_PROXY": "127.0.0.1", **offline}),
        capture_output=True,
        encoding="utf-8",
        timeout=RUNNING_S,
        check=False,
    )


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """Give a copy of all examples."""
    return shutil.copytree(EXAMPLES, tmp_path / "examples")


@pytest.mark.parametrize("language", COMMANDS)
def test_an_example_passes_and_leaves_the_cassette_alone(language: str, examples: Path) -> None:
    """Its calls are answered from the cassette that all three share, which stays as it is, alone in its folder."""
    ran = run(language, examples)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (cassette,) = (examples / "cassettes").iterdir()
    assert cassette.read_bytes() == (EXAMPLES / "cassettes" / "runs.json").read_bytes()


@pytest.mark.parametrize("language", COMMANDS)
def test_an_example_fails_where_an_answer_is_another(language: str, examples: Path) -> None:
    """What it asserts comes from the cassette: with another answer on file it ends with an error."""
    cassette = examples / "cassettes" / "runs.json"
    before, found, after = cassette.read_text(encoding="utf-8").rpartition('"user_id": "user_abc123"')
    assert found
    cassette.write_text(f'{before}"user_id": "another"{after}', encoding="utf-8")
    assert run(language, examples).returncode != 0


def test_the_page_shows_the_files_as_they_are() -> None:
    """Every program in docs/howto/other-languages.md is a file of the examples, and every file is shown."""
    page = (ROOT / "docs" / "howto" / "other-languages.md").read_text(encoding="utf-8")
    shown = {block.detail: block.text for block in parse(page) if block.how == "file"}
    programs = [path for path in EXAMPLES.rglob("*") if path.suffix in (".mjs", ".go", ".sh")]
    assert shown == {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in programs}


def test_the_helper_of_go_is_short() -> None:
    """Whoever copies it copies about thirty lines."""
    text = (EXAMPLES / "go" / "proxy_test.go").read_text(encoding="utf-8")
    assert len(text[text.index("func ") :].splitlines()) <= 32
