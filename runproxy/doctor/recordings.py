"""What is on file: whether every cassette can be read, and what in it looks as if it should not be there."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from runproxy.cassettes import Cassette, layout
from runproxy.config import CassetteSettings, Settings
from runproxy.doctor.finding import Finding, fail, ok, warn
from runproxy.errors import CassetteError
from runproxy.matching import Matcher
from runproxy.redaction import WriteGate
from runproxy.stores.file import FileStore
from runproxy.sunset import sunset_template

_SHOWN: Final = 5


@dataclass(slots=True)
class Recordings:
    """What the cassettes of a folder hold."""

    cassettes: int = 0
    interactions: int = 0
    latest: datetime | None = None
    unreadable: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    sunsets: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, store: FileStore, matcher: Matcher) -> "Recordings":
        """Read all cassettes of a store; nothing is mended."""
        found = cls()
        for name in store.names():
            found.cassettes += 1
            path = store.path(name)
            try:
                text = path.read_bytes()
                torn = layout.find_tear(text)
                found._add(name, layout.decode(torn.whole if torn else text, str(path), matcher))
            except CassetteError as error:
                found.unreadable.append(error.message)
            except OSError as error:
                found.unreadable.append(f"{path}: cannot be read: {error.strerror}.")
            else:
                found.torn += [str(path)] if torn else []
        return found

    def _add(self, name: str, cassette: Cassette) -> None:
        for position, held in enumerate(cassette):
            self.interactions += 1
            self.latest = max(held.recorded_at, self.latest or held.recorded_at)
            if sunset_template(held.request, held.response):
                self.sunsets.append(f"{name}[{position}]")


def check_recordings(settings: Settings, matcher: Matcher) -> tuple[Recordings, list[Finding]]:
    """Read all cassettes, and tell what was found."""
    store = FileStore(Path(settings.cassettes.dir), WriteGate(), matcher=matcher)
    found = Recordings.read(store, matcher)
    return found, list(_told(settings, found, store.names()))


def _told(settings: Settings, found: Recordings, names: list[str]) -> Iterator[Finding]:
    for message in found.unreadable[:_SHOWN]:
        means = "Calls that name this cassette are answered with an error."
        yield fail("cassettes", message.rstrip("."), means, "Mend it, or restore it from version control.")
    for path in found.torn[:_SHOWN]:
        means = "A write was cut off; what stands whole is used, and the next recording keeps the rest beside it."
        yield warn(
            "cassettes", f"{path} has a torn end", means, "Look at the end of the file, or record into it again."
        )
    if found.sunsets:
        means = "It was recorded from an endpoint that had been closed; replaying it is of no use to anybody."
        shown = ", ".join(found.sunsets[:_SHOWN]) + (" and others" if len(found.sunsets) > _SHOWN else "")
        yield warn("cassettes", f"{shown}: a 404 with an empty body", means, "Take it out, or restore what was there.")
    default = settings.cassettes.default
    if settings.mode == "replay" and default != CassetteSettings().default and default not in names:
        means = "Replay does not start without the cassette that it was told."
        yield fail("cassettes", f"there is no cassette {default!r}", means, f"There are: {', '.join(names) or 'none'}.")
    if not found.unreadable:
        yield ok("cassettes", f"{found.cassettes} with {found.interactions} recordings can be read")
