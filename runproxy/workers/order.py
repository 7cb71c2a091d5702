"""What a worker is told by its supervisor when it is started, and what it tells in return: each a line of JSON.

A worker stops when its standard input ends, whether its supervisor wants it to or has died.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from runproxy.config import Settings, make_settings


@dataclass(frozen=True, slots=True)
class Order:
    """Which worker it is, the descriptors of the sockets to listen on, their origin, and the folder that all share."""

    number: int
    sockets: tuple[int, ...]
    origin: str
    folder: Path

    def encode(self) -> bytes:
        """Print it as a line."""
        return orjson.dumps({**asdict(self), "folder": str(self.folder)}, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def decode(cls, line: bytes) -> "Order":
        """Read a line that `encode` has printed; raises `ValueError` for any other."""
        try:
            told: dict[str, Any] = orjson.loads(line)
            return cls(told["number"], tuple(told["sockets"]), told["origin"], Path(told["folder"]))
        except (KeyError, TypeError) as error:
            raise ValueError("that is no order") from error

    @property
    def admin_socket(self) -> Path:
        """Where the worker tells its supervisor of itself."""
        return self.folder / f"{self.number}.sock"


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker answers calls below `base_path`; `is_loaded` tells whether the default cassette is in use."""

    base_path: str
    is_loaded: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker has ended in good order; `calls` are those it has answered, by outcome.

    In mode verify, `has_drifted` tells whether an answer differed from its recording.
    """

    calls: dict[str, int]
    has_drifted: bool = False


def encode(told: Ready | Ended) -> bytes:
    """Print what a worker tells as a line."""
    return orjson.dumps({type(told).__name__: asdict(told)}, option=orjson.OPT_APPEND_NEWLINE)


def decode(line: bytes) -> Ready | Ended | None:
    """Read what a worker tells; None for a line that is something else."""
    try:
        ((name, told),) = orjson.loads(line).items()
        return Ready(**told) if name == Ready.__name__ else Ended(**told)
    except (ValueError, AttributeError, TypeError):
        return None


def write_settings(folder: Path, settings: Settings) -> None:
    """Put the settings where workers read them, so that one that starts later has the same as all others."""
    fresh = folder / "settings.tmp"
    fresh.write_text(settings.model_dump_json(by_alias=True), encoding="utf-8")
    fresh.replace(_settings_file(folder))


def read_settings(folder: Path) -> Settings:
    """Read what `write_settings` has put there."""
    path = _settings_file(folder)
    return make_settings(orjson.loads(path.read_bytes()), str(path))


def _settings_file(folder: Path) -> Path:
    return folder / "settings.json"
