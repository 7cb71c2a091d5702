"""What has been played of all cassettes, by whomever, and the report of it in the end."""

from collections.abc import Mapping
from pathlib import Path
from weakref import WeakValueDictionary

from runproxy.backends import Player
from runproxy.cassettes.usage import CassetteUsage, write_report
from runproxy.errors import ConfigError


class Played:
    """Brings together what several players have played of the same cassette, each with a cursor of its own."""

    def __init__(self) -> None:
        self._players: WeakValueDictionary[str, Player] = WeakValueDictionary()  # whoever uses one keeps it
        self._usages: dict[str, CassetteUsage] = {}

    def watch(self, name: str, player: Player) -> None:
        """Ask this player in the end; there is one for each cassette that calls without a session use."""
        self._players[name] = player

    def add(self, name: str, player: Player) -> None:
        """Take down what a player has played that is done."""
        usage = player.usage()
        if usage is None:
            return
        before = self._usages.get(name)
        if before is not None and before.digest == usage.digest:
            usage = usage.model_copy(update={"unused": tuple(sorted({*before.unused} & {*usage.unused}))})
        self._usages[name] = usage

    def check_writable(self, path: Path) -> None:
        """Write a report of nothing, so that one that cannot be written is told now; raises `ConfigError`."""
        _write(path, {})

    def write(self, path: Path) -> None:
        """Write the report of all that was played until now; raises `ConfigError`."""
        for name, player in self._players.items():
            self.add(name, player)
        _write(path, self._usages)


def _write(path: Path, usages: Mapping[str, CassetteUsage]) -> None:
    try:
        path.write_bytes(write_report(usages))
    except OSError as error:
        raise ConfigError(f"cassettes.usage_file: cannot write {path}: {error.strerror}.") from error
