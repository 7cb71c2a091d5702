"""Splitting a cassette: nothing is lost, and every name can be a file everywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runproxy.addressing import checked_name
from runproxy.cassettes import Interaction
from runproxy.cassettes.splitting import PARTS, split_by
from tests.cassettes.recordings import cassettes, recording


@pytest.mark.parametrize(
    ("by", "names"),
    [
        pytest.param("path", {"v1-threads-t1-runs-r1": [0, 3], "v1-threads-t2": [1], "v1-models": [2]}, id="path"),
        pytest.param("method", {"post": [0, 1, 2, 3]}, id="method"),
        pytest.param("thread", {"t1": [0, 3], "t2": [1], "no-thread": [2]}, id="thread"),
    ],
)
def test_interactions_are_sorted_by_a_part_of_the_request(by: str, names: dict[str, list[int]]) -> None:
    """Each name has its own, in the order they had."""
    paths = ("/v1/threads/t1/runs/r1", "/v1/threads/t2", "/v1/models", "/v1/threads/t1/runs/r1")
    held = [recording(path, {"n": number}) for number, path in enumerate(paths)]
    assert split_by(by, held) == {name: [held[place] for place in places] for name, places in names.items()}


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        pytest.param(["/a/b", "/a-b"], ["a-b", "a-b-2"], id="alike-once-safe"),
        pytest.param(["/A", "/a"], ["A", "a-2"], id="alike-but-for-case"),
        pytest.param(["/", "//"], ["root", "root-2"], id="nothing-left"),
        pytest.param(["/..", "/.hidden", "/a%2Fb"], ["root", "hidden", "a-2Fb"], id="unsafe"),
        pytest.param(["/a.json"], ["a.json-2"], id="suffix"),
        pytest.param(["/" + "x" * 300], ["x" * 100], id="long"),
    ],
)
def test_names_are_safe_and_apart(paths: list[str], names: list[str]) -> None:
    """Letters, digits, dots, dashes and underscores; those that would be one file get a number."""
    assert list(split_by("path", [recording(path) for path in paths])) == names


@given(st.lists(st.text(st.characters(exclude_characters="?# \n\t"), max_size=12)), st.sampled_from(sorted(PARTS)))
def test_every_name_is_that_of_a_cassette(paths: list[str], by: str) -> None:
    """Whatever was called, the parts can be stored, and none takes the place of another."""
    parts = split_by(by, [recording(f"/{path}") for path in paths])
    assert all(checked_name(name) == name for name in parts)
    assert len({name.casefold() for name in parts}) == len(parts)


@given(cassettes, st.sampled_from(sorted(PARTS)))
def test_nothing_is_lost(held: list[Interaction], by: str) -> None:
    """The parts hold all interactions, each once."""
    parts = split_by(by, held)
    assert sorted(map(id, held)) == sorted(id(one) for part in parts.values() for one in part)
