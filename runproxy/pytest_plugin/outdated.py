"""On a pytest that is too old: one line in its header, and an error for tests that carry the marker.

It is loaded in every run of pytest, so it uses nothing that an old one lacks. Without the error, a marked test would
call the real service.
"""

from typing import Final

import pytest

OLDEST: Final = 8
"""The first pytest with all hooks that the plugin is made of."""

_TOLD: Final = f"runproxy needs pytest {OLDEST}.0 or newer, and this is {pytest.__version__}"


def is_outdated(version: str) -> bool:
    """Tell whether a version of pytest is too old."""
    return int(version.partition(".")[0]) < OLDEST


def pytest_configure(config: "pytest.Config") -> None:
    """Make the marker known all the same."""
    config.addinivalue_line("markers", f"runproxy: {_TOLD}")


def pytest_report_header(config: "pytest.Config") -> list[str]:
    """Say why there are no flags and no fixtures."""
    return [f"runproxy: off: {_TOLD}"]


def pytest_itemcollected(item: "pytest.Item") -> None:
    """Raise `pytest.UsageError` for a test that asks for a session."""
    if item.get_closest_marker("runproxy") is not None:
        raise pytest.UsageError(f"{item.nodeid}: @pytest.mark.runproxy: {_TOLD}.")
