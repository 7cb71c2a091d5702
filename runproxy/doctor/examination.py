"""All checks, in order."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import orjson

from runproxy.composition.listening import tls_of
from runproxy.composition.redactors import make_matcher, make_redactor
from runproxy.composition.rules import make_rules
from runproxy.composition.side import make_access
from runproxy.composition.upstreams import connected
from runproxy.config import LimitSettings, ListenSettings, Settings, policy_in
from runproxy.doctor.answering import judge, judge_failure, question
from runproxy.doctor.finding import Finding, fail, ok, unusable, warn
from runproxy.doctor.here import check_exposure, check_folder, check_keys, check_port, check_socket
from runproxy.doctor.reaching import reach
from runproxy.doctor.recordings import check_recordings
from runproxy.doctor.redacting import check_redaction
from runproxy.errors import ConfigError, UpstreamError
from runproxy.messages import Request, make_headers
from runproxy.redaction import WriteGate
from runproxy.upstream import Address, Profile, Upstream

_PATIENCE_S: Final = 10.0
_ASIDE: Final = timedelta(minutes=5)
_FAR: Final = timedelta(days=1)
_UNCHECKED: Final = "Without that, the rest cannot be checked."


@dataclass(frozen=True, slots=True)
class Examination:
    """Checks whether runproxy can do what its settings ask for, which `read` gives.

    `now` tells the time in UTC, `canary` is a credential that was made up. A credential is sent only where
    `sends_credential`. `needs_upstream`: what is wrong with the upstream is a failure in every mode; else it is a
    warning where the mode is replay, which needs none.
    """

    read: Callable[[], Settings]
    now: Callable[[], datetime]
    canary: str
    sends_credential: bool = False
    needs_upstream: bool = False

    async def findings(self) -> AsyncIterator[Finding]:
        """Do all checks, one after the other."""
        try:
            settings = self.read()
            profile = settings.profile
        except ConfigError as error:
            yield unusable("config", error, _UNCHECKED)
            return
        yield ok("config", f"the settings are valid; mode {settings.mode}")
        for finding in self._here(settings):
            yield finding
        async for finding in self._ports(settings.listen):
            yield finding
        async for finding in self._upstream(settings, profile):
            yield finding

    def _here(self, settings: Settings) -> Iterator[Finding]:
        rules = _rules(settings)
        yield rules
        if rules.state == "ok":
            yield from check_keys(settings.listen.tls_key)
        yield check_folder(settings)
        try:
            redactor = make_redactor(settings.redact)
            matcher = make_matcher(settings.match, redactor)
        except ConfigError as error:
            yield unusable("redaction", error)
            return
        yield check_redaction(settings.redact, redactor, WriteGate(), self.canary, self.now())
        if Path(settings.cassettes.dir).is_dir():
            recordings, findings = check_recordings(settings, matcher)
            yield from findings
            yield from self._clock("the latest recording", recordings.latest, is_recording=True)

    async def _ports(self, listen: ListenSettings) -> AsyncIterator[Finding]:
        is_ours = await _is_runproxy(listen.admin_host, listen.admin_port)
        if listen.unix_socket:
            yield await asyncio.to_thread(check_socket, Path(listen.unix_socket), is_ours=is_ours)
        else:
            yield await asyncio.to_thread(check_port, "port", listen.host, listen.port, "--port", is_ours=is_ours)
        admin = ("admin port", listen.admin_host, listen.admin_port, "--admin-port")
        yield await asyncio.to_thread(check_port, *admin, is_ours=is_ours)

    async def _upstream(self, settings: Settings, profile: Profile | None) -> AsyncIterator[Finding]:
        if profile is None:
            yield _no_upstream(settings.mode)
            return
        is_needed = self.needs_upstream or settings.mode != "replay"
        for finding in check_exposure(settings, profile):
            yield finding
        async for finding in self._asked(profile):
            if finding.state != "fail" or is_needed:
                yield finding
            else:
                yield replace(finding, state="warn", means=f"{finding.means} Replay does not need it.")

    async def _asked(self, profile: Profile) -> AsyncIterator[Finding]:
        shown = f"{profile.name} ({profile.kind}): {profile.address}" if profile.name else str(profile.address)
        try:
            profile.check_certificates()
            profile.credential()
            wiring = profile.wiring()
        except ConfigError as error:
            yield unusable("upstream", error, _UNCHECKED)
            return
        yield ok("upstream", shown)
        for finding in check_keys(profile.connection.client_key or profile.connection.client_cert):
            yield finding
        has_failed = False
        async for finding in reach(profile.address.origin, wiring, _PATIENCE_S, self.now()):
            has_failed = has_failed or finding.state == "fail"
            yield finding
        if not has_failed:
            async for finding in self._answer(profile):
                yield finding

    async def _answer(self, profile: Profile) -> AsyncIterator[Finding]:
        sent = profile if self.sends_credential else _without_credentials(profile)
        limits = LimitSettings(connect_s=_PATIENCE_S, upstream_s=_PATIENCE_S)
        try:
            async with connected(sent, WriteGate(), limits) as upstream:
                response = await upstream.send(question(profile))
                if response.stream is not None:
                    await response.stream.aclose()
        except UpstreamError as error:
            withholds = bool(profile.connection.http_proxy_credential_env) and not self.sends_credential
            yield judge_failure(error, withholds_login=withholds)
            return
        yield judge(profile, response, sends_credential=bool(sent.credential_env))
        for finding in self._clock("the upstream", _date(response.headers.get("Date"))):
            yield finding

    def _clock(self, what: str, there: datetime | None, *, is_recording: bool = False) -> Iterator[Finding]:
        """Compare the clock with a time that must be about now, or, of a recording, before it."""
        if there is None:
            return
        ahead = there - self.now()
        off = max(ahead, timedelta()) if is_recording else abs(ahead)
        shown = f"{self.now():%Y-%m-%d %H:%M} UTC here, {there:%Y-%m-%d %H:%M} UTC by {what}"
        if off <= _ASIDE:
            yield ok("clock", shown)
            return
        means = "Recordings bear wrong times and expire at the wrong time, and certificates may seem invalid."
        tell = fail if off > _FAR else warn
        yield tell("clock", shown, means, "Set the clock of this machine.")


def _rules(settings: Settings) -> Finding:
    try:
        make_rules(settings, policy_in(settings))
        make_access(settings.listen)
        tls_of(settings.listen)
    except ConfigError as error:
        return unusable("rules", error)
    guarded = ", ".join([*settings.guard.routes, *(route.name for route in settings.routes)])
    return ok("rules", f"guarded: {guarded or 'nothing'}; files and secrets that the rules need are there")


def _no_upstream(mode: str) -> Finding:
    if mode == "replay":
        return ok("upstream", "there is none, and replay needs none")
    means = f"Mode {mode!r} forwards calls, and does not start."
    return fail("upstream", "there is none", means, "Name one: --upstream https://host/v1, or a profile.")


def _without_credentials(profile: Profile) -> Profile:
    held = profile.connection.model_copy(update={"http_proxy_credential_env": ""})
    return replace(profile, connection=held, credential_env="")


async def _is_runproxy(host: str, port: int) -> bool:
    """Tell whether a runproxy answers on the admin port."""
    if port == 0:
        return False
    with suppress(UpstreamError, ConfigError, orjson.JSONDecodeError):
        address = Address.read(f"http://{f'[{host}]' if ':' in host else host}:{port}")
        async with Upstream(address, connect_s=1.0, total_s=1.0) as asked:
            response = await asked.send(Request("GET", "/healthz", make_headers()))
        return bool(orjson.loads(response.body) == {"status": "ok"})
    return False


def _date(text: str | None) -> datetime | None:
    """Read the Date of an answer; None where there is none that can be read."""
    with suppress(TypeError, ValueError):
        found = parsedate_to_datetime(text or "")
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None
