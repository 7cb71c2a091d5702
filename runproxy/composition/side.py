"""What the admin listener serves: the parts of a running proxy that can be asked, put together."""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from runproxy import admin
from runproxy.backends import Sessions
from runproxy.composition.modes import Modes
from runproxy.composition.readiness import Readiness
from runproxy.composition.rules import Reloader
from runproxy.service import Service
from runproxy.tally import Times


@dataclass(frozen=True, slots=True)
class Side:
    """The parts of a running proxy that the admin listener asks; `main_url` gives the origin clients connect to."""

    modes: Modes
    sessions: Sessions
    service: Service
    reloader: Reloader
    upstream_times: Times
    is_serving: Callable[[], bool]
    main_url: Callable[[], str]

    def application(self) -> admin.Application:
        """Make the application."""
        workshop = self.modes.workshop
        readiness = Readiness(self.is_serving, workshop, self.reloader.settings)
        app = admin.make_app(self._status, readiness, self.reloader.reload)
        admin.add_metrics(app, self._measured())
        admin.add_sessions(app, self.sessions, lambda name: f"{self.main_url()}/~{name}{self.modes.base_path}")
        admin.add_verdicts(app, self.service.verdicts, workshop.drifts)
        return app

    def _measured(self) -> admin.Measured:
        return admin.Measured(
            self.reloader.settings.mode,
            self.service.tally,
            self.upstream_times,
            sessions=lambda: len(self.sessions.running),
            waiting=lambda: self.modes.workshop.store.waiting,
        )

    def _status(self) -> dict[str, object]:
        settings = self.reloader.settings
        return {
            "mode": settings.mode,
            "upstream": settings.upstream or None,
            "cassette": settings.cassettes.default,
            "cassette_dir": str(Path(settings.cassettes.dir).resolve()),
            "cassettes_in_use": self.modes.deck.names,
            "rules": asdict(self.reloader.summary()),
            "sessions": len(self.sessions.running),
            "calls": dict(self.service.outcomes),
            "pid": os.getpid(),
        }
