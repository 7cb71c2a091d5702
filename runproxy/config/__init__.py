"""Settings: what they are (`settings`), how they are read (`files`), and the file that shows them (`leaves`)."""

from runproxy.config.faults import Faults, FaultSettings
from runproxy.config.files import DEFAULT_FILE, find_file, make_settings, policy_in, read_file, read_rules
from runproxy.config.leaves import example, leaves, tables_below
from runproxy.config.settings import CassetteSettings, LimitSettings, ListenSettings, Settings

__all__ = [
    "DEFAULT_FILE",
    "CassetteSettings",
    "FaultSettings",
    "Faults",
    "LimitSettings",
    "ListenSettings",
    "Settings",
    "example",
    "find_file",
    "leaves",
    "make_settings",
    "policy_in",
    "read_file",
    "read_rules",
    "tables_below",
]
