"""Keeping a store as small as the settings ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runproxy.audit.archive import Archive
from runproxy.audit.errors import AuditError
from runproxy.audit.filters import Filter
from runproxy.audit.report import summary
from runproxy.audit.retention import keep_within
from runproxy.audit.settings import AuditSettings
from runproxy.audit.store import AuditStore
from runproxy.audit.verifying import verify
from tests.audit.calls import DAY_MS, NOW_MS, call, store_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AuditStore]:
    """Give a store of calls of ten days, of which there is more than a megabyte."""
    calls = (call({"note": "n" * 500}, at_ms=NOW_MS - 10 * DAY_MS + place * DAY_MS // 200) for place in range(2_000))
    store = store_of(tmp_path, *calls)
    yield store
    store.close()


def kept(store: AuditStore) -> int:
    """Count the calls of a store, which proves itself."""
    assert verify(store).problems == ()
    with store.reading() as connection:
        return summary(connection, Filter()).calls


def test_what_is_too_old_goes(store: AuditStore) -> None:
    """Calls of the last three days stay."""
    assert keep_within(store, AuditSettings(max_age="3d"), NOW_MS).calls == 1_400
    assert kept(store) == 600


def test_what_is_too_much_goes_the_oldest_first(store: AuditStore) -> None:
    """Until it takes up less than was asked for."""
    before = store.size_bytes()
    assert before > 2_000_000
    gone = keep_within(store, AuditSettings(max_mb=2), NOW_MS)
    assert store.size_bytes() <= 2_000_000
    assert 0 < kept(store) == 2_000 - gone.calls


def test_the_stricter_of_both_counts(store: AuditStore) -> None:
    """Age and size may both be set."""
    keep_within(store, AuditSettings(max_age="9d", max_mb=2), NOW_MS)
    assert store.size_bytes() <= 2_000_000


def test_without_limits_all_is_kept(store: AuditStore) -> None:
    """The default removes nothing."""
    assert keep_within(store, AuditSettings(), NOW_MS).calls == 0


def test_what_goes_is_in_the_archive_before(store: AuditStore, tmp_path: Path) -> None:
    """All entries, up to the head of that moment; pruning says where they are."""
    head = verify(store).head
    folder = tmp_path / "archive"
    keep_within(store, AuditSettings(max_age="3d", archive=str(folder)), NOW_MS)
    assert Archive(folder).end() == head
    assert kept(store) == 600
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT DISTINCT archive FROM prunings").scalars().all() == [str(folder)]


def test_what_cannot_be_archived_stays(store: AuditStore, tmp_path: Path) -> None:
    """An archive that takes nothing costs no call."""
    (tmp_path / "file").touch()
    with pytest.raises(AuditError, match="cannot be written"):
        keep_within(store, AuditSettings(max_age="3d", archive=str(tmp_path / "file")), NOW_MS)
    assert kept(store) == 2_000


def test_it_ends_between_two_steps_when_it_is_over(store: AuditStore) -> None:
    """A proxy that stops does not wait for all of it."""
    assert keep_within(store, AuditSettings(max_age="3d"), NOW_MS, is_over=lambda: True).calls == 0
    assert kept(store) == 2_000
