"""A command on a terminal, as somebody who watches sees it."""

import os
import pty
import subprocess
from collections.abc import Mapping, Sequence

from tests.cli.processes import environment


def on_a_terminal(command: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """Run a command that ends by itself and give all that it showed; no variable forbids or forces colours."""
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in environment().items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    kept |= {"TERM": "xterm-256color", "COLUMNS": "120", **(env or {})}
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=theirs, env=kept)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # how Linux tells the end of a terminal
        pass
    finally:
        os.close(ours)
    process.wait(timeout=60)
    return shown.decode()
