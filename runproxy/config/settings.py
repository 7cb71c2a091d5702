"""What can be set, and the defaults."""

from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from runproxy.attribution import Attribution, AttributionSettings
from runproxy.audit.settings import AuditSettings
from runproxy.backends.faults import Entry
from runproxy.backends.paced import checked_timing
from runproxy.cassettes.difference import Ignoring
from runproxy.cassettes.drift import KINDS, Kind
from runproxy.config.faults import Faults, FaultSettings, entries_of
from runproxy.durations import checked_duration, parse_duration
from runproxy.matching import MatchSettings
from runproxy.policy import Policies, PolicySettings
from runproxy.redaction import RedactSettings
from runproxy.routes import BY_NAME, KNOWN, Route, RouteTable
from runproxy.sections import Section
from runproxy.upstream import EXAMPLES, ConnectionSettings, Profile, ProfileName, UpstreamSettings

_Port = Annotated[int, Field(ge=0, le=65535)]
_Seconds = Annotated[float, Field(gt=0)]


ALL_ROUTES: Final = "all"


def _known_names(names: tuple[str, ...]) -> tuple[str, ...]:
    unknown = sorted(set(names) - BY_NAME.keys() - {ALL_ROUTES})
    if unknown:
        there_are = ", ".join((ALL_ROUTES, *(route.name for route in KNOWN)))
        raise ValueError(f"there is no route {', '.join(map(repr, unknown))}; there are {there_are}")
    return names


def _pointers(pointers: tuple[str, ...]) -> tuple[str, ...]:
    Ignoring.parse(pointers)  # raises
    return pointers


def _split(names: object) -> object:
    """Take names from one text, as a flag or a variable gives them."""
    return tuple(name.strip() for name in names.split(",")) if isinstance(names, str) else names


class ListenSettings(Section):
    """Where runproxy listens."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """The address to listen on."""
    port: _Port = 8787
    """The port to listen on; 0 takes any free one."""
    admin_port: _Port = 8788
    """The port for health, figures and the admin API; 0 takes any free one."""
    admin_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """The address of the admin listener; on any that is not this machine's own, a token is asked for."""
    admin_hosts: Annotated[tuple[str, ...], BeforeValidator(_split)] = ()
    """Names by which the admin listener may be called, beside those of this machine."""
    admin_token_file: str = ""
    """A file that holds the token of the admin API; empty for none, or for that in RUNPROXY_ADMIN_TOKEN."""
    ready_file: str = ""
    """A JSON file with url, admin_url and pid, there for as long as connections are accepted; empty for none."""
    tls_cert: str = ""
    """A PEM file with the certificate chain to speak TLS with; empty for plain HTTP."""
    tls_key: str = ""
    """A PEM file with the private key of the certificate."""
    unix_socket: str = ""
    """The path of a unix socket to listen on, in place of host and port; empty for none."""
    unix_socket_mode: Annotated[str, Field(pattern=r"^0?[0-7]{3}$")] = "600"
    """Who may connect to the unix socket, as chmod writes it."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """How many processes answer calls; more than one where one processor is not enough."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if bool(self.tls_cert) != bool(self.tls_key):
            missing = "tls_key" if self.tls_cert else "tls_cert"
            raise ValueError(f"TLS needs both a certificate and its key; {missing} is missing")
        if self.tls_cert and self.unix_socket:
            raise ValueError("TLS is for addresses; a unix socket is guarded by unix_socket_mode")
        return self


class CassetteSettings(Section):
    """Which cassettes are used, and how they are played."""

    dir: str = "cassettes"
    """The folder that holds the cassettes."""
    default: str = "default"
    """The cassette for calls that name none."""
    on_exhausted: Literal["last", "error", "cycle"] = "last"
    """What answers a call after its last recording: that one again, a miss, or the first one."""
    timing: Annotated[str, AfterValidator(checked_timing)] = "none"
    """At which pace recordings are played: "none", "recorded", "scaled:0.1" or "fixed:20ms"."""
    max_recorded_body_bytes: Annotated[int, Field(ge=1)] = 16 * 1024 * 1024
    """The longest body recorded: a longer stream passes unrecorded, of a longer request body a digest is recorded."""
    max_age: Annotated[str, AfterValidator(checked_duration)] = ""
    """How old a recording may be, such as "90d" or "12h"; empty for any age. Age counts from the recording."""
    on_expired: Literal["warn", "error"] = "warn"
    """What becomes of a recording that is too old: it is given with a warning, or is a miss. It is never renewed."""
    session_idle_s: _Seconds = 600.0
    """How long a session may go without a call before it ends by itself, in seconds."""
    durability: Literal["process", "power"] = "process"
    """What an acknowledged recording outlives: the end of the process, or a loss of power too, which is slower."""
    usage_file: str = ""
    """A JSON file that tells in the end which recordings have answered no call; empty for none."""
    on_record_error: Literal["answer", "fail"] = "answer"
    """What becomes of a call that cannot be recorded: its answer, marked as unrecorded, or 507 in its place."""

    @property
    def oldest(self) -> timedelta | None:
        """How old a recording may be; None for any age."""
        return parse_duration(self.max_age) if self.max_age else None


