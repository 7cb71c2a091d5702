"""Cassettes as files of a folder: `NAME.json`, with sub-folders for names that hold slashes."""

import tempfile
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Final
from weakref import WeakSet

import orjson

from runproxy.addressing import checked_name
from runproxy.cassettes import (
    PLAIN_MATCHER,
    Cassette,
    Interaction,
    decode,
    decode_interaction,
    encode_interaction,
    layout,
)
from runproxy.coding import decompressed
from runproxy.errors import CassetteNotFound, CassetteNotWritable, OpaqueBody, Refusal
from runproxy.matching import Matcher, MatchSettings
from runproxy.redaction import WriteGate
from runproxy.stores.cassette_file import CassetteFile, Edit
from runproxy.stores.group_commit import GroupCommit
from runproxy.stores.known import version_of
from runproxy.stores.whole_files import create

_SUFFIX: Final = ".json"
_NO_MATCH: Final = MatchSettings()


class FileStore:
    """A folder of cassettes. Nothing is written that the gate does not let through.

    `syncs`: what is recorded outlives a loss of power, and not only the end of the process.
    """

    def __init__(self, folder: Path, gate: WriteGate, *, syncs: bool = False, matcher: Matcher = PLAIN_MATCHER) -> None:
        self._folder = folder
        self.gate = gate
        self._syncs = syncs
        self._matcher = matcher
        self._tapes: WeakSet[FileTape] = WeakSet()

    def names(self) -> list[str]:
        """Name all files that can be asked for, sorted; empty when there is no such folder."""
        found = (path.relative_to(self._folder) for path in self._folder.rglob(f"*{_SUFFIX}") if path.is_file())
        return sorted(name for name in (path.as_posix().removesuffix(_SUFFIX) for path in found) if _is_name(name))

    def path(self, name: str) -> Path:
        """Give the path of a cassette; raises `Refusal` for a name that leaves the folder, by a link too."""
        path = self._folder / f"{checked_name(name)}{_SUFFIX}"
        try:
            stays = path.resolve().is_relative_to(self._folder.resolve())
        except (OSError, RuntimeError):  # the latter of links in a circle, until Python 3.13
            raise Refusal(
                f"The cassette name {name!r} stands for a link in a circle, or for a path that is too long.",
                code="invalid_cassette_name",
            ) from None
        if not stays:
            raise Refusal(f"The cassette name {name!r} leaves the cassette folder.", code="invalid_cassette_name")
        return path

    def version(self, name: str) -> object:
        """Give what differs once a cassette has changed, None where there is none.

        Raises `CassetteNotWritable` for a file that cannot be looked at.
        """
        path = self.path(name)
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise CassetteNotWritable(f"Cannot read the cassette {path}: {error.strerror}.") from error
        return version_of(found)

    def load(self, name: str, match: MatchSettings = _NO_MATCH) -> Cassette:
        """Read a whole cassette, compared as `match` says, too; blocking.

        Raises `CassetteNotFound`, `CorruptCassette`, `UnknownFormat`.
        """
        path = self.path(name)
        try:
            text = CassetteFile(path).read()
        except CassetteNotFound:
            raise self._not_found(name) from None
        return decode(text, str(path), self._matcher.with_more(match))

    def check_writable(self) -> None:
        """Raise `CassetteNotWritable` when no file can be made in the folder; the folder is made if need be."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder):
                pass
        except OSError as error:
            raise CassetteNotWritable(
                f"Cannot write to the cassette folder {self._folder}: {error.strerror}. "
                "Make it writable, or choose another with --dir."
            ) from error

    def tape(self, name: str) -> "FileTape":
        """Open a cassette for writing; the file comes to be with its first interaction.

        Raises `Refusal` for a name that the gate does not let through.
        """
        tape = FileTape(CassetteFile(self._path_to_write(name).resolve(), syncs=self._syncs), self.admit)
        self._tapes.add(tape)
        return tape

    def admit(self, interaction: Interaction) -> bytes:
        """Lay out an interaction that may be written; raises `NotStorable`, or another `CassetteError`."""
        for where, data in _recorded_parts(interaction):
            self.gate.inspect(where, data)
        encoded = encode_interaction(interaction)
        decode_interaction(orjson.loads(encoded), "the answer")  # what could not be read back must not spoil the file
        return layout.element(encoded)

    def create(self, name: str, elements: list[bytes]) -> None:
        """Write a new cassette of laid-out interactions, all of them or nothing.

        Raises `CassetteNotWritable`, also when there is one of that name, and `Refusal` as `tape` does.
        """
        create(self._path_to_write(name), layout.compose(elements))

    def _path_to_write(self, name: str) -> Path:
        if not self.gate.lets_pass(name):
            raise Refusal("The cassette name holds a credential.", code="invalid_cassette_name")
        return self.path(name)

    @property
    def waiting(self) -> int:
        """How many recordings wait to be written."""
        return sum(tape.waiting for tape in self._tapes)

    def _not_found(self, name: str) -> CassetteNotFound:
        return CassetteNotFound(f"There is no cassette {name!r} in {self._folder}.{self._suggest(name)}")

    def _suggest(self, name: str) -> str:
        names = self.names()
        close = get_close_matches(name, names, n=3, cutoff=0.5) or names[:10]
        return f" There are: {', '.join(close)}." if close else " The folder holds no cassette yet."


class FileTape:
    """A cassette file opened for writing; writers that wait at the same time share one write."""

    def __init__(self, file: CassetteFile, admit: Callable[[Interaction], bytes]) -> None:
        self._admit = admit
        self._file = file
        self._commits: GroupCommit[Edit] = GroupCommit(file.apply, file.append_at_once)

    @property
    def version(self) -> object:
        """The version of the cassette that is known, with all that was recorded here since, and nothing else."""
        return self._file.version

    @version.setter
    def version(self, version: object) -> None:
        self._file.version = version

    @property
    def waiting(self) -> int:
        """How many recordings wait to be written."""
        return self._commits.waiting

    async def append(self, interaction: Interaction) -> None:
        """Record one interaction at the end; raises `NotStorable` or another `CassetteError`."""
        await self._commits.commit(Edit(None, self._admit(interaction)))

    async def replace(self, earlier: Interaction, interaction: Interaction) -> None:
        """Record one interaction in the place of an earlier one, or at the end when that is gone."""
        await self._commits.commit(Edit(_laid_out(earlier), self._admit(interaction)))

    async def remove(self, earlier: Interaction) -> None:
        """Take an earlier recording out, if it is still there."""
        await self._commits.commit(Edit(_laid_out(earlier), None))


def _is_name(name: str) -> bool:
    try:
        return checked_name(name) == name
    except Refusal:
        return False


def _recorded_parts(interaction: Interaction) -> Iterator[tuple[str, bytes]]:
    """Give all that the interaction adds to a cassette, decompressed; raises `OpaqueBody`."""
    address = f"{interaction.request.method} {interaction.request.target}"
    yield "the address", address.encode("utf-8", "surrogateescape")
    for name, message in (("request", interaction.request), ("response", interaction.response)):
        values = "\n".join(message.headers.values())
        yield f"the headers of the {name}", values.encode("utf-8", "surrogateescape")
        body = decompressed(message.body, message.headers.get("content-encoding", ""))
        if body is None:
            raise OpaqueBody(f"the body of the {name}")
        yield f"the body of the {name}", body


def _laid_out(interaction: Interaction) -> bytes:
    return layout.element(encode_interaction(interaction))
