"""The page of what can be imported from runproxy: signatures and docstrings, as they are."""

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

import runproxy
from docs.generate.markdown import code, page, prose, table

_INTRODUCTION: Final = """\
What can be imported from `runproxy`; anything else is not promised to stay. All of it has types, which come with the
package. [Test with pytest](../howto/pytest.md) shows how these are used."""


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
    return table(("member", "what it is"), (*_fields(named), *_public(named)))


def _fields(named: type) -> Iterator[tuple[str, str]]:
    """List the fields of a record, which its docstring explains."""
    for one in dataclasses.fields(named) if dataclasses.is_dataclass(named) else ():
        yield (
            code(one.name),
            code(one.type if isinstance(one.type, str) else _short(inspect.formatannotation(one.type))),
        )


def _public(named: type) -> Iterator[tuple[str, str]]:
    """List the properties and methods that a class adds, with the first sentence of their docstrings."""
    for name, held in vars(named).items():
        if not name.startswith("_") and (isinstance(held, property) or callable(held)):
            yield code(name if isinstance(held, property) else f"{name}()"), _first(held)


def _first(held: object) -> str:
    return prose((inspect.getdoc(held) or "").split("\n\n", maxsplit=1)[0])
