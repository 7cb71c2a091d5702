"""What the tests of commands on cassettes share."""

import json
import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from runproxy.cassettes import Interaction
from runproxy.cli import main
from tests.cassettes.recordings import text_of

COMMANDS = Path(sys.executable).parent


def cassette(*args: str) -> Result:
    """Run a sub-command of `runproxy cassette`."""
    return CliRunner().invoke(main, ["cassette", *args])


def put(name: str, *interactions: Interaction, folder: str = "cassettes") -> Path:
    """Write a cassette, laid out as runproxy does."""
    path = Path(folder) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text_of(interactions))
    return path


def by_hand(path: Path) -> bytes:
    """Print a cassette as somebody else would."""
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=4), encoding="utf-8")
    return path.read_bytes()


def torn(path: Path) -> bytes:
    """Cut off the last write."""
    path.write_bytes(path.read_bytes()[:-20])
    return path.read_bytes()


def run(*command: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command as from a shell, where runproxy is found."""
    env = {**os.environ, "PATH": f"{COMMANDS}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(command, input=text, capture_output=True, env=env, timeout=60, check=False)
