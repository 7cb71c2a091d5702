"""What a session is to be: keyword arguments, the same for `runproxy.cassette`, the marker and `runproxy_config`."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from runproxy.addressing import checked_name
from runproxy.backends import Plan
from runproxy.composition.faults import make_chooser
from runproxy.composition.workshop import is_ci
from runproxy.config import Settings, make_settings, read_file
from runproxy.errors import ConfigError, Refusal
from runproxy.sections import merge

Mode: TypeAlias = Literal["replay", "record", "auto", "verify"]
"""What is done with the calls of a session."""

OnExhausted: TypeAlias = Literal["last", "error", "cycle"]
"""What answers a call after its last recording: that one again, a miss, or the first one."""

Tables: TypeAlias = Mapping[str, Any]
"""Settings as in a TOML file, tables within tables."""

_TYPED_AS: Final = {
    "cassettes.dir": "folder",
    "cassettes.on_exhausted": "on_exhausted",
    "guard.policy_file": "policy",
}


@dataclass(frozen=True, slots=True)
class Options:
    """The keyword arguments of a session, as `runproxy.cassette` describes them."""

    mode: Mode = "replay"
    folder: str | os.PathLike[str] = "cassettes"
    upstream: str | None = None
    match: Tables | None = None
    policy: Tables | str | os.PathLike[str] | None = None
    on_exhausted: OnExhausted = "error"
    allow_misses: bool = False
    config: Tables | str | os.PathLike[str] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A session as it was asked for, checked: settings of its own, and the plan of what is to be played."""

    settings: Settings
    plan: Plan
    path: Path
    """The cassette, whether it is there or not."""
    allows_misses: bool
    record_command: str


def in_the_code(upstream: str) -> str:
    """Say how to record what was missed, where the options stand in the code."""
    return f"use mode='record' and upstream={upstream or 'https://host/v1'!r} for this cassette once"


def wanted(name: str, options: Options, to_record: Callable[[str], str] = in_the_code) -> Wanted:
    """Check the options of a session; raises `ConfigError` for what cannot be used.

    `to_record` says how to record what was missed, given the upstream, which is empty where there is none. Where the
    environment says CI=true, `record` and `auto` replay, unless the settings say `allow_record_in_ci`.
    """
    where = f"cassette {name!r}"
    if options.mode not in get_args(Mode):
        raise ConfigError(f"{where}: mode: expected one of {', '.join(get_args(Mode))}; found {options.mode!r}.")
    try:
        plain = checked_name(name)
    except Refusal as error:
        raise ConfigError(error.message) from None
    settings = make_settings(_values(plain, options), where, _TYPED_AS.get)
    match = make_settings({"match": options.match or {}}, where).match
    if is_ci() and settings.mode in ("record", "auto") and not settings.allow_record_in_ci:
        settings = settings.model_copy(update={"mode": "replay"})
    if settings.mode != "replay" and not settings.upstream:
        raise ConfigError(
            f"{where}: mode {settings.mode!r} asks an upstream, and none is named: set upstream, RUNPROXY_UPSTREAM, "
            "or, with pytest, --runproxy-upstream=URL. 'runproxy sandbox' is one to try, at http://127.0.0.1:8789/v1."
        )
    plan = Plan(plain, settings.mode, settings.cassettes.on_exhausted, match, faults=make_chooser(settings))
    path = Path(settings.cassettes.dir) / f"{plain}.json"
    return Wanted(settings, plan, path, options.allow_misses, to_record(settings.upstream))


def _values(name: str, options: Options) -> dict[str, Any]:
    """Lay the options over the settings they name; raises `ConfigError` for a file that cannot be used."""
    values: dict[str, Any] = merge(_tables(options.config), {"mode": options.mode})
    values = merge(
        values,
        {"cassettes": {"dir": str(options.folder), "default": name, "on_exhausted": options.on_exhausted}},
    )
    if options.upstream is not None:
        values["upstream"] = options.upstream
    elif upstream := os.environ.get("RUNPROXY_UPSTREAM"):
        values["upstream"] = upstream
    if isinstance(options.policy, Mapping):
        return merge({**values, "policy": dict(options.policy)}, {"guard": {"policy_file": ""}})
    if options.policy is not None:
        values.pop("policy", None)
        return merge(values, {"guard": {"policy_file": str(options.policy)}})
    return values


def _tables(config: Tables | str | os.PathLike[str] | None) -> Tables:
    if config is None or isinstance(config, Mapping):
        return config or {}
    path = Path(config)
    found = read_file(path)
    make_settings(found, str(path))  # raises, and tells of the file
    return found
