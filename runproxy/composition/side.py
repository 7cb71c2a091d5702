"""What the admin listener serves: the parts of a running proxy that can be asked, put together."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from runproxy import admin
from runproxy.audit.values import Keeping
from runproxy.backends import Sessions
from runproxy.cassettes.scanning import Scanner
from runproxy.composition.auditing import is_audited
from runproxy.composition.faults import make_chooser
from runproxy.composition.modes import Modes
from runproxy.composition.readiness import Readiness
from runproxy.composition.redactors import make_matcher, make_redactor
from runproxy.composition.rules import Reloader
from runproxy.composition.watching import Watching
from runproxy.config import ListenSettings, Settings
from runproxy.errors import ConfigError
from runproxy.keyfile import ADMIN_TOKEN_VARIABLE, find_secret
from runproxy.redaction import WriteGate
from runproxy.service import Service
from runproxy.stores.file import FileStore


def make_access(settings: ListenSettings) -> admin.Access:
    """Say who may use the admin listener; raises `ConfigError` where others could, and no token is asked for."""
    secret = find_secret(ADMIN_TOKEN_VARIABLE, settings.admin_token_file, "the admin API")
    if secret is None and not admin.is_loopback(settings.admin_host):
        raise ConfigError(
            f"listen.admin_host: {settings.admin_host!r} can be reached from other machines, and needs a token: set "
            f"{ADMIN_TOKEN_VARIABLE}, or listen.admin_token_file."
        )
    named = {name.lower() for name in (*settings.admin_hosts, settings.admin_host)}
    return admin.Access(frozenset(named), secret.value if secret else None)


def make_library(settings: Settings) -> admin.Library:
    """Make what shows the cassettes of the settings' folder."""
    matcher = make_matcher(settings.match, make_redactor(settings.redact))
    return admin.Library(FileStore(Path(settings.cassettes.dir), WriteGate(), matcher=matcher), Scanner({}))


def make_audited(settings: Settings) -> admin.Audited | None:
    """Tell where the audit is, and how to look for values in it; None where nothing is written down, and nothing was.

    Raises `ConfigError` where the secret of hashed values cannot be used.
    """
    store = Path(settings.audit.store)
    if not is_audited(settings) and not store.exists():
        return None
    return admin.Audited(store, Keeping.for_asking(settings.audit).forms_of)


@dataclass(frozen=True, slots=True)
class Side:
    """The parts of a running proxy that the admin listener asks; `main_url` gives the origin clients connect to."""

    modes: Modes
    sessions: Sessions
    service: Service
    reloader: Reloader
    watched: Watching
    access: admin.Access
    is_serving: Callable[[], bool]
    main_url: Callable[[], str]

    def application(self) -> admin.Application:
        """Make the application."""
        workshop = self.modes.workshop
        readiness = Readiness(self.is_serving, workshop, self.reloader.settings, self._check_audit)
        app = admin.make_app(self._status, readiness, self.reloader.reload, self.access)
        admin.add_metrics(app, self._measured())
        admin.add_sessions(app, self.sessions, self._session_url, partial(make_chooser, self.reloader.settings))
        admin.add_verdicts(app, self.service.verdicts, workshop.drifts)
        admin.add_pages(app, self._sources())
        return app

    def _measured(self) -> admin.Measured:
        auditor = self.watched.auditor
        return admin.Measured(
            self.reloader.settings.mode,
            self.service.tally,
            self.watched.upstream_times,
            sessions=lambda: len(self.sessions.running),
            waiting=lambda: self.modes.workshop.store.waiting,
            unaudited=lambda: auditor.failures if auditor else 0,
            audit_waiting=lambda: auditor.waiting if auditor else 0,
        )

    def _sources(self) -> admin.Sources:
        settings = self.reloader.settings

        async def status() -> Mapping[str, Any]:
            return self._status()

        async def latest(name: str) -> Sequence[Mapping[str, Any]]:
            verdicts = self.service.verdicts
            return {"misses": verdicts.misses, "errors": verdicts.errors}[name][::-1]

        return admin.Sources(status, latest, make_library(settings), make_audited(settings))

    def _audit(self) -> dict[str, object] | None:
        held = self.watched.auditor
        return {"store": str(held.store.path.resolve()), "failures": held.failures} if held else None

    def _check_audit(self) -> None:
        auditor = self.watched.auditor
        if auditor and not auditor.goes_on:
            auditor.check()

    def _session_url(self, name: str) -> str:
        return f"{self.main_url()}/~{name}{self.modes.base_path}"

    def _status(self) -> dict[str, object]:
        settings, faults = self.reloader.settings, self.modes.workshop.faults
        return {
            "mode": settings.mode,
            "upstream": str(profile.address) if (profile := settings.profile) else None,
            "cassette": settings.cassettes.default,
            "cassette_dir": str(Path(settings.cassettes.dir).resolve()),
            "cassettes_in_use": self.modes.deck.names,
            "cassettes_played": self.service.verdicts.last_played,
            "url": self.main_url(),
            "rules": asdict(self.reloader.summary()),
            "sessions": len(self.sessions.running),
            "live": self.service.tally.live,
            "calls": dict(self.service.outcomes),
            "audit": self._audit(),
            **({"faults": dict(faults.struck)} if faults else {}),
            "pid": os.getpid(),
        }
