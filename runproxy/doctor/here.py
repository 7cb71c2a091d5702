"""This machine: ports, the cassette folder, and keys that others could read."""

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
from runproxy.doctor.finding import Finding, fail, ok, warn
from runproxy.upstream import Profile

_LITTLE_BYTES: Final = 100 * 1024 * 1024


def check_port(check: str, host: str, port: int, flag: str, *, is_ours: bool) -> Finding:
    """Tell whether a port can be listened on; `is_ours` where another runproxy seems to be what is there already."""
    if port == 0:
        return ok(check, f"any free port of {host} is taken")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return _unusable(check, f"{host}:{port}", flag, error, is_ours=is_ours)
    return ok(check, f"{host}:{port} is free")


def _unusable(check: str, where: str, flag: str, error: OSError, *, is_ours: bool) -> Finding:
    if error.errno != errno.EADDRINUSE:
        means = "runproxy cannot listen there, and does not start."
        return fail(check, f"{where} cannot be used: {error.strerror}", means, f"Choose another address: {flag}.")
    if is_ours:
        means = "A second one cannot start on it; the one that runs is not disturbed by these checks."
        return warn(check, f"{where} is in use, by a runproxy that runs here", means, f"Stop it, or choose {flag}.")
    means = "runproxy cannot listen there, and does not start."
    do = f"Find out who listens there (ss -ltnp), or choose another port with {flag}; 0 takes any free one."
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
    """Tell of a credential of runproxy's own that others than those of this machine can make use of."""
    host = settings.listen.host
    if profile.credential_env and not is_loopback(host):
        means = f"Whoever reaches it calls the upstream with the credential in {profile.credential_env}."
        do = "Listen on 127.0.0.1, or let only those reach it who may (a firewall, a gateway that asks who they are)."
        yield warn("credential", f"runproxy listens on {host}, for other machines, too", means, do)


def check_keys(profile: Profile) -> Iterator[Finding]:
    """Tell of a private key for TLS that others can read."""
    path = profile.connection.client_key or profile.connection.client_cert
    if path and stat.S_IMODE(Path(path).stat().st_mode) & 0o077:
        means = "Whoever uses this machine can pass for runproxy."
        yield warn("client key", f"{path} can be read by others", means, f"chmod 600 {path}")
