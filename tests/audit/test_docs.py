"""docs/audit.md: queries work, tables are there, names are right. Its commands are tried in tests/docs."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from runproxy.admin.metrics import Measured, _Calls
from runproxy.audit.filters import Filter
from runproxy.audit.schema import metadata
from runproxy.audit.store import AuditStore
from runproxy.cli import main
from runproxy.tally import Tally, Times
from tests.audit.calls import varied

ROOT = Path(__file__).parents[2]
AUDIT = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AuditStore]:
    """Give a store with calls of all kinds."""
    store = varied(tmp_path)
    yield store
    store.close()


def blocks(text: str, kind: str) -> list[str]:
    """Give the examples of a kind."""
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


def commands(text: str) -> list[list[str]]:
    """Give the commands of the audit, each as its words; where it writes to is left out."""
    lines = [line for block in blocks(text, "sh") for line in block.splitlines() if line.startswith("runproxy audit")]
    return [shlex.split(line.partition(" > ")[0], comments=True)[1:] for line in lines]


def test_every_command_is_told_of() -> None:
    """The page shows each of them."""
    group = main.commands["audit"]
    assert {words[1] for words in commands(AUDIT)} == set(getattr(group, "commands", {}))


def test_every_query_works_on_a_store(store: AuditStore) -> None:
    """The SQL for Datasette finds something in the tables there are."""
    queries = blocks(AUDIT, "sql")
    assert queries
    with store.reading() as connection:
        for query in queries:
            assert connection.exec_driver_sql(query).all(), query


def test_all_tables_are_named() -> None:
    """Those of facts and those that are derived."""
    assert {name for name in metadata.tables if f"`{name}`" in AUDIT} == set(metadata.tables) - {"chain"}


def test_every_figure_is_one_that_is_measured() -> None:
    """The names in queries for Prometheus are those of `/metrics`."""
    measured = Measured("replay", Tally(), Times(), sessions=lambda: 0, waiting=lambda: 0)
    names = {metric.name for metric in _Calls(measured).collect()}
    used = set(re.findall(r"runproxy_[a-z_]+", "\n".join(blocks(AUDIT, "promql"))))
    assert {re.sub(r"_(total|bucket)$", "", name) for name in used} <= names


def test_every_part_of_a_filter_is_explained() -> None:
    """The table of options has all that a filter asks for."""
    options = set(re.findall(r"^\| (`--.*?) \|", AUDIT, re.MULTILINE))
    named = {name.replace("_ms", "") for name in Filter.__slots__}
    assert {word for option in options for word in re.findall(r"--(\w+)", option)} == named


def test_every_test_that_is_named_is_there() -> None:
    """Promises point to files that exist."""
    for name in re.findall(r"`(tests/[\w/]+\.py)`", AUDIT):
        assert (ROOT / name).is_file(), name
