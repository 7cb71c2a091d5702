"""Faults in front of what answers calls."""

from runproxy.backends import Take
from runproxy.backends.faults import Chooser, Faultless, Faulty
from runproxy.config import FaultSettings, Settings
from runproxy.errors import ConfigError
from runproxy.messages import Backend


def make_chooser(
    settings: Settings, faults: tuple[FaultSettings, ...] | None = None, seed: int | None = None
) -> Chooser | None:
    """Make what chooses the faults of calls, by default those of the settings; None where there are none.

    Raises `ConfigError` for a fault on a route that there is not.
    """
    try:
        entries = settings.fault_entries(settings.faults if faults is None else faults)
    except ValueError as error:
        raise ConfigError(f"faults: {error}") from None
    return Chooser(entries, settings.fault_seed if seed is None else seed) if entries else None


def with_faults(backend: Backend, chooser: Chooser | None, take: Take | None = None) -> Backend:
    """Let faults strike in front of a backend; what they keep from being recorded, its `take` leaves as it is."""
    if chooser is None:
        return Faultless(backend)
    return Faulty(backend, chooser, take.give_up) if take else Faulty(backend, chooser)
