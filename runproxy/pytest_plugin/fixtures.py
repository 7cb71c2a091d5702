"""The fixtures."""

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from runproxy.pytest_plugin.flags import options_of
from runproxy.pytest_plugin.judging import HELD, Held
from runproxy.pytest_plugin.naming import cassette_of, folder_of

if TYPE_CHECKING:  # they bring all of runproxy, which tests that do not use it need not wait for
    from runproxy.testing import CassetteServer, CassetteSession

SETTINGS_FILE: Final = "runproxy.toml"
NO_KEY: Final = "runproxy-needs-no-key"
"""Stands in OPENAI_API_KEY, which the SDKs insist on, where there is none."""

_PATHS: Final = ("folder", "policy", "config")
_PROXIES: Final = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_NOT_PROXIED: Final = "127.0.0.1,localhost"


@pytest.fixture(scope="session")
def runproxy_config() -> Mapping[str, Any]:
    """Give keyword arguments for all sessions, as `runproxy.cassette` takes them; override it in a conftest.py."""
    return {}


@pytest.fixture(scope="session")
def runproxy_server() -> "Iterator[CassetteServer]":
    """Run one server for all tests of this process; `runproxy_server.cassette("name")` gives further sessions."""
    from runproxy.testing import CassetteServer

    with CassetteServer() as server:
        yield server


@pytest.fixture(name="runproxy")
def own_session(
    request: pytest.FixtureRequest, runproxy_server: "CassetteServer", runproxy_config: Mapping[str, Any]
) -> "Iterator[CassetteSession]":
    """Point OPENAI_BASE_URL to a session of this test, and give it: `base_url`, `calls`, `misses`, and more."""
    session = _started(request.node, runproxy_server, runproxy_config)
    if isinstance(session, str):
        pytest.fail(f"runproxy: {session}", pytrace=False)
    try:
        with _pointing_to(session.base_url):
            yield session
    finally:
        session.end()


@pytest.fixture
def runproxy_env(runproxy: "CassetteSession") -> "CassetteSession":
    """Give the session of this test, as `runproxy` does; its name says that the test needs the environment only."""
    return runproxy


@contextmanager
def _pointing_to(base_url: str) -> Iterator[None]:
    """Let clients that are made meanwhile call this base URL."""
    with pytest.MonkeyPatch.context() as patch:  # not that of the test, which may undo it
        patch.setenv("OPENAI_BASE_URL", base_url)
        if not os.environ.get("OPENAI_API_KEY"):
            patch.setenv("OPENAI_API_KEY", NO_KEY)
        if any(os.environ.get(name) for name in _PROXIES):  # else calls to this machine would go through that proxy
            for name in ("no_proxy", "NO_PROXY"):
                before = os.environ.get(name)
                patch.setenv(name, f"{before},{_NOT_PROXIED}" if before else _NOT_PROXIED)
        yield


def _started(item: pytest.Item, server: "CassetteServer", config: Mapping[str, Any]) -> "CassetteSession | str":
    """Start the session of a test, or say why there is none."""
    from runproxy.errors import RunproxyError
    from runproxy.testing import Options

    settings_file = item.config.rootpath / SETTINGS_FILE
    defaults = {"folder": folder_of(item), "config": settings_file if settings_file.exists() else None}
    try:
        options = Options(**_from_root(options_of(item, config, defaults), item.config.rootpath))
        session = server.start(cassette_of(item), options, lambda upstream: _to_record(item, upstream))
    except (RunproxyError, pytest.UsageError) as error:
        return str(error)
    item.stash[HELD] = Held(session)
    return session


def _from_root(options: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Let relative paths start in the root of the project, wherever pytest was started."""
    are_paths = {name for name in _PATHS if isinstance(options.get(name), str | os.PathLike)}
    return {name: root / value if name in are_paths else value for name, value in options.items()}


def _to_record(item: pytest.Item, upstream: str) -> str:
    where = () if upstream else ("--runproxy-upstream=URL",)
    file = os.path.relpath(item.path, item.config.invocation_params.dir)
    test = "::".join((file, item.nodeid.partition("::")[2]))
    return shlex.join(["pytest", "--runproxy-mode=record", *where, test])