class LimitSettings(Section):
    """How much and how long."""

    max_body_bytes: Annotated[int, Field(ge=1)] = 16 * 1024 * 1024
    """The largest body of a guarded request; a larger one is answered with 413. Other bodies may be of any length."""
    enforce: bool = True
    """Refuse metadata beyond the limits of the API; where this is off, such calls pass with a warning."""
    idle_s: _Seconds = 75.0
    """How long a connection may stay open without a call, and how long the head of a request may take, in seconds."""
    body_s: _Seconds = 30.0
    """How long a guarded request's body may take to arrive, and any other body may pause, in seconds; else 408."""
    send_s: _Seconds = 30.0
    """How long a client may take nothing of its answer, in seconds; then its connection is reset."""
    max_connections: Annotated[int, Field(ge=1)] = 1000
    """How many connections there may be at a time, in each worker; further ones are answered with 503."""
    max_concurrent: Annotated[int, Field(ge=1)] = 500
    """How many calls may be answered at a time, in each worker; further ones wait a moment, then get 503."""
    queue_s: Annotated[float, Field(ge=0)] = 1.0
    """How long a call beyond max_concurrent may wait for another one to end, in seconds."""
    connect_s: _Seconds = 10.0
    """How long a connection to the upstream may take, in seconds."""
    upstream_s: _Seconds = 600.0
    """How long a call to the upstream may take, of a stream until it begins, in seconds; the SDKs wait as long."""
    read_s: _Seconds = 600.0
    """How long a stream from the upstream may pause, in seconds."""
    drain_s: _Seconds = 10.0
    """How long calls in flight may take to end once runproxy is told to stop, in seconds."""
    drain_notice_s: Annotated[float, Field(ge=0)] = 0.0
    """How long calls are taken still once runproxy is told to stop and says that it is not ready, in seconds."""


class GuardSettings(Section):
    """Which calls the guard looks at."""

    routes: Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_known_names)] = ("modify_run",)
    """The routes of the API that are guarded, by name, or "all"; docs/guard.md lists them."""
    other_routes: Literal["forward", "deny"] = "forward"
    """What becomes of calls to addresses that are not guarded: they pass unlooked at, or are answered with 404."""
    policy_file: str = ""
    """A TOML file that holds the policy, in place of the tables below [policy] here; empty for none."""


_Method = Annotated[str, Field(pattern=r"^[A-Z]+$")]


class RouteSettings(Section):
    """A route of your own to guard, or to let through where other routes are denied."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """A name for it."""
    path: str
    """The end of its path, such as "/items/{item_id}"."""
    method: _Method = "POST"
    """The method whose body is guarded."""
    metadata: tuple[str, ...] = ("/metadata",)
    """JSON pointers to metadata objects in the body, with * for every item of an array; [] lets all bodies pass."""
    creates: bool = False
    """Whether a call makes something new, so that a policy's required keys are asked for even without metadata."""
    unguarded_methods: tuple[_Method, ...] = ()
    """Other methods that pass on the same path, without a body; GET and HEAD always do."""

    def as_route(self) -> Route:
        """Make a route of it; raises `ValueError` for a path or a pointer that is none."""
        return Route(
            self.name,
            self.method,
            self.path,
            self.metadata,
            creates=self.creates,
            unguarded_methods=self.unguarded_methods,
        )

    @model_validator(mode="after")
    def _is_route(self) -> Self:
        if self.metadata and self.method in ("GET", "HEAD"):
            raise ValueError(f"the body of a {self.method} is not looked at; name another method, or metadata = []")
        if self.method in self.unguarded_methods:
            raise ValueError(f"{self.method} is both guarded and among unguarded_methods")
        self.as_route()
        return self


class VerifySettings(Section):
    """What mode verify counts as drift between an answer and its recording."""

    kinds: Annotated[tuple[Kind, ...], BeforeValidator(_split)] = KINDS
    """The kinds of drift that are told of: status, shape (members and types) and values."""
    ignore: Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_pointers)] = ()
    """Places in the bodies of answers that may differ: JSON pointers, with * for any name or position."""


class LogSettings(Section):
    """What is logged to stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe messages to log."""
    format: Literal["console", "json"] = "console"
    """Readable lines, or one JSON object per line."""
    calls: bool = True
    """Log a line for every call; where this is off, only for those that were refused, failed or are warned of."""


class TracingSettings(Section):
    """Traces for OpenTelemetry."""

    enabled: bool = False
    """Make spans of calls, and send them to where the OTEL_EXPORTER_OTLP_* variables say; needs runproxy[otel]."""


