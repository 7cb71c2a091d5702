"""The shelf: one reading of a cassette for all who replay it, and a new one once it has changed."""

import os
from pathlib import Path

import pytest

from runproxy.composition.shelf import Shelf
from runproxy.errors import CassetteNotFound
from runproxy.matching import MatchSettings
from runproxy.redaction import WriteGate
from runproxy.stores.file import FileStore
from tests.cassettes.recordings import recording, text_of

PLAIN = MatchSettings()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Give a shelf in front of a folder with one cassette."""
    (tmp_path / "a.json").write_bytes(text_of([recording()]))
    return Shelf(FileStore(tmp_path, WriteGate()))


def test_a_cassette_is_read_once(shelf: Shelf) -> None:
    """Whoever asks with the same settings gets the same object; other settings make another."""
    one = shelf.load("a", PLAIN)
    assert shelf.load("a", PLAIN) is one
    assert shelf.load("a", MatchSettings(prefixes=("/v1",))) is not one


def test_a_cassette_that_has_changed_is_read_anew(shelf: Shelf, tmp_path: Path) -> None:
    """Also when it is as long as before, and when it was replaced by another file of the same age."""
    before = shelf.load("a", PLAIN)
    path, age = tmp_path / "a.json", (tmp_path / "a.json").stat().st_mtime_ns
    (tmp_path / "new").write_bytes(text_of([recording("/v1/b")]))
    os.utime(tmp_path / "new", ns=(age, age))
    (tmp_path / "new").replace(path)
    after = shelf.load("a", PLAIN)
    assert (before[0].request.path, after[0].request.path) == ("/v1/a", "/v1/b")


def test_a_cassette_that_is_gone_is_told(shelf: Shelf, tmp_path: Path) -> None:
    """With what there is, as the store tells it."""
    shelf.load("a", PLAIN)
    (tmp_path / "a.json").rename(tmp_path / "ab.json")
    with pytest.raises(CassetteNotFound, match=r"There is no cassette 'a'.*There are: ab"):
        shelf.load("a", PLAIN)


def test_only_the_latest_are_kept(shelf: Shelf) -> None:
    """Memory does not grow with the settings that sessions think of."""
    first = shelf.load("a", PLAIN)
    for number in range(8):
        shelf.load("a", MatchSettings(prefixes=(f"/v{number}",)))
    assert shelf.load("a", PLAIN) is not first
