"""The page of error codes: found in the code, explained in docs/guard.md, docs/upstreams.md and explained.toml."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import runproxy.audit.errors  # noqa: F401 - its errors are of the tree, too
from docs.generate.markdown import anchor, code, page, prose, table
from runproxy import strictjson
from runproxy.errors import NotStorable, Refusal, RunproxyError, Unrecorded

_TREE: Final = ("runproxy.errors", "runproxy.audit.errors")
_PACKAGE: Final = Path(strictjson.__file__).parent
_DOCS: Final = Path(__file__).parents[1]
_EXPLAINED_IN: Final = ("guard.md", "upstreams.md")
_ROW: Final = re.compile(r"^\| ((?:`[a-z_]+`(?:, )?)+) \| (\d+|warning) \| ([^|]+) \|", re.MULTILINE)

_INTRODUCTION: Final = """\
An error of a call is JSON in the shape of the service: `{"error": {"message", "type", "param", "code"}}`. `type` is
`invalid_request_error` where the call should be changed, `server_error` where the SDKs should try again, and
`runproxy_error` otherwise. A command that ends in an error prints its message on stderr and ends with the exit code.

[The guard](../guard.md#codes) tells in which order violations come, [Upstreams](../upstreams.md#when-it-fails)
whether a call had been sent."""


EXPIRED: Final = "recording_expired"
"""The one code that stands in no call: replay writes it into a header."""


@dataclass(frozen=True, slots=True)
class Explained:
    """What a code says, and what to do about it."""

    when: str
    do: str
    is_warning: bool


def raised() -> Mapping[str, type[RunproxyError]]:
    """Find every code that the package gives an error, and the error; the sandbox's are the service's own."""
    found: dict[str, type[RunproxyError]] = dict.fromkeys(strictjson.REFUSALS, Refusal)
    tree = {error.__name__: error for error in _errors(RunproxyError)}
    for path in sorted(_PACKAGE.rglob("*.py")):
        if "sandbox" not in path.parts:
            found.update(_raised_in(ast.parse(path.read_text(encoding="utf-8")), tree, None))
    return found


def _errors(of: type[RunproxyError]) -> Iterator[type[RunproxyError]]:
    """Walk the tree of errors, each before those below it; what a room refines for itself is left out."""
    yield of
    for below in sorted(of.__subclasses__(), key=lambda error: error.__name__):
        if below.__module__.startswith(_TREE):
            yield from _errors(below)


def _raised_in(
    node: ast.AST, tree: Mapping[str, type[RunproxyError]], here: type[RunproxyError] | None
) -> Iterator[tuple[str, type[RunproxyError]]]:
    """Give the codes that stand in calls: of an error, of its base in `__init__`, and of a violation."""
    for below in ast.iter_child_nodes(node):
        inside = tree.get(below.name, here) if isinstance(below, ast.ClassDef) else here
        if isinstance(below, ast.Call):
            name = ast.unparse(below.func)
            error = tree.get(name, here if name == "super().__init__" else None)
            named = [word.value for word in below.keywords if word.arg == "code"]
            is_violation = name == "Violation" or name.endswith("._length")
            if error and named:
                yield from ((text, error) for text in _texts(named[0]))
            elif is_violation:
                yield from ((text, Refusal) for text in _texts(below.args[0]))
        elif isinstance(below, ast.FunctionDef) and below.name == "__init__" and here:
            defaults = zip(below.args.kwonlyargs, below.args.kw_defaults, strict=True)
            yield from ((text, here) for one, held in defaults if one.arg == "code" and held for text in _texts(held))
        yield from _raised_in(below, tree, inside)


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def explained() -> Mapping[str, Explained]:
    """Read what is said of every code: when it comes by the pages that explain it, and what to do by explained.toml."""
    own: Mapping[str, Mapping[str, str]] = tomllib.loads((_DOCS / "generate/explained.toml").read_text("utf-8"))
    told = {
        name: (when, status == "warning")
        for page_name in _EXPLAINED_IN
        for names, status, when in _ROW.findall((_DOCS / page_name).read_text(encoding="utf-8"))
        for name in re.findall(r"[a-z_]+", names)
    }
    return {
        name: Explained(held.get("when") or told[name][0], held["do"], _is_warning(name, told))
        for name, held in own.items()
    }


def _is_warning(name: str, told: Mapping[str, tuple[str, bool]]) -> bool:
    """Tell whether a call goes on: by its row in a page, or because the code is that of no error."""
    return told[name][1] if name in told else name == EXPIRED


def errors() -> str:
    """Write the page."""
    found, said = raised(), explained()
    entries = [_entry(name, found.get(name), said[name]) for name in sorted(said)]
    index = table(
        ("code", "status", "when"),
        (
            (f"[{code(name)}](#{anchor(name)})", _status(found.get(name), said[name]), said[name].when)
            for name in sorted(said)
        ),
    )
    return page("Errors", _INTRODUCTION, "## Codes", index, *entries, _classes())


def _status(error: type[RunproxyError] | None, said: Explained) -> str:
    if said.is_warning or error is None:
        return "warning"
    return "unrecorded" if issubclass(error, NotStorable) else str(error.status)


def _facts(error: type[RunproxyError]) -> str:
    name = code(error.__name__)
    if issubclass(error, NotStorable):
        return (
            f"The client gets its answer, marked `x-runproxy-outcome: unrecorded` with this code in "
            f"`x-runproxy-reason`; with [`cassettes.on_record_error`](settings.md#cassetteson_record_error) "
            f'`= "fail"`, status {Unrecorded.status} in its place. Raised as {name}.'
        )
    return f"Status {error.status}, type `{error.kind}`, raised as {name}, exit code {error.exit_code}."


def _entry(name: str, error: type[RunproxyError] | None, said: Explained) -> str:
    facts = _facts(error) if error and not said.is_warning else "A warning in `x-runproxy-warnings`; the call goes on."
    return f"### {name}\n\n{_sentence(said.when)}\n\n{facts}\n\n**What to do:** {said.do}"


def _sentence(text: str) -> str:
    said = text.strip().rstrip(".")
    return f"{said[0].upper()}{said[1:]}."


def _classes() -> str:
    rows = (
        (
            code(error.__name__),
            code(error.__mro__[1].__name__),
            str(error.status),
            str(error.exit_code),
            prose((error.__doc__ or "").split("\n\n", maxsplit=1)[0]),
        )
        for error in _errors(RunproxyError)
    )
    head = "## Errors in Python\n\nA command that ends in one of these ends with its exit code."
    return f"{head}\n\n{table(('error', 'is a', 'status', 'exit code', 'what it is'), rows)}"
