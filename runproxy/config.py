"""Settings: what they are, their defaults, and reading them from TOML with errors a person can act on.

A flag beats the environment, which beats the file. The file is the one named by `--config`, else by
`RUNPROXY_CONFIG`, else `./runproxy.toml` when there is one.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runproxy.errors import ConfigError

DEFAULT_FILE: Final = "runproxy.toml"
_Port = Annotated[int, Field(ge=0, le=65535)]
_Seconds = Annotated[float, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ListenSettings(_Section):
    """Where runproxy listens."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """The address to listen on."""
    port: _Port = 8787
    """The port to listen on; 0 takes any free one."""
    admin_port: _Port = 8788
    """The port for health and status, always on 127.0.0.1; 0 takes any free one."""
    ready_file: str = ""
    """A JSON file with url, admin_url and pid, there for as long as connections are accepted; empty for none."""


class CassetteSettings(_Section):
    """Which cassettes are used, and how they are played."""

    dir: str = "cassettes"
    """The folder that holds the cassettes."""
    default: str = "default"
    """The cassette for calls that name none."""
    on_exhausted: Literal["last", "error", "cycle"] = "last"
    """What answers a call after its last recording: that one again, a miss, or the first one."""


class LimitSettings(_Section):
    """How much and how long."""

    max_body_bytes: Annotated[int, Field(ge=1)] = 16 * 1024 * 1024
    """The largest request body taken; a larger one is answered with 413."""
    idle_s: _Seconds = 75.0
    """How long a connection may stay open without a call, and how long the head of a request may take, in seconds."""
    body_s: _Seconds = 30.0
    """How long the body of a request may take to arrive, in seconds; a slower one is answered with 408."""
    connect_s: _Seconds = 10.0
    """How long a connection to the upstream may take, in seconds."""
    upstream_s: _Seconds = 600.0
    """How long a whole call to the upstream may take, in seconds; the SDKs wait as long."""
    drain_s: _Seconds = 10.0
    """How long calls in flight may take to end once runproxy is told to stop, in seconds."""


class LogSettings(_Section):
    """What is logged to stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe messages to log."""
    format: Literal["console", "json"] = "console"
    """Readable lines, or one JSON object per line."""


class Settings(_Section):
    """Everything that can be set."""

    mode: Literal["replay", "record", "auto", "passthrough"] = "replay"
    """What is done with a call: replay, record, auto (replay what is known, record the rest) or passthrough."""
    upstream: str = ""
    """The base URL that calls are forwarded to, such as "https://host/v1"; empty for none: replay needs none."""
    allow_record_in_ci: bool = False
    """Let record and auto start where the environment says CI=true."""
    listen: ListenSettings = ListenSettings()
    """Where runproxy listens."""
    cassettes: CassetteSettings = CassetteSettings()
    """Which cassettes are used, and how they are played."""
    limits: LimitSettings = LimitSettings()
    """How much and how long."""
    log: LogSettings = LogSettings()
    """What is logged to stderr."""


def find_file(named: str | None) -> Path | None:
    """Give the config file to read: the one named, else the default one when it is there."""
    if named:
        return Path(named)
    default = Path(DEFAULT_FILE)
    return default if default.exists() else None


def read_file(path: Path) -> dict[str, Any]:
    """Read a TOML file without judging its content; raises `ConfigError` with line and column."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start}).") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}.") from error


def make_settings(
    values: Mapping[str, Any], where: str, name_of: Callable[[str], str | None] = lambda path: None
) -> Settings:
    """Validate settings; raises `ConfigError` that names `where`, the path in it, and what was expected.

    `name_of` gives what a person typed for a path, such as a flag; None for the path itself.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise ConfigError("\n".join(_explain(dict(problem), where, name_of) for problem in problems)) from None


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay settings over others, section by section."""
    merged = dict(base)
    for name, value in over.items():
        held = merged.get(name)
        merged[name] = merge(held, value) if isinstance(held, Mapping) and isinstance(value, Mapping) else value
    return merged


def leaves(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """List every setting: its dotted path, its default, and what it is for."""
    for name, info in model.model_fields.items():
        path = f"{prefix}{name}"
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from leaves(info.annotation, f"{path}.")
        else:
            yield path, info.default, info.description or ""


def example() -> str:
    """Write a config file that names every setting with its default."""
    lines = ["# runproxy.toml: every setting with its default."]
    section = ""
    for path, default, purpose in leaves():
        head, _, name = path.rpartition(".")
        if head != section:
            section = head
            description = Settings.model_fields[head].description
            lines += ["", f"# {description}", f"[{head}]"]
        lines += ["", f"# {purpose}", f"{name} = {_toml(default)}"]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _explain(problem: Mapping[str, Any], where: str, name_of: Callable[[str], str | None]) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = sorted({name for name, _, _ in leaves()} | Settings.model_fields.keys())
        close = get_close_matches(path, known, n=1, cutoff=0.4)
        hint = f" Did you mean {close[0]!r}?" if close else f" There are: {', '.join(known)}."
        return f"{where}: {path}: no such setting.{hint}"
    if problem["type"] == "model_type":
        return f"{where}: {path}: a table [{path}] was expected; found {problem['input']!r}."
    return f"{where}: {name_of(path) or path}: {problem['msg']}; found {problem['input']!r}."