class Settings(Section):
    """Everything that can be set."""

    mode: Literal["replay", "record", "auto", "passthrough", "verify"] = "replay"
    """What is done with a call: replay, record, auto (replay what is known, record the rest), passthrough or verify."""
    upstream: str = ""
    """Where calls are forwarded to: a base URL such as "https://host/v1", or the name of a profile; empty for none."""
    allow_record_in_ci: bool = False
    """Let record and auto start where the environment says CI=true."""
    fault_seed: Annotated[int, Field(ge=0)] = 0
    """What decides which calls a fault strikes by chance; the same number gives the same faults."""
    upstreams: Annotated[dict[ProfileName, UpstreamSettings], Field(examples=[EXAMPLES])] = Field(default_factory=dict)
    """Profiles: upstreams by names of their own, for upstream = "NAME"."""
    connection: ConnectionSettings = ConnectionSettings()
    """How an upstream that is given by its URL is connected to; profiles have settings of their own."""
    listen: ListenSettings = ListenSettings()
    """Where runproxy listens."""
    cassettes: CassetteSettings = CassetteSettings()
    """Which cassettes are used, and how they are played."""
    limits: LimitSettings = LimitSettings()
    """How much and how long."""
    guard: GuardSettings = GuardSettings()
    """Which calls the guard looks at."""
    routes: tuple[RouteSettings, ...] = ()
    """Routes of your own to guard, or to let through where other routes are denied."""
    policy: PolicySettings = PolicySettings()
    """The organisation's own rules on metadata."""
    attribution: AttributionSettings = AttributionSettings()
    """How calls are attributed to teams."""
    match: MatchSettings = MatchSettings()
    """How calls are compared with recordings; a cassette can say more of it."""
    verify: VerifySettings = VerifySettings()
    """What mode verify counts as drift between an answer and its recording."""
    audit: AuditSettings = AuditSettings()
    """What is written down of the calls to guarded routes, and for how long."""
    redact: RedactSettings = RedactSettings()
    """What is redacted in recordings, beyond what always is."""
    faults: Faults = ()
    """Faults that strike calls on demand, so that clients can be tested with them."""
    log: LogSettings = LogSettings()
    """What is logged to stderr."""
    tracing: TracingSettings = TracingSettings()
    """Traces for OpenTelemetry."""

    @property
    def profile(self) -> Profile | None:
        """The upstream that is chosen; None for none. Raises `ConfigError` for what is neither URL nor profile."""
        return Profile.choose(self.upstream, self.upstreams, self.connection) if self.upstream else None

    @property
    def profiles(self) -> list[Profile]:
        """All upstreams that can be used: those that have a name, and the chosen one."""
        named = [Profile.choose(name, self.upstreams, self.connection) for name in self.upstreams]
        chosen = self.profile
        return [*named, chosen] if chosen and not chosen.name else named

    def route_table(self) -> RouteTable:
        """Make the table of what is guarded; raises `ValueError` for routes that could not be told apart."""
        names = self.guard.routes
        chosen = KNOWN if ALL_ROUTES in names else tuple(BY_NAME[name] for name in names)
        return RouteTable((*chosen, *(route.as_route() for route in self.routes)))

    def fault_entries(self, faults: tuple[FaultSettings, ...]) -> tuple[Entry, ...]:
        """Make what strikes of faults; raises `ValueError` for one on a route that there is not."""
        return entries_of(faults, (route.as_route() for route in self.routes))

    @model_validator(mode="after")
    def _one_process_suffices(self) -> Self:
        """Refuse with several workers what only one process can keep count of."""
        kept = {"faults": self.faults, "cassettes.usage_file": self.cassettes.usage_file}
        counted = [name for name, value in kept.items() if value]
        if self.listen.workers > 1 and counted:
            raise ValueError(
                f"listen.workers: {counted[0]} needs one process that counts all calls; set workers to 1, "
                "or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _rules_can_be_made(self) -> Self:
        for place, make in (
            ("routes", self.route_table),
            ("policy", lambda: Policies.of(self.policy)),
            ("attribution.teams", lambda: Attribution(self.attribution)),
            ("faults", lambda: self.fault_entries(self.faults)),
        ):
            try:
                make()
            except ValueError as error:
                raise ValueError(f"{place}: {error}") from None
        if self.guard.policy_file and self.policy != PolicySettings():
            raise ValueError("the policy is both here, below [policy], and in guard.policy_file; keep one of them")
        return self

    @model_validator(mode="after")
    def _connection_is_used(self) -> Self:
        if self.upstream in self.upstreams and self.connection != ConnectionSettings():
            raise ValueError(
                f"connection: goes with an upstream that is given by its URL; [upstreams.{self.upstream}] has settings "
                "of its own for that"
            )
        return self
