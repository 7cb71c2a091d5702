"""Settings as a command gets them: flags before variables of the environment, those before the file."""

import os
from typing import TYPE_CHECKING, Any

from runproxy.cli.options import flag_for, given

if TYPE_CHECKING:  # pydantic is only loaded once settings are read
    from collections.abc import Callable

    from runproxy.config import Settings


def settings_reader(flags: dict[str, Any]) -> "Callable[[], Settings]":
    """Give what reads the settings, the file anew each time; it raises `ConfigError`."""
    from runproxy.config import find_file, make_settings, read_file
    from runproxy.sections import merge

    named = flags["config_path"]
    on_top = given({name: value for name, value in flags.items() if name != "config_path"})

    def read() -> "Settings":
        path = find_file(named)
        from_file = read_file(path) if path else {}
        if path:
            make_settings(from_file, str(path))  # a mistake in the file is told as one of the file
        return make_settings(merge(from_file, on_top), "command line or environment", flag_for)

    return read


def settings_here() -> "Settings":
    """Give what the settings file says, if there is one; raises `ConfigError`."""
    from runproxy.config import Settings, find_file, make_settings, read_file

    path = find_file(os.environ.get("RUNPROXY_CONFIG"))
    return make_settings(read_file(path), str(path)) if path else Settings()
