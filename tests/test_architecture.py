"""The rooms of the house: who may import whom, and where each library may be used."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "runproxy"

LEVELS = {
    "": 0,  # the package itself: its version, and the names of what is public, which it loads when asked for
    "errors": 0,
    "limits": 0,
    "patterns": 0,
    "messages": 1,
    "jsonstyle": 1,
    "strictjson": 1,
    "logs": 1,
    "sections": 1,
    "shapes": 1,
    "coding": 1,
    "multipart": 1,
    "positions": 1,
    "durations": 1,
    "streams": 2,
    "uploads": 2,
    "keyfile": 1,
    "pem": 1,
    "tally": 1,
    "violations": 1,
    "routes": 2,
    "metadata": 2,
    "redaction": 2,
    "policy": 2,
    "matching": 2,
    "addressing": 2,
    "replies": 2,
    "attribution": 3,
    "guard": 3,
    "sunset": 3,
    "verdicts": 3,
    "cassettes": 3,
    "exchange": 4,
    "stores": 4,
    "upstream": 4,
    "calls": 4,
    "calllog": 5,
    "tracing": 5,
    "audit": 5,
    "backends": 5,
    "service": 6,
    "config": 6,
    "server": 7,
    "admin": 7,
    "composition": 8,
    "sandbox": 8,
    "doctor": 9,
    "workers": 9,
    "testing": 9,
    "cli": 10,
    "pytest_plugin": 10,
}
"""A room imports only from rooms of a lower level; inside a room (a package) anything goes."""

OWNERS = {
    "alembic": {"audit"},
    "backports": {"coding"},
    "brotli": {"coding"},
    "zlib": {"audit", "coding"},
    "aiohttp": {"server", "admin", "upstream"},
    "click": {"cli"},
    "fcntl": {"stores"},
    "re2": {"patterns"},
    "yaml": {"exchange"},
    "pyarrow": {"audit"},
    "sqlalchemy": {"audit"},
    "pydantic": {
        "audit",
        "sections",
        "redaction",
        "matching",
        "policy",
        "attribution",
        "upstream",
        "config",
        "cassettes",
        "exchange",
        "admin",
    },
    "opentelemetry": {"tracing"},
    "jinja2": {"admin"},
    "prometheus_client": {"admin"},
    "rich": {"cli"},
    "pytest": {"pytest_plugin"},
}
"""The only rooms that may import a library."""

MAX_FUNCTION_LINES = 40
MAX_MODULE_LINES = 400

MODULES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    """Name the room a module belongs to."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def imported(path: Path) -> Iterator[str]:
    """List the modules that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            assert node.module
            for alias in node.names:
                yield f"runproxy.{alias.name}" if node.module == "runproxy" else node.module


def rooms_imported(path: Path) -> set[str]:
    """Name the rooms that a module imports from."""
    names = (name.split(".") for name in imported(path) if name.split(".")[0] == "runproxy")
    return {parts[1] if len(parts) > 1 and parts[1] != "__version__" else "" for parts in names}


def test_every_room_has_a_level() -> None:
    """The table names every room, and no room that is gone."""
    assert {room(path) for path in MODULES} == set(LEVELS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards(path: Path) -> None:
    """A module imports from rooms below its own only, never sideways; the package names what is public for types."""
    here = room(path)
    if here == "":
        assert rooms_imported(path) == {"errors", "testing"}
        return
    upwards = {other for other in rooms_imported(path) - {here} if LEVELS[other] >= LEVELS[here]}
    assert not upwards


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_libraries_stay_in_their_rooms(path: Path) -> None:
    """A library with an owner is imported by its owners only."""
    used = {name.split(".")[0] for name in imported(path)}
    strays = {library for library, owners in OWNERS.items() if library in used and room(path) not in owners}
    assert not strays


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    """No function is longer than 40 lines without its docstring, no module longer than 400."""
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= MAX_MODULE_LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            length = (node.end_lineno or 0) - body[0].lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines"
