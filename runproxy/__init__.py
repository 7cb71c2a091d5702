"""A recording, guarding and replaying HTTP proxy for run modifications.

What is public in Python is for tests: `with runproxy.cassette("name") as proxy:`. Importing this is cheap: the parts
are loaded when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runproxy.errors import CassetteError, ConfigError, RunproxyError
    from runproxy.testing import Call, CassetteFailure, CassetteServer, CassetteSession, Miss, cassette

__version__ = "0.1.0"

__all__ = [
    "Call",
    "CassetteError",
    "CassetteFailure",
    "CassetteServer",
    "CassetteSession",
    "ConfigError",
    "Miss",
    "RunproxyError",
    "__version__",
    "cassette",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = "runproxy.errors" if name.endswith("Error") else "runproxy.testing"
    return getattr(import_module(room), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
