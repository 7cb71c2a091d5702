"""The pytest plugin: a session for each test, and what is told of all of them in the end.

Loaded by the entry point `pytest11`, whether tests use it or not: so everything of runproxy that takes time is loaded
by the fixtures, when the first one is asked for.

    flags        the command line, the marker, and what both of them say together
    naming       which cassette belongs to which test
    fixtures     runproxy, runproxy_server, runproxy_env, runproxy_config
    judging      what a session has to say to the outcome of its test
    totals       what the reports of all tests come to
    unused       the recordings that nobody has used, and what to do about them
    summary      one line for all tests of all workers, and those recordings
    registering  the marker, and the parts that hear of the whole run
    network      --runproxy-block-network
    outdated     what is left of all this on a pytest that is too old
"""

import pytest

from runproxy.pytest_plugin.outdated import is_outdated

if is_outdated(pytest.__version__):
    from runproxy.pytest_plugin.outdated import pytest_configure, pytest_itemcollected, pytest_report_header
else:
    from runproxy.pytest_plugin.fixtures import own_session, runproxy_config, runproxy_env, runproxy_server
    from runproxy.pytest_plugin.flags import pytest_addoption, pytest_report_header
    from runproxy.pytest_plugin.judging import (
        pytest_itemcollected,
        pytest_runtest_call,
        pytest_runtest_makereport,
        pytest_runtest_teardown,
    )
    from runproxy.pytest_plugin.registering import pytest_configure

__all__ = [
    "own_session",
    "pytest_addoption",
    "pytest_configure",
    "pytest_itemcollected",
    "pytest_report_header",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_teardown",
    "runproxy_config",
    "runproxy_env",
    "runproxy_server",
]
