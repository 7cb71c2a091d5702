"""The reference is what the code says: each file of docs/reference is what would be written now."""

import pytest

from docs.generate import FOLDER, written
from docs.generate.errors import EXPIRED, explained, raised
from runproxy.admin.openapi import PATH
from tests.test_docs import codes_in_the_source

WRITTEN = written()
BY_HAND = {"headers.md"}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_reference_is_what_the_code_says(name: str) -> None:
    """A command, a setting, a code or a figure that has changed has changed in the reference, too."""
    assert (FOLDER / name).read_text(encoding="utf-8") == WRITTEN[name], "write it anew: python -m docs.generate"


def test_nothing_else_is_in_the_reference() -> None:
    """A page of which the code knows nothing any more is taken away."""
    assert {path.name for path in FOLDER.iterdir()} == WRITTEN.keys() | BY_HAND


def test_every_code_is_explained_and_no_other() -> None:
    """Of every code there is, the reference says when it comes and what to do."""
    assert explained().keys() == raised().keys() | {EXPIRED}


def test_every_code_in_the_source_is_found() -> None:
    """The reference misses no code that stands in a call, in whichever form."""
    assert codes_in_the_source() <= raised().keys()


def test_every_explanation_is_written_out() -> None:
    """No code is explained with nothing."""
    assert all(said.when.strip() and said.do.strip() for said in explained().values())


def test_the_document_of_the_admin_api_is_the_one_that_is_served() -> None:
    """The file that is offered for reading holds the address that a running proxy serves it at."""
    assert f'"{PATH}"' in WRITTEN["openapi.json"]
