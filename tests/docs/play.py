"""Does what a page says, block by block: python -m tests.docs.play PAGE.

In a network namespace of its own where the system allows one, so that pages use the same ports side by side and no
block reaches anything but this machine; elsewhere pages wait for one another. Ends with code 1 and tells page, line,
commands and what they printed where a block does not do what the page says; else prints how many blocks there were.
"""

import fcntl
import json
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from runproxy.config import make_settings
from runproxy.errors import RunproxyError
from tests.docs.page import Block, parse
from tests.docs.shell import Ended, Server, Shell, Trouble

PAGE_S = 240
"""How long a page may take; only one that hangs does."""
APART = ["unshare", "--user", "--map-root-user", "--net"]
_SET_FLAGS = 0x8914  # SIOCSIFFLAGS, netdevice(7)
_UP = 0x1
_OUTPUT_S = 10.0
HOWS = """no comment before ```sh and ```toml, or one of
  <!-- run: in the background -->, <!-- run: in the background on port N -->, <!-- run: exits N -->,
  <!-- file: NAME -->, <!-- output -->, <!-- not run: REASON -->
Commands that readers do not see stand in <!-- prepare: COMMANDS --> or <!-- prepare in the background: COMMANDS -->."""


class Reader:
    """Takes the blocks of one page in their order."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._printed: list[Ended | Server] = []
        self.counts: Counter[str] = Counter()

    def take(self, block: Block) -> None:
        """Do what a block says; raises Trouble."""
        match block.how, block.detail, block.language:
            case (("" | "run"), "", "sh"):
                self._run(block)
            case "run", detail, "sh" if code := re.fullmatch(r"exits (\d+)", detail):
                self._run(block, int(code[1]))
            case "run", detail, "sh" if place := re.fullmatch(r"in the background(?: on port (\d+))?", detail):
                self._printed = [self._shell.serve(command, place[1] or "") for command in block.commands]
            case "", _, "toml":
                self._load(block)
            case "file", name, _ if name:
                path = self._shell.folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
            case "output", "", _:
                self._compare(block)
            case "not run", reason, _ if reason:
                pass
            case _:
                raise Trouble(f"nobody knows what to do with this block; there are: {HOWS}")
        self.counts[block.how or {"toml": "settings"}.get(block.language, "run")] += 1

    def _run(self, block: Block, code: int = 0) -> None:
        ended = self._shell.run(block.text)
        self._printed = [ended]
        if ended.code != code:
            raise Trouble(f"ended with code {ended.code} and not {code}:\n{ended.printed}")

    def _load(self, block: Block) -> None:
        try:
            make_settings(tomllib.loads(block.text), "the block")
        except (RunproxyError, tomllib.TOMLDecodeError) as error:
            raise Trouble(f"are no settings: {error}") from error

    def _compare(self, block: Block) -> None:
        """Find the lines of the block in what was printed, together; a server is given a moment to print them."""
        wanted = _shown(block.text)
        end = time.monotonic() + _OUTPUT_S
        while not wanted.search(printed := "".join(_text(one) for one in self._printed)):
            if time.monotonic() > end or not any(isinstance(one, Server) for one in self._printed):
                raise Trouble(f"is not in what was printed:\n{printed}")
            time.sleep(0.1)


def _text(one: Ended | Server) -> str:
    return one.printed if isinstance(one, Ended) else one.printed()


def _shown(text: str) -> re.Pattern[str]:
    """Make a pattern of shown output: … stands for anything in its line, and alone for any number of lines."""
    lines = (
        r"(?:.*\n)*?" if line.strip() == "…" else rf"{re.escape(line.rstrip()).replace('…', '.*')}[ \t]*(?:\n|\Z)"
        for line in text.splitlines()
    )
    return re.compile(f"^{''.join(lines)}", re.MULTILINE)


@contextmanager
def played(page: Path, blocks: Iterable[Block], shell: Shell) -> Iterator[Counter[str]]:
    """Take blocks of a page, and give how many there were while the servers that they have started still run.

    Raises Trouble that names the place.
    """
    reader = Reader(shell)
    try:
        for block in blocks:
            try:
                reader.take(block)
            except Trouble as trouble:
                raise Trouble(f"{page}:{block.line}\n{block.text}{trouble}") from trouble
        yield reader.counts
    finally:
        troubles = shell.stop()
    if troubles:
        raise Trouble(f"{page}\n{troubles[0]}")


def apart() -> list[str]:
    """Give what a command is put behind to have a network of its own, or nothing where the system allows none."""
    try:
        done = subprocess.run([*APART, "true"], capture_output=True, timeout=10, check=False)
    except FileNotFoundError:
        return []
    return [] if done.returncode else APART


@contextmanager
def own_ports(*, is_apart: bool) -> Iterator[None]:
    """Switch on the loopback of the new network, or wait until no other page uses this machine's."""
    if is_apart:
        with socket.socket() as any_socket:
            fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))
        yield
    else:
        with Path(tempfile.gettempdir(), "runproxy-pages.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _too_long(*_: object) -> NoReturn:
    raise Trouble(f"the page did not come to its end in {PAGE_S} s")


def main(page: str, is_apart: str = "") -> int:
    """Play a page and tell of it; a process of its own goes into a new network first."""
    if not is_apart and (prefix := apart()):
        return subprocess.run([*prefix, sys.executable, "-m", "tests.docs.play", page, "apart"], check=False).returncode
    signal.signal(signal.SIGALRM, _too_long)
    with own_ports(is_apart=bool(is_apart)), tempfile.TemporaryDirectory() as root:
        signal.alarm(PAGE_S)
        try:
            with played(Path(page), parse(Path(page).read_text(encoding="utf-8")), Shell(Path(root))) as counts:
                pass
        except Trouble as trouble:
            print(trouble, file=sys.stderr)
            return 1
    print(json.dumps(counts))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
