"""What writes docs/reference from the code: one module for each kind of page, each a function that gives text.

`python -m docs.generate` writes the files; tests/site/test_reference.py fails where one is not what it would be.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from docs.generate.admin_api import admin_api, openapi
from docs.generate.cassette import cassette, cassette_schema
from docs.generate.cli import cli
from docs.generate.errors import errors
from docs.generate.metrics import metrics
from docs.generate.python import python
from docs.generate.settings import settings, settings_schema

FOLDER: Final = Path(__file__).parents[1] / "reference"


def written() -> Mapping[str, str]:
    """Give the text of every file of the reference by its name."""
    return {
        "cli.md": cli(),
        "settings.md": settings(),
        "settings.schema.json": settings_schema(),
        "cassette.md": cassette(),
        "cassette.schema.json": cassette_schema(),
        "admin-api.md": admin_api(),
        "openapi.json": openapi(),
        "errors.md": errors(),
        "metrics.md": metrics(),
        "python.md": python(),
    }
