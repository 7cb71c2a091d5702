"""`runproxy check`: metadata against the limits and the rules, without a proxy."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runproxy.cli.group import FROM_ENVIRONMENT
from runproxy.cli.output import counted, on_one_line
from runproxy.cli.rules import enforce_option, policy_option, team_option

if TYPE_CHECKING:
    from runproxy.guard import Judge
    from runproxy.routes import Route
    from runproxy.violations import Judgement


@click.command(context_settings=FROM_ENVIRONMENT)
@click.argument("files", metavar="FILE|-...", nargs=-1, required=True)
@click.option(
    "--as",
    "kind",
    type=click.Choice(["auto", "metadata", "body"]),
    default="auto",
    show_default=True,
    help="What FILE holds; auto takes an object with a metadata object or null in it for a whole body.",
)
@click.option("--route", metavar="NAME", help="Take FILE for a whole body of this route.")
@policy_option
@team_option
@enforce_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
def check(
    *,
    files: tuple[str, ...],
    kind: str,
    route: str | None,
    policy: str | None,
    team: str | None,
    enforce_limits: bool | None,
    as_json: bool,
) -> None:
    """Check metadata objects, or whole request bodies, against the API's limits and your rules.

    The rules are those of --policy, else of the settings file (RUNPROXY_CONFIG, or runproxy.toml here) if there is one.
    Exit code 0: nothing is refused; 1: violations, listed; 2: a file cannot be read, or the rules cannot.

    \b
    Example:
      echo '{"user_id": "user_abc123"}' | runproxy check -
      runproxy check --policy policy.toml --team search metadata/*.json
    """
    from runproxy.cli.rules import find_judge, find_route

    checker = _Checker(
        find_judge(policy, team, enforce_limits), "body" if route else kind, find_route(route or "modify_run"), team
    )
    results = [checker.check(file, _read(file)) for file in files]
    if as_json:
        click.echo(json.dumps({"ok": all(result.is_ok for result in results), "files": [r.as_json() for r in results]}))
    else:
        for result in results:
            _print(result)
    if not all(result.is_ok for result in results):
        sys.exit(1)


@dataclass(frozen=True, slots=True)
class _Result:
    """What is said of one file; `refusal` is a code and a message where limits were not even looked at."""

    file: str
    judgement: "Judgement | None" = None
    refusal: tuple[str, str] | None = None

    @property
    def is_ok(self) -> bool:
        return self.judgement is not None and not self.judgement.violations

    def as_json(self) -> dict[str, object]:
        found = self.judgement
        violations = [asdict(violation) for violation in found.violations] if found else []
        if self.refusal:
            code, message = self.refusal
            violations = [{"code": code, "param": None, "message": message, "limit": None, "actual": None}]
        warnings = [asdict(warning) for warning in found.warnings] if found else []
        return {"file": self.file, "ok": self.is_ok, "violations": violations, "warnings": warnings}


@dataclass(frozen=True, slots=True)
class _Checker:
    judge: "Judge"
    kind: str
    route: "Route"
    team: str | None

    def check(self, file: str, text: bytes) -> _Result:
        from runproxy import strictjson
        from runproxy.errors import MalformedJson, Refusal

        try:
            return _Result(file, self._judge(strictjson.parse(text)))
        except MalformedJson:
            return _Result(file, refusal=("invalid_json", _where_not_json(text)))
        except Refusal as error:
            return _Result(file, refusal=(error.code or "", error.message))

    def _judge(self, value: object) -> "Judgement":
        from runproxy.guard import body_object

        is_body = isinstance(value, dict) and isinstance(value.get("metadata", ""), dict | None)
        if self.kind == "metadata" or (self.kind == "auto" and not is_body):
            return self.judge.judge_metadata(value, team=self.team)
        return self.judge.judge_body(self.route, body_object(value), self.team)


def _print(result: _Result) -> None:
    warnings = result.judgement.warnings if result.judgement else ()
    lines = [f"{result.refusal[0]}: {result.refusal[1]}"] if result.refusal else []
    if result.judgement:
        lines += [f"{found.code}: {found.message}" for found in result.judgement.violations]
    lines += [f"warning: {found.code}: {found.message}" for found in warnings]
    if result.is_ok:
        lines.append(f"passes, with {counted(len(warnings), 'warning')}" if warnings else "within limits")
    for line in lines:
        click.echo(on_one_line(f"{result.file}: {line}"))


def _where_not_json(text: bytes) -> str:
    """Say where text stops being JSON, which it is not."""
    import orjson

    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return f"not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}."
    raise RuntimeError("text that was refused as no JSON is JSON")  # pragma: no cover


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{file}: cannot be read: {error.strerror}.") from error
