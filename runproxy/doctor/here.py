"""This machine: where it listens, the cassette folder, and keys that others could read."""

import errno
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from runproxy.admin import is_loopback
from runproxy.config import Settings
from runproxy.doctor.finding import Finding, fail, ok, unusable, warn
from runproxy.errors import ConfigError
from runproxy.server import HostPort
from runproxy.upstream import Profile

_PROBE_S: Final = 1.0
_LITTLE_BYTES: Final = 100 * 1024 * 1024


def check_port(check: str, host: str, port: int, flag: str, *, is_ours: bool) -> Finding:
    """Tell whether a port can be listened on; `is_ours` where another runproxy seems to be what is there already."""
    where = f"{host}:{port}"
    try:
        sockets = HostPort(host, port, flag).bind()
    except ConfigError as error:
        if getattr(error.__cause__, "errno", None) == errno.EADDRINUSE:
            return _in_use(check, where, flag, is_ours=is_ours)
        return unusable(check, error)
    for bound in sockets:
        bound.close()
    return ok(check, f"{where} is free" if port else f"any free port of {host} is taken")


def check_socket(path: Path, *, is_ours: bool) -> Finding:
    """Tell whether a unix socket can be made at a path; a socket that is there and left alone is put in its place."""
    if path.is_socket():
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_PROBE_S)
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                return ok("socket", f"{path} is left from a process that has ended, and is replaced")
            except OSError:  # somebody is there, who is busy, or who lets not everybody in
                pass
        return _in_use("socket", str(path), "--unix-socket", is_ours=is_ours)
    if path.exists() or not os.access(path.parent, os.W_OK | os.X_OK):
        found = f"{path} is a file" if path.exists() else f"{path.parent} takes no files"
        means = "runproxy cannot listen there, and does not start."
        return fail("socket", found, means, "Choose another path with --unix-socket.")
    return ok("socket", f"{path} can be made")


def _in_use(check: str, where: str, flag: str, *, is_ours: bool) -> Finding:
    if is_ours:
        means = "A second one cannot start on it; the one that runs is not disturbed by these checks."
        return warn(check, f"{where} is in use, by a runproxy that runs here", means, f"Stop it, or choose {flag}.")
    means = "runproxy cannot listen there, and does not start."
    do = f"Find out who listens there (ss -lnp), or choose another with {flag}."
    return fail(check, f"{where} is in use, by another program", means, do)


def check_folder(settings: Settings) -> Finding:
    """Tell whether the cassette folder can be used as the mode needs it; it is not made here."""
    folder, writes = Path(settings.cassettes.dir), settings.mode in ("record", "auto")
    shown = f"{folder.resolve()}"
    if folder.exists() and not folder.is_dir():
        return fail("folder", f"{shown} is a file", "There is no place for cassettes.", "Choose another with --dir.")
    if not folder.exists():
        return _missing(folder, shown, writes=writes)
    if not os.access(folder, os.R_OK | os.X_OK):
        means = "No cassette in it can be found."
        return fail("folder", f"{shown} cannot be read", means, "Let runproxy read it, or choose another with --dir.")
    if writes:
        return _writable(folder, shown)
    return ok("folder", f"{shown} can be read")


def _missing(folder: Path, shown: str, *, writes: bool) -> Finding:
    if not writes:
        means = "There is nothing to replay."
        return warn("folder", f"{shown} is not there", means, "Record something, or name the folder with --dir.")
    above = next(parent for parent in folder.resolve().parents if parent.exists())
    if os.access(above, os.W_OK | os.X_OK):
        return ok("folder", f"{shown} is not there yet, and can be made")
    means = "Nothing can be recorded."
    return fail("folder", f"{shown} is not there, and cannot be made", means, "Make it, or choose another with --dir.")


def _writable(folder: Path, shown: str) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        means, do = "Nothing can be recorded.", "Let runproxy write there, or choose another with --dir."
        return fail("folder", f"{shown} cannot be written: {error.strerror}", means, do)
    free = shutil.disk_usage(folder).free
    if free < _LITTLE_BYTES:
        means = "A full disk costs recordings; calls are answered all the same, and marked."
        return warn("folder", f"{shown} has {free // 1024 // 1024} MiB left", means, "Make room.")
    return ok("folder", f"{shown} can be read and written")


def check_exposure(settings: Settings, profile: Profile) -> Iterator[Finding]:
    """Tell of a credential of runproxy's own that other users or machines can make use of."""
    listen = settings.listen
    is_shared = bool(int(listen.unix_socket_mode, 8) & 0o077) if listen.unix_socket else not is_loopback(listen.host)
    if profile.credential_env and is_shared:
        found = f"others can reach runproxy on {listen.unix_socket or listen.host}"
        means = f"Whoever does calls the upstream with the credential in {profile.credential_env}."
        do = "Listen on 127.0.0.1, or let only those reach it who may (a firewall, a gateway that asks who they are)."
        yield warn("credential", found, means, do)


def check_keys(*paths: str) -> Iterator[Finding]:
    """Tell of private keys for TLS that others can read."""
    for path in filter(None, paths):
        if stat.S_IMODE(Path(path).stat().st_mode) & 0o077:
            means = "Whoever uses this machine can pass for runproxy."
            yield warn("key", f"{path} can be read by others", means, f"chmod 600 {path}")
