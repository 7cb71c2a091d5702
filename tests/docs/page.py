"""The blocks of a page, and what the comment before each says of it: pure text, nothing is run here."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_STEP = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>[^\s`]*)[^\n`]*\n(?P<text>.*?)^ *(?P=fence) *$"
    r"|^ *<!-- *(?P<comment>.*?) *-->",
    re.MULTILINE | re.DOTALL,
)
_CONTINUED = re.compile(r"\\\n")
_PREPARE = re.compile(r"prepare(?: (?P<how>[^:\n]*))?:\s*")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block, or the commands of a `prepare` comment, which readers do not see."""

    line: int
    """Of its first line, counted from 1."""
    language: str
    how: str
    """What is done with it: the words before the colon in the comment, or nothing."""
    detail: str
    """The words after the colon."""
    text: str

    @property
    def commands(self) -> list[str]:
        """Its commands, one by one, where each stands on a line of its own, or goes on after a backslash."""
        lines = _CONTINUED.sub(" ", self.text).splitlines()
        return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def pages() -> list[Path]:
    """List the pages whose blocks are run."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def parse(page: str) -> Iterator[Block]:
    """Give the blocks of a page in their order; a comment counts for the fence on the line after it."""
    comment, ends = "", 0
    for step in _STEP.finditer(page):
        line = page.count("\n", 0, step.start()) + 1
        if (step["language"] or "").startswith("{"):
            continue  # a directive of the site's generator, such as its contents
        if step["comment"] is None:
            how, _, detail = comment.partition(":") if page[ends : step.start()] == "\n" else ("", "", "")
            text = re.sub(f"^{step['indent']}", "", step["text"], flags=re.MULTILINE)
            yield Block(line + 1, step["language"], how.strip(), detail.strip(), text)
        elif prepares := _PREPARE.match(step["comment"]):
            yield Block(line, "sh", "run", prepares["how"] or "", step["comment"][prepares.end() :])
        comment, ends = step["comment"] or "", step.end()


def section(page: str, heading: str) -> tuple[int, str]:
    """Give what stands below a heading of the second level, and how many lines stand before that."""
    before, found, after = page.partition(f"\n## {heading}\n")
    if not found:
        raise ValueError(f"there is no heading {heading!r}")
    return before.count("\n") + 2, after.partition("\n## ")[0] + "\n"
