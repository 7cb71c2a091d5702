"""The pytest plugin: a session for each test, and what is told of all of them in the end.

Loaded by the entry point `pytest11`, whether tests use it or not: so everything of runproxy that takes time is loaded
by the fixtures, when the first one is asked for.

    flags       the command line, the marker, and what both of them say together
    naming      which cassette belongs to which test
    fixtures    runproxy, runproxy_server, runproxy_env, runproxy_config
    judging     what a session has to say to the outcome of its test
    summary     one line for all tests of all workers, and the recordings that nobody has used
    network     --runproxy-block-network
"""

import pytest

from runproxy.pytest_plugin.fixtures import own_session, runproxy_config, runproxy_env, runproxy_server
from runproxy.pytest_plugin.flags import MARKER_HELP, pytest_addoption, pytest_report_header
from runproxy.pytest_plugin.judging import pytest_itemcollected, pytest_runtest_call, pytest_runtest_makereport
from runproxy.pytest_plugin.network import NetworkGuard
from runproxy.pytest_plugin.summary import Deselection, Summary

__all__ = [
    "own_session",
    "pytest_addoption",
    "pytest_configure",
    "pytest_itemcollected",
    "pytest_report_header",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "runproxy_config",
    "runproxy_env",
    "runproxy_server",
]


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and let those parts hear of the run that are wanted."""
    config.addinivalue_line("markers", MARKER_HELP)
    is_worker = hasattr(config, "workerinput")  # of pytest-xdist; the reports of all workers come together elsewhere
    config.pluginmanager.register(Deselection(config) if is_worker else Summary(config), "runproxy-summary")
    if config.getoption("runproxy_block_network"):
        guard = NetworkGuard()
        config.pluginmanager.register(guard, "runproxy-network")
        config.add_cleanup(guard.undo)
