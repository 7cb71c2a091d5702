"""What tests of the plugin share."""

from collections.abc import Iterator

import pytest

from tests.pytest_plugin.project import Project
from tests.testing.calling import upstream


@pytest.fixture(scope="session")
def echoing() -> Iterator[str]:
    """Serve an upstream that answers with what it was sent, and give its base URL."""
    with upstream() as (_, base_url):
        yield base_url


@pytest.fixture
def project(pytester: pytest.Pytester, echoing: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Give a project without a test, in an environment that says nothing to the SDKs nor to pytest."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Project(pytester, echoing)
