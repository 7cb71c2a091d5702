"""What can be said on the command line and by the marker, and what all of it comes to for one test."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pytest

MODES: Final = ("replay", "record", "auto", "verify")
MARKER: Final = "runproxy"
MARKER_HELP: Final = (
    "runproxy(cassette=None, *, mode, match, policy, on_exhausted, upstream, folder, allow_misses, config): "
    "play or record a cassette in this test, and point OPENAI_BASE_URL there; see docs/howto/pytest.md of runproxy"
)
OF_A_SESSION: Final = frozenset(
    {"mode", "folder", "upstream", "match", "policy", "on_exhausted", "allow_misses", "config"}
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flags."""
    group = parser.getgroup("runproxy", "recorded calls (runproxy)")
    group.addoption(
        "--runproxy-mode",
        choices=MODES,
        help="What is done with the calls of all tests, whatever their markers say. With CI=true in the environment, "
        "record and auto replay, unless the settings say allow_record_in_ci. [default: replay]",
    )
    group.addoption(
        "--runproxy-upstream",
        metavar="URL",
        help="Where calls go that are recorded: a base URL, or the name of a profile in runproxy.toml.",
    )
    group.addoption(
        "--runproxy-unused",
        choices=("ignore", "warn", "fail"),
        default="warn",
        help="What to do about recordings that no test has asked for, after a full run without failures. "
        "[default: %(default)s]",
    )
    group.addoption(
        "--runproxy-usage-file",
        metavar="FILE",
        help="Write there, after a full run without failures, which recordings no test has asked for, as "
        "'runproxy cassette prune' takes it. Cassettes are named from the root of the project.",
    )
    group.addoption(
        "--runproxy-block-network",
        action="store_true",
        help="Let tests and their fixtures connect to loopback addresses only, and fail those that try anything else.",
    )


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what was asked for, where something was."""
    mode, upstream = config.getoption("runproxy_mode"), config.getoption("runproxy_upstream")
    if mode in ("record", "auto") and os.environ.get("CI", "").lower() in ("true", "1"):
        return [f"runproxy: mode {mode}, which replays with CI=true unless the settings say allow_record_in_ci"]
    told = [f"mode {mode}" if mode else "", f"upstream {upstream}" if upstream else ""]
    return [f"runproxy: {', '.join(filter(None, told))}"] if any(told) else []


def options_of(item: pytest.Item, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Give the keyword arguments for the session of a test.

    The command line goes before the marker, that before `runproxy_config`, and that before the defaults; what is said
    of matching adds up. Raises `pytest.UsageError` for names that there are not.
    """
    where = f"{item.nodeid}: runproxy_config"
    if not isinstance(config, Mapping):
        raise pytest.UsageError(f"{where}: must return a mapping of arguments, and has returned {config!r}.")
    _check_names(config, where)
    marked = {name: value for name, value in marked_by(item).items() if name != "cassette"}
    flags = {"mode": item.config.getoption("runproxy_mode"), "upstream": item.config.getoption("runproxy_upstream")}
    given = {name: value for name, value in flags.items() if value}
    options = {**defaults, **config, **marked, **given}
    if config.get("match") and marked.get("match"):
        options["match"] = _added(config["match"], marked["match"])
    return options


def marked_by(item: pytest.Item) -> dict[str, Any]:
    """Give what the markers of a test say, the closest one first of all; raises `pytest.UsageError`."""
    said: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers(MARKER))):
        where = f"{item.nodeid}: @pytest.mark.runproxy"
        if len(marker.args) > 1 or (marker.args and "cassette" in marker.kwargs):
            raise pytest.UsageError(f"{where}: takes the name of one cassette, and all else by keyword.")
        _check_names(marker.kwargs, where, OF_A_SESSION | {"cassette"})
        said |= marker.kwargs
        if marker.args:
            said["cassette"] = marker.args[0]
    return said


def _check_names(names: Iterable[str], where: str, known: frozenset[str] = OF_A_SESSION) -> None:
    unknown = sorted(set(names) - known)
    if unknown:
        raise pytest.UsageError(f"{where}: there is no {unknown[0]!r}; there are {', '.join(sorted(known))}.")


def _added(general: Mapping[str, Any], special: Mapping[str, Any]) -> dict[str, Any]:
    """Add what two say of matching: of lists the union, of all else what the special one says."""
    both = {
        name: [*general[name], *special[name]]
        for name in general.keys() & special.keys()
        if isinstance(general[name], list | tuple) and isinstance(special[name], list | tuple)
    }
    return {**general, **special, **both}
