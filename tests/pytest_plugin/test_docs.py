"""docs/howto/pytest.md: what it lists is what there is."""

import inspect
import re
from dataclasses import fields
from pathlib import Path

import runproxy
from runproxy import pytest_plugin
from runproxy.pytest_plugin import flags
from runproxy.testing import Options

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "pytest.md").read_text(encoding="utf-8")


def listed(heading: str) -> set[str]:
    """Give what stands in the first column of the table below a heading."""
    section = PAGE.partition(f"### {heading}\n")[2].partition("\n#")[0]
    return {
        name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    }


def test_every_flag_is_listed() -> None:
    """And no other."""
    there = inspect.getsource(flags.pytest_addoption)
    assert listed("Flags") == set(re.findall(r'"(--runproxy-[\w-]+)"', there))


def test_every_fixture_is_listed() -> None:
    """And no other."""
    made = {"runproxy" if name == "own_session" else name for name in pytest_plugin.__all__}
    assert listed("Fixtures") == {name for name in made if name.startswith("runproxy")}


def test_every_argument_is_listed_and_taken_everywhere() -> None:
    """By the context, by the server and by the marker, with the same defaults."""
    options = {field.name: field.default for field in fields(Options)}
    assert listed("Arguments of a session") == options.keys() | {"cassette"}
    assert options.keys() == flags.OF_A_SESSION
    for takes in (runproxy.cassette, runproxy.CassetteServer.cassette):
        taken = inspect.signature(takes).parameters
        assert {name: taken[name].default for name in taken if name not in ("self", "name")} == options


def test_every_part_of_a_session_is_listed() -> None:
    """But for those by which the plugin ends it."""
    public = {name for name in vars(runproxy.CassetteSession) if not name.startswith("_")}
    kept = {"end", "keep", "problems", "usage"}
    told = {name.removesuffix("()") for name in listed("The session")}
    assert public - kept <= told
    assert {"base_url", "url", "name", "path", "folder", "mode"} <= told


def test_the_reference_lists_the_same_parts_of_a_session() -> None:
    """Attributes too, and nothing by which the plugin alone ends one."""
    reference = (Path(__file__).parents[2] / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    section = reference.partition("\n## CassetteSession\n")[2].partition("\n## ")[0]
    members = set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))
    assert members == listed("The session")
