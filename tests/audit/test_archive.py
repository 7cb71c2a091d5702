"""An archive: exports that go on where the last one ended, prove themselves, and let the store be pruned."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runproxy.audit import archive as archives
from runproxy.audit.archive import Archive, read_links
from runproxy.audit.chain import Link
from runproxy.audit.errors import AuditError
from runproxy.audit.pruning import cut_by_age, prune
from runproxy.audit.store import AuditStore
from runproxy.audit.verifying import verify
from tests.audit.calls import DAY_MS, NOW_MS, call, entries, put, store_of, varied


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AuditStore]:
    """Give a store with something of every kind."""
    store = varied(tmp_path)
    yield store
    store.close()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Give an archive in a folder that is not there yet."""
    return Archive(tmp_path / "archive")


def links(archive: Archive) -> list[Link]:
    """Give all entries of an archive, hashed anew."""
    return [link for file in archive.files() for link in read_links(file)]


def test_an_export_holds_the_whole_chain_and_the_next_one_goes_on(store: AuditStore, archive: Archive) -> None:
    """What has come since goes into a file of its own; without anything new, none is made."""
    assert archive.end() is None
    first = archive.extend(store)
    assert archive.extend(store) == 0
    put(store, entries(call({"n": "1"})))
    assert archive.extend(store) == 2
    assert [file.first for file in archive.files()] == [1, first + 1]
    assert archive.end() == links(archive)[-1] == verify(store).head
    assert [link.seq for link in links(archive)] == list(range(1, first + 3))


def test_a_large_export_makes_several_files(
    store: AuditStore, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each follows the one before it."""
    monkeypatch.setattr(archives, "_OF_A_FILE", 4)
    count = archive.extend(store)
    assert len(archive.files()) == -(-count // 4)
    assert links(archive)[-1] == verify(store).head


def test_a_line_can_be_read_without_this_program(store: AuditStore, archive: Archive) -> None:
    """It names the columns, and has the pairs and findings beside the row."""
    archive.extend(store)
    with gzip.open(archive.files()[0].path, "rt", encoding="utf-8") as file:
        head, *lines = (json.loads(line) for line in file)
    assert head["format"] == "runproxy-audit/1"
    assert lines[0]["entry"] == "event"
    assert lines[0]["row"]["team"] == "search"
    assert [(pair["key"], pair["value"]) for pair in lines[0]["pairs"]] == [("user", "a"), ("env", "test")]
    assert {line["entry"] for line in lines} == {"event", "outcome", "delivery"}


def test_the_archive_of_a_pruned_store_goes_on(store: AuditStore, archive: Archive) -> None:
    """What was exported may be removed; what is pruned is in the archive, too."""
    archive.extend(store)
    prune(store, cut_by_age(store, NOW_MS - DAY_MS - 1, NOW_MS), NOW_MS)
    assert archive.extend(store) == 1
    assert links(archive)[-1] == verify(store).head


def test_what_is_proven_may_be_removed(store: AuditStore, archive: Archive) -> None:
    """Entries up to one, by its hash; more than there is cannot be proven, nor another hash."""
    archive.extend(store)
    fifth = links(archive)[4]
    archive.prove(0, fifth)
    with pytest.raises(AuditError, match="does not hold all entries from 1 to 99"):
        archive.prove(0, Link(99, b""))
    with pytest.raises(AuditError, match="entry 5 is another one"):
        archive.prove(0, Link(5, b"?" * 32))


def test_an_archive_of_another_store_is_not_gone_on_with(store: AuditStore, archive: Archive, tmp_path: Path) -> None:
    """The error says that one of them is another than before."""
    archive.extend(store)
    (tmp_path / "other").mkdir()
    other = store_of(tmp_path / "other", *(call({"n": str(number)}) for number in range(20)))
    with pytest.raises(AuditError, match="another one than before"):
        archive.extend(other)
    other.close()


def test_an_archive_that_has_missed_what_was_removed_is_told_of(store: AuditStore, archive: Archive) -> None:
    """What is gone cannot be exported any more."""
    archive.extend(store)
    put(store, entries(call({"n": "1"}), call({"n": "2"})))
    prune(store, cut_by_age(store, NOW_MS + 9 * DAY_MS, NOW_MS + 10 * DAY_MS), NOW_MS + 10 * DAY_MS)
    with pytest.raises(AuditError, match="have been removed"):
        archive.extend(store)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(lambda text: text.replace(b'"search"', b'"ads"', 1), "entry 1 was changed", id="changed"),
        pytest.param(lambda text: b"\n".join(text.split(b"\n")[:3]) + b"\n", "not with the one in its name", id="cut"),
        pytest.param(lambda text: text.replace(b"audit/1", b"audit/9"), "runproxy does not know", id="newer"),
        pytest.param(lambda _: b"", "cannot be read", id="empty"),
        pytest.param(lambda text: text + b"{}\n", "cannot be read", id="strange"),
    ],
)  # fmt: skip
def test_a_file_that_was_changed_is_told_of(store: AuditStore, archive: Archive, change: object, told: str) -> None:
    """The error names the file, and the entry where it can."""
    assert callable(change)
    archive.extend(store)
    path = archive.files()[0].path
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))
    with pytest.raises(AuditError, match=told) as caught:
        links(archive)
    assert path.name in caught.value.message


def test_a_torn_file_is_told_of(store: AuditStore, archive: Archive) -> None:
    """The same for one that is not gzip to its end."""
    archive.extend(store)
    path = archive.files()[0].path
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(AuditError, match="cannot be read as an archive"):
        links(archive)


def test_a_file_that_is_missing_is_told_of(
    store: AuditStore, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entries that are missing are named."""
    monkeypatch.setattr(archives, "_OF_A_FILE", 3)
    archive.extend(store)
    archive.files()[1].path.unlink()
    with pytest.raises(AuditError, match="entries 4 to 6 are missing"):
        archive.files()


def test_a_store_that_was_changed_is_not_exported(store: AuditStore, archive: Archive) -> None:
    """An archive holds only what is proven."""
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE events SET team = 'x' WHERE seq = 3")
    with pytest.raises(AuditError, match="entry 3 does not follow"):
        archive.extend(store)
    assert archive.files() == []
