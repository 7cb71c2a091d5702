"""The page of what can be imported from runproxy: signatures and docstrings, as they are."""

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import runproxy
from docs.generate.markdown import code, page, prose, table

_INTRODUCTION: Final = """\
What can be imported from `runproxy`; anything else is not promised to stay. All of it has types, which come with the
package. [Test with pytest](../howto/pytest.md) shows how these are used."""


_INTERNAL: Final = {
    "CassetteServer": frozenset({"start"}),
    "CassetteSession": frozenset({"end", "keep", "problems", "usage"}),
}
"""By which the plugin starts, judges and ends sessions; nobody else need, and they may change."""


def python() -> str:
    """Write the page."""
    names = sorted(runproxy.__all__, key=lambda name: (name.startswith("_"), name[0].isupper(), name))
    return page("Python", _INTRODUCTION, *(_entry(name, getattr(runproxy, name)) for name in names))


def _entry(name: str, named: Any) -> str:
    if not callable(named):
        return f"## {name}\n\nThe version, as text."
    shown = _members(named) if isinstance(named, type) else _called(name, named)
    return "\n\n".join(filter(None, (f"## {name}", _base(named), _described(named), shown)))


def _base(named: Any) -> str:
    """Say which error an error is."""
    return f"An error, derived from {code(named.__mro__[1].__name__)}." if _is_error(named) else ""


def _is_error(named: Any) -> bool:
    return isinstance(named, type) and issubclass(named, Exception)


def _called(name: str, named: Any) -> str:
    """Show how a function is called, a line for each parameter."""
    parameters = inspect.signature(named).parameters.values()
    lines = [f"    {_short(str(one))}," for one in parameters]
    first = next((place for place, one in enumerate(parameters) if one.kind is one.KEYWORD_ONLY), None)
    if first is not None:
        lines.insert(first, "    *,")
    answer = _short(inspect.formatannotation(inspect.signature(named).return_annotation))
    return "\n".join(("<!-- not run: a signature -->", "```python", f"{name}(", *lines, f") -> {answer}", "```"))


def _short(text: str) -> str:
    """Leave out the modules of types."""
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", text)


def _described(named: Any) -> str:
    """Give a docstring; its lists stay lists."""
    return "\n\n".join(map(_paragraph, re.split(r"\n\s*\n", inspect.getdoc(named) or "")))


def _paragraph(text: str) -> str:
    items = re.split(r"^- ", text, flags=re.MULTILINE)
    listed = "\n".join(f"- {prose(item)}" for item in items[1:])
    return "\n\n".join(filter(None, (prose(items[0]), listed)))


def _members(named: type) -> str:
    return table(("member", "what it is"), (*_fields(named), *_attributes(named), *_public(named)))


def _fields(named: type) -> Iterator[tuple[str, str]]:
    """List the fields of a record, which its docstring explains."""
    for one in dataclasses.fields(named) if dataclasses.is_dataclass(named) else ():
        yield (
            code(one.name),
            code(one.type if isinstance(one.type, str) else _short(inspect.formatannotation(one.type))),
        )


def _attributes(named: type) -> Iterator[tuple[str, str]]:
    """List the attributes that a class sets in its `__init__` with a docstring, in the line below, of their own."""
    body = ast.parse(textwrap.dedent(inspect.getsource(named))).body[0]
    methods = (one for one in ast.walk(body) if isinstance(one, ast.FunctionDef) and one.name == "__init__")
    for method in methods:
        for set_here, below in pairwise(method.body):
            match set_here, below:
                case (
                    ast.AnnAssign(target=ast.Attribute(attr=name)) | ast.Assign(targets=[ast.Attribute(attr=name)]),
                    ast.Expr(value=ast.Constant(value=str(told))),
                ) if not name.startswith("_"):
                    yield code(name), prose(told)


def _public(named: type) -> Iterator[tuple[str, str]]:
    """List the properties and methods that a class adds, with the first sentence of their docstrings."""
    internal = _INTERNAL.get(named.__name__, frozenset())
    for name, held in vars(named).items():
        if not name.startswith("_") and name not in internal and (isinstance(held, property) or callable(held)):
            yield code(name if isinstance(held, property) else f"{name}()"), _first(held)


def _first(held: object) -> str:
    return prose((inspect.getdoc(held) or "").split("\n\n", maxsplit=1)[0])
