"""`with runproxy.cassette("name") as proxy:`, and the same with `async with`."""

import os
from contextlib import ExitStack
from types import TracebackType

from runproxy.testing.options import Mode, OnExhausted, Options, Tables
from runproxy.testing.server import CassetteServer, watched
from runproxy.testing.session import CassetteSession


class CassetteContext:
    """A session on a server of its own, for as long as the context lasts; each time it is entered, another one."""

    def __init__(self, name: str, options: Options) -> None:
        self._name = name
        self._options = options
        self._entered: list[ExitStack] = []

    def __enter__(self) -> CassetteSession:
        with ExitStack() as stack:
            server = stack.enter_context(CassetteServer())
            session = stack.enter_context(watched(server.start(self._name, self._options)))
            self._entered.append(stack.pop_all())
        return session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._entered.pop().__exit__(kind, error, trace)

    # The server has a thread of its own, so any event loop will do, that of trio too; starting it takes milliseconds.
    async def __aenter__(self) -> CassetteSession:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


def cassette(
    name: str,
    *,
    mode: Mode = "replay",
    folder: str | os.PathLike[str] = "cassettes",
    upstream: str | None = None,
    match: Tables | None = None,
    policy: Tables | str | os.PathLike[str] | None = None,
    on_exhausted: OnExhausted = "error",
    allow_misses: bool = False,
    config: Tables | str | os.PathLike[str] | None = None,
) -> CassetteContext:
    """Play or record a cassette for as long as a `with` or an `async with` lasts.

    The context gives a `CassetteSession`, whose `base_url` clients are pointed to. When it ends without an error,
    `CassetteFailure` is raised if a call had no recorded answer, even when the client has swallowed that; otherwise
    what was recorded is written. When it ends with an error, nothing is written.

    - `mode`: "replay"; "record", which asks the upstream and renews the cassette; "auto", which replays what is known
      and records the rest; "verify", which compares the upstream with the cassette. Where the environment says CI=true,
      "record" and "auto" replay, unless `config` says `allow_record_in_ci`.
    - `folder` holds the cassettes; the file is `FOLDER/NAME.json`.
    - `upstream`: the base URL to forward to, or the name of a profile in `config`; `RUNPROXY_UPSTREAM` unless given.
    - `match`: how calls are compared with recordings, as in the table `[match]` of the settings.
    - `policy`: rules on metadata, as in `[policy]`, or the path of a file of them; in place of those in `config`.
    - `on_exhausted`: what answers a call after its last recording: "error" (a miss), "last" or "cycle".
    - `allow_misses`: a call without a recorded answer is no failure of the test.
    - `config`: settings that count, too: the path of a `runproxy.toml`, or tables as in one. No file is read unasked.

    Entering it raises `runproxy.ConfigError` for what cannot be used, and `runproxy.CassetteError` for a cassette that
    cannot be read; a cassette that is not there yet makes every call a miss.
    """
    return CassetteContext(name, Options(mode, folder, upstream, match, policy, on_exhausted, allow_misses, config))
