"""Programs of other languages: the commands that run them, or the reason why a test of theirs is skipped."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OWN = ROOT / ".venv-clients" / "bin"
"""What tests/clients/install.sh installs goes before what else the machine has."""

BRING_IT = "tests/clients/install.sh brings it"
NODE_SINCE = (22, 0)  # as the official SDK demands
GO_SINCE = (1, 26)  # as the official SDK demands
COMPILING_S = 600.0
"""The Go SDK takes minutes where it was never compiled; install.sh does it beforehand."""


def curl() -> str:
    """Find curl, or skip."""
    return _found("curl")


def node_program() -> str:
    """Find Node, or skip."""
    return _new_enough("node", "--version", NODE_SINCE)


def go_program() -> str:
    """Find Go, or skip."""
    return _new_enough("go", "version", GO_SINCE)


def node(folder: str, script: str) -> list[str]:
    """Give the command for a script in a folder whose packages npm has installed, or skip."""
    found = node_program()
    for name, version in json.loads((HERE / folder / "package.json").read_bytes())["dependencies"].items():
        installed = HERE / folder / "node_modules" / name / "package.json"
        if not installed.exists() or json.loads(installed.read_bytes())["version"] != version:
            pytest.skip(f"{name} {version} is not installed in tests/clients/{folder}; {BRING_IT}")
    # What PyPI installs only starts the program; a signal to it would leave the program running.
    asked = [found, "--print", "process.execPath"]
    program = subprocess.run(asked, capture_output=True, encoding="utf-8", check=True).stdout.strip()
    return [program, str(HERE / folder / script)]


def go(folder: str, into: Path) -> list[str]:
    """Compile the program of a folder, offline, and give its command, or skip."""
    program = go_program()
    if _offline(program, "list", "-deps", ".", folder=folder).returncode:
        pytest.skip(f"the modules of tests/clients/{folder} are not downloaded; {BRING_IT}")
    compiled = str(into / folder)
    done = _offline(program, "build", "-o", compiled, ".", folder=folder)
    assert done.returncode == 0, done.stderr
    return [compiled]


def _offline(*command: str, folder: str) -> "subprocess.CompletedProcess[str]":
    choices = {"GOPROXY": "off", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    env = {**os.environ, **choices}
    return subprocess.run(
        command, cwd=HERE / folder, env=env, capture_output=True, encoding="utf-8", timeout=COMPILING_S, check=False
    )


def _new_enough(name: str, asked: str, since: tuple[int, int]) -> str:
    program = _found(name)
    told = subprocess.run([program, asked], capture_output=True, encoding="utf-8", check=True).stdout
    version = re.search(r"(\d+)\.(\d+)", told)
    if version is None or (int(version[1]), int(version[2])) < since:
        pytest.skip(f"{program} is {told.strip()}, older than {since[0]}.{since[1]}; {BRING_IT}")
    return program


def _found(name: str) -> str:
    program = shutil.which(name, path=f"{OWN}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        pytest.skip(f"there is no {name} in .venv-clients or on the PATH; {BRING_IT}")
    return program
