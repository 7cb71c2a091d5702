"""What a server process asks of the system."""

import subprocess
import sys

import pytest

from runproxy.server import files_needed

RAISE = (
    "import resource, sys\n"
    "from runproxy.server import allow_open_files\n"
    "soft, hard = map(int, sys.argv[1:3])\n"
    "resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))\n"
    "print(allow_open_files(int(sys.argv[3])), resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
)


@pytest.mark.parametrize(
    ("soft", "hard", "count", "allowed"),
    [
        pytest.param(100, 1000, 500, 500, id="raised"),
        pytest.param(600, 1000, 500, 600, id="left"),
        pytest.param(100, 400, 500, 400, id="as-far-as-may-be"),
    ],
)
def test_the_limit_on_open_files_is_raised_to_what_is_needed(soft: int, hard: int, count: int, allowed: int) -> None:
    """It is never lowered, and a limit that only the system may raise is told."""
    numbers = [str(number) for number in (soft, hard, count)]
    ended = subprocess.run([sys.executable, "-c", RAISE, *numbers], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == [str(allowed)] * 2


def test_a_connection_needs_one_more_to_an_upstream() -> None:
    """And some files are open all the same."""
    assert files_needed(1000) > 2000
