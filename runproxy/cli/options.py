"""The options that servers share, and how they become settings."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from runproxy.cli.completing import cassettes, files, folders

_Command = TypeVar("_Command", bound=Callable[..., Any])

# Where a flag's value goes in the settings.
PLACES: Final = {
    "mode": "mode",
    "upstream": "upstream",
    "allow_record_in_ci": "allow_record_in_ci",
    "fault_seed": "fault_seed",
    "ca_file": "connection.ca_file",
    "client_cert": "connection.client_cert",
    "client_key": "connection.client_key",
    "http_proxy": "connection.http_proxy",
    "http_proxy_credential_env": "connection.http_proxy_credential_env",
    "host": "listen.host",
    "port": "listen.port",
    "admin_port": "listen.admin_port",
    "admin_host": "listen.admin_host",
    "admin_hosts": "listen.admin_hosts",
    "admin_token_file": "listen.admin_token_file",
    "ready_file": "listen.ready_file",
    "tls_cert": "listen.tls_cert",
    "tls_key": "listen.tls_key",
    "unix_socket": "listen.unix_socket",
    "unix_socket_mode": "listen.unix_socket_mode",
    "workers": "listen.workers",
    "dir": "cassettes.dir",
    "cassette": "cassettes.default",
    "on_exhausted": "cassettes.on_exhausted",
    "timing": "cassettes.timing",
    "max_recorded_body_bytes": "cassettes.max_recorded_body_bytes",
    "max_age": "cassettes.max_age",
    "on_expired": "cassettes.on_expired",
    "session_timeout": "cassettes.session_idle_s",
    "durability": "cassettes.durability",
    "usage_file": "cassettes.usage_file",
    "on_record_error": "cassettes.on_record_error",
    "max_body_bytes": "limits.max_body_bytes",
    "enforce_limits": "limits.enforce",
    "idle_timeout": "limits.idle_s",
    "body_timeout": "limits.body_s",
    "send_timeout": "limits.send_s",
    "max_connections": "limits.max_connections",
    "max_concurrent": "limits.max_concurrent",
    "queue_timeout": "limits.queue_s",
    "connect_timeout": "limits.connect_s",
    "upstream_timeout": "limits.upstream_s",
    "read_timeout": "limits.read_s",
    "drain_timeout": "limits.drain_s",
    "drain_notice": "limits.drain_notice_s",
    "guard_routes": "guard.routes",
    "other_routes": "guard.other_routes",
    "policy": "guard.policy_file",
    "drift_kinds": "verify.kinds",
    "ignore_drift": "verify.ignore",
    "audit_store": "audit.store",
    "audit_modes": "audit.modes",
    "audit_on_error": "audit.on_error",
    "audit_values": "audit.store_values",
    "audit_key_file": "audit.key_file",
    "audit_max_age": "audit.max_age",
    "audit_max_mb": "audit.max_mb",
    "audit_archive": "audit.archive",
    "log_level": "log.level",
    "log_format": "log.format",
    "log_calls": "log.calls",
    "tracing": "tracing.enabled",
}

_upstream = (
    click.option("--upstream", metavar="URL", help="Base URL that calls are forwarded to, or a profile's name."),
    click.option(
        "--ca-file",
        metavar="FILE",
        shell_complete=files,
        help="PEM file of authorities to trust.  [default: the system's]",
    ),
    click.option(
        "--client-cert",
        metavar="FILE",
        shell_complete=files,
        help="PEM file with a certificate to show to the upstream.",
    ),
    click.option(
        "--client-key", metavar="FILE", shell_complete=files, help="PEM file with its key.  [default: in the same file]"
    ),
    click.option("--http-proxy", metavar="URL", help="HTTP proxy on the way.  [default: none, never the system's]"),
    click.option("--http-proxy-credential-env", metavar="NAME", help="Variable with the proxy's user:password."),
)
mode_option = click.option(
    "--mode",
    type=click.Choice(["replay", "record", "auto", "passthrough", "verify"]),
    help="What is done with a call.  [default: replay]",
)
ci_option = click.option("--allow-record-in-ci", is_flag=True, default=None, help="Record even where CI=true.")
dir_option = click.option(
    "--dir", metavar="DIR", shell_complete=folders, help="Folder that holds the cassettes.  [default: cassettes]"
)

config_option = click.option(
    "--config",
    "config_path",
    envvar="RUNPROXY_CONFIG",
    metavar="FILE",
    shell_complete=files,
    help="Settings file.  [default: runproxy.toml]",
)

_listening = (
    click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1]"),
    click.option(
        "--ready-file",
        metavar="PATH",
        shell_complete=files,
        help="JSON file with URLs and pid, there while runproxy is ready.",
    ),
)
_serving = (
    config_option,
    click.option(
        "--cassette",
        metavar="NAME",
        shell_complete=cassettes,
        help="Cassette for calls that name none.  [default: default]",
    ),
    dir_option,
    *_listening,
    click.option(
        "--tls-cert", metavar="FILE", shell_complete=files, help="PEM file with the certificate chain: speak TLS."
    ),
    click.option("--tls-key", metavar="FILE", shell_complete=files, help="PEM file with the key of the certificate."),
    click.option(
        "--unix-socket",
        metavar="PATH",
        shell_complete=files,
        help="Unix socket to listen on, in place of host and port.",
    ),
    click.option("--unix-socket-mode", metavar="MODE", help="Who may connect to the unix socket.  [default: 600]"),
    click.option("--workers", type=click.IntRange(1, 64), metavar="N", help="Processes that answer.  [default: 1]"),
    click.option("--admin-port", type=click.IntRange(0, 65535), metavar="N", help="Port for health.  [default: 8788]"),
    click.option("--admin-host", metavar="ADDRESS", help="Address of the admin listener.  [default: 127.0.0.1]"),
    click.option("--admin-hosts", metavar="NAMES", help="Names the admin listener may be called by."),
    click.option(
        "--admin-token-file", metavar="FILE", shell_complete=files, help="File with the token of the admin API."
    ),
    click.option(
        "--on-exhausted",
        type=click.Choice(["last", "error", "cycle"]),
        help="What answers after the last recording of a call.  [default: last]",
    ),
    click.option("--timing", metavar="PACE", help="none, recorded, scaled:0.1 or fixed:20ms.  [default: none]"),
    click.option("--max-recorded-body-bytes", type=click.IntRange(1), metavar="N", help="Longest body recorded."),
    click.option("--max-age", metavar="AGE", help="How old a recording may be, such as 90d.  [default: any age]"),
    click.option(
        "--on-expired",
        type=click.Choice(["warn", "error"]),
        help="A recording that is too old: warn, or a miss.  [default: warn]",
    ),
    click.option("--session-timeout", type=float, metavar="S", help="Seconds a session may be idle.  [default: 600]"),
    click.option(
        "--durability",
        type=click.Choice(["process", "power"]),
        help="What a recording outlives: the process, or a loss of power.  [default: process]",
    ),
    click.option(
        "--usage-file",
        metavar="PATH",
        shell_complete=files,
        help="JSON file that tells in the end what was not played.",
    ),
    click.option(
        "--on-record-error",
        type=click.Choice(["answer", "fail"]),
        help="A call that cannot be recorded is answered and marked, or refused.  [default: answer]",
    ),
    click.option("--max-body-bytes", type=click.IntRange(1), metavar="N", help="Largest guarded body taken."),
    click.option(
        "--enforce-limits/--no-enforce-limits",
        default=None,
        help="Refuse metadata beyond the API's limits, or only warn.  [default: refuse]",
    ),
    click.option("--idle-timeout", type=float, metavar="S", help="Seconds without a call.  [default: 75]"),
    click.option("--body-timeout", type=float, metavar="S", help="Seconds for a request's body.  [default: 30]"),
    click.option("--send-timeout", type=float, metavar="S", help="Seconds a client may read nothing.  [default: 30]"),
    click.option("--max-connections", type=click.IntRange(1), metavar="N", help="Connections.  [default: 1000]"),
    click.option("--max-concurrent", type=click.IntRange(1), metavar="N", help="Calls at a time.  [default: 500]"),
    click.option("--queue-timeout", type=float, metavar="S", help="Seconds calls may wait for a place.  [default: 1]"),
    click.option("--connect-timeout", type=float, metavar="S", help="Seconds to connect upstream.  [default: 10]"),
    click.option("--upstream-timeout", type=float, metavar="S", help="Seconds for an answer.  [default: 600]"),
    click.option("--read-timeout", type=float, metavar="S", help="Seconds a stream may pause.  [default: 600]"),
    click.option("--drain-timeout", type=float, metavar="S", help="Seconds to end calls at a stop.  [default: 10]"),
    click.option("--drain-notice", type=float, metavar="S", help="Seconds to serve unready at a stop.  [default: 0]"),
    click.option("--guard-routes", metavar="NAMES", help="Routes to guard, or all.  [default: modify_run]"),
    click.option(
        "--other-routes", type=click.Choice(["forward", "deny"]), help="Calls that are not guarded.  [default: forward]"
    ),
    click.option(
        "--policy", metavar="FILE", shell_complete=files, help="TOML file with rules of your own on metadata."
    ),
    click.option(
        "--audit-store",
        metavar="FILE",
        shell_complete=files,
        help="Where calls are written down.  [default: .runproxy/audit.db]",
    ),
    click.option("--audit-modes", metavar="MODES", help="Whose calls are; none for none.  [default: all but replay]"),
    click.option(
        "--audit-on-error",
        type=click.Choice(["fail", "continue"]),
        help="A call that cannot be written down is refused, or goes on.  [default: fail]",
    ),
    click.option(
        "--audit-values",
        type=click.Choice(["full", "hashed", "keys_only"]),
        help="What is kept of values there.  [default: full]",
    ),
    click.option("--audit-key-file", metavar="FILE", shell_complete=files, help="Secret that values are hashed with."),
    click.option("--audit-max-age", metavar="AGE", help="How long calls are kept there.  [default: for ever]"),
    click.option("--audit-max-mb", type=click.IntRange(0), metavar="N", help="How large the file may become."),
    click.option(
        "--audit-archive",
        metavar="DIR",
        shell_complete=folders,
        help="Where calls are exported to before they are removed.",
    ),
    click.option("--fault-seed", type=click.IntRange(0), metavar="N", help="Seed of faults by chance.  [default: 0]"),
    click.option("--drift-kinds", metavar="KINDS", help="Drift that mode verify tells of.  [default: all kinds]"),
    click.option("--ignore-drift", metavar="POINTERS", help="JSON pointers to what may differ in mode verify."),
    click.option(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"]),
        help="Least severe messages to log.  [default: info]",
    ),
    click.option(
        "--log-format", type=click.Choice(["console", "json"]), help="Readable lines, or JSON.  [default: console]"
    ),
    click.option("--log-calls/--no-log-calls", default=None, help="A line for every call.  [default: log them]"),
    click.option("--tracing/--no-tracing", default=None, help="Send spans to OpenTelemetry.  [default: off]"),
)


def port_option(default: int) -> Callable[[_Command], _Command]:
    """Make the option for the port to listen on."""
    text = f"Port to listen on, 0 for any.  [default: {default}]"
    return click.option("--port", type=click.IntRange(0, 65535), metavar="N", help=text)


def listening_options(command: _Command) -> _Command:
    """Add what every server takes."""
    return _decorated(command, _listening)


def upstream_options(command: _Command) -> _Command:
    """Add what every forwarding command takes."""
    return _decorated(command, _upstream)


def serving_options(command: _Command) -> _Command:
    """Add what every proxying command takes."""
    return _decorated(command, (port_option(8787), *_serving))


def _decorated(command: _Command, options: tuple[Callable[[_Command], _Command], ...]) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command


def given(flags: dict[str, Any]) -> dict[str, Any]:
    """Nest the flags that were given, on the command line or in the environment, as settings are nested."""
    nested: dict[str, Any] = {}
    for flag, value in flags.items():
        if value is None:
            continue
        section, _, name = PLACES[flag].rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[name] = value
    return nested


def flag_for(place: str) -> str | None:
    """Name the flag that sets a place in the settings."""
    return next((f"--{flag.replace('_', '-')}" for flag, found in PLACES.items() if found == place), None)
