"""What is made known to pytest when it starts: the marker, and the parts that hear of the whole run."""

import pytest

from runproxy.pytest_plugin.flags import MARKER_HELP
from runproxy.pytest_plugin.network import NetworkGuard
from runproxy.pytest_plugin.summary import Deselection, Summary


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and let those parts hear of the run that are wanted."""
    config.addinivalue_line("markers", MARKER_HELP)
    is_worker = hasattr(config, "workerinput")  # of pytest-xdist; the reports of all workers come together elsewhere
    config.pluginmanager.register(Deselection(config) if is_worker else Summary(config), "runproxy-summary")
    if config.getoption("runproxy_block_network"):
        guard = NetworkGuard()
        config.pluginmanager.register(guard, "runproxy-network")
        config.add_cleanup(guard.undo)
