"""The modes: objects that answer a call, composed at start-up. None of them asks which mode it is in."""

from runproxy.backends.auto import Auto
from runproxy.backends.catching_up import CatchUp
from runproxy.backends.deck import Deck, Loaded
from runproxy.backends.expiry import Expiry
from runproxy.backends.negotiated import Negotiated
from runproxy.backends.paced import Paced, Timing, checked_timing
from runproxy.backends.rebinding import Rebinding
from runproxy.backends.record import OnRecordError, Record, Recorder, marked, withheld
from runproxy.backends.replay import OnExhausted, Player, Replay
from runproxy.backends.sessions import Opened, Plan, Session, Sessions
from runproxy.backends.sunsets import IsSunset, Sunsets, never_sunset
from runproxy.backends.take import Remembered, Take
from runproxy.backends.timed import Timed
from runproxy.backends.verify import Comparison, Drifts, Verify

__all__ = [
    "Auto",
    "CatchUp",
    "Comparison",
    "Deck",
    "Drifts",
    "Expiry",
    "IsSunset",
    "Loaded",
    "Negotiated",
    "OnExhausted",
    "OnRecordError",
    "Opened",
    "Paced",
    "Plan",
    "Player",
    "Rebinding",
    "Record",
    "Recorder",
    "Remembered",
    "Replay",
    "Session",
    "Sessions",
    "Sunsets",
    "Take",
    "Timed",
    "Timing",
    "Verify",
    "checked_timing",
    "marked",
    "never_sunset",
    "withheld",
]
