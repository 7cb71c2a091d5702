"""What is in the package: one version, all that its tests need, and a manual page that is the help."""

import re
import shutil
import subprocess
import tomllib
from datetime import date
from pathlib import Path

import pytest

import runproxy
from runproxy.cli import main
from runproxy.cli.manual import manual
from tests.cli.test_help import commands

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ALWAYS = {"LICENSE", "README.md", "pyproject.toml", ".gitignore"}
"""What hatchling takes into every sdist by itself."""


def test_the_version_stands_in_one_place() -> None:
    """In the package; the changelog has a heading for it, or for what comes next."""
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "runproxy/__init__.py"
    heading = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert heading
    assert heading[1] in (runproxy.__version__, "Unreleased")


def test_the_sdist_holds_all_that_is_kept_in_version_control() -> None:
    """So that who has it alone can run the tests; and it asks for nothing that is not there."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    kept = set(listed.stdout.splitlines())
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    left_out = {path for path in kept if not any(f"{path}/".startswith(f"{name}/") for name in (*included, *ALWAYS))}
    assert left_out == set()
    assert {name for name in included if not (ROOT / name).exists()} == set()


def test_the_package_says_what_it_is() -> None:
    """With all that an index shows of it; addresses are left out as long as there are none."""
    project = PROJECT["project"]
    assert all(project[name] for name in ("description", "readme", "license", "requires-python", "keywords"))
    assert (ROOT / project["license-files"][0]).is_file()


def test_the_manual_tells_of_every_command_and_option() -> None:
    """Each command is a sub-section, with its options and its example."""
    page = manual(main, runproxy.__version__, date(2026, 11, 22)).replace("\\-", "-")
    for path in commands(main):
        heading = " ".join(("runproxy", *path))
        assert not path or re.search(rf"^\.SS {heading} ", page, re.MULTILINE)
    assert "--drift-kinds" in page
    assert "\\fB--quiet" in page.replace("-q, ", "")


def test_the_manual_is_well_formed() -> None:
    """No line is taken for a macro that is none, and mandoc has no warning."""
    mandoc = shutil.which("mandoc") or pytest.skip("mandoc is not installed")
    page = manual(main, runproxy.__version__, date(2026, 11, 22))
    checked = subprocess.run(
        [mandoc, "-T", "lint", "-W", "warning"], input=page, capture_output=True, text=True, check=False, timeout=60
    )
    assert (checked.returncode, checked.stdout) == (0, "")
    shown = subprocess.run([mandoc, "-T", "utf8"], input=page, capture_output=True, text=True, check=True, timeout=60)
    assert "runproxy cassette show quickstart --interaction 0" in re.sub(".\b", "", shown.stdout)
