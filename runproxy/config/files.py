"""Reading settings from TOML, with errors a person can act on.

A flag beats the environment, which beats the file. The file is the one named by `--config`, else by
`RUNPROXY_CONFIG`, else `./runproxy.toml` when there is one.
"""

import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from runproxy.config.leaves import fields_at, leaves
from runproxy.config.settings import Settings
from runproxy.errors import ConfigError
from runproxy.policy import Policies, PolicySettings
from runproxy.sections import HIDDEN, Section

DEFAULT_FILE: Final = "runproxy.toml"
_NEAR_KEYS: Final = ("attribution", "upstreams")  # somebody's key may stand in the place of a table
_Model = TypeVar("_Model", bound=Section)


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
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply.") from None
    except ValueError:
        raise ConfigError(f"{str(path)!r}: is no name for a file.") from None


def make_settings(
    values: Mapping[str, Any], where: str, name_of: Callable[[str], str | None] = lambda path: None
) -> Settings:
    """Validate settings; raises `ConfigError` that names `where`, the path in it, and what was expected.

    `name_of` gives what a person typed for a path, such as a flag; None for the path itself.
    """
    return _validated(Settings, values, where, name_of)


def policy_in(settings: Settings) -> PolicySettings:
    """Give the policy of settings, which may be in a file of its own; raises `ConfigError`."""
    if not settings.guard.policy_file:
        return settings.policy
    path = Path(settings.guard.policy_file)
    found = read_rules(path)
    if isinstance(found, PolicySettings):
        return found
    if found.guard.policy_file:
        raise ConfigError(f"{path}: names yet another policy file; name that one, {found.guard.policy_file!r}.")
    return found.policy


def read_rules(path: Path) -> Settings | PolicySettings:
    """Read a policy file, or a settings file that may hold a policy; raises `ConfigError`."""
    values = read_file(path)
    if not Settings.model_fields.keys().isdisjoint(values):
        return make_settings(values, str(path))
    if not values:
        raise ConfigError(f"{path}: holds no rules at all; 'action = \"off\"' says that there are to be none.")
    policy = _validated(PolicySettings, values, str(path))
    try:
        Policies.of(policy)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}.") from error
    return policy


def _validated(
    model: type[_Model],
    values: Mapping[str, Any],
    where: str,
    name_of: Callable[[str], str | None] = lambda path: None,
) -> _Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise ConfigError("\n".join(_explain(model, dict(problem), where, name_of) for problem in problems)) from None


def _explain(model: type[Section], problem: Mapping[str, Any], where: str, name_of: Callable[[str], str | None]) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        return f"{where}: {path}: no such setting.{_hint(model, problem['loc'])}"
    if problem["type"] == "model_type" and problem["loc"][0] in _NEAR_KEYS:
        return f"{where}: {path}: a table [{path}] was expected."
    if problem["type"] == "model_type":
        return f"{where}: {path}: a table [{path}] was expected; found {problem['input']!r}."
    if problem["type"] == HIDDEN:
        return f"{where}: {name_of(path) or path}: {message}."
    if isinstance(problem["input"], Mapping | Section):  # what is wrong is not one value, but how several go together
        return f"{where}: {f'{path}: ' if path else ''}{message}."
    return f"{where}: {name_of(path) or path}: {message}; found {problem['input']!r}."


def _hint(model: type[Section], place: tuple[str | int, ...]) -> str:
    """Name the setting that was probably meant: one of the same name, or of the same table, else any."""
    *parents, name = map(str, place)
    beside = [".".join((*parents, field)) for field in fields_at(model, tuple(parents))]
    known = sorted({path for path, _, _ in leaves(model)} | model.model_fields.keys())
    namesakes = [path for path in known if path.rpartition(".")[2] == name]
    for candidates in (namesakes, beside, known):
        if close := get_close_matches(".".join((*parents, name)), candidates, n=1, cutoff=0.4):
            return f" Did you mean {close[0]!r}?"
    return f" There are: {', '.join(known)}."
