"""`runproxy check`: metadata against the limits and the rules, without a proxy."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runproxy.cli.completing import files, routes
from runproxy.cli.group import FROM_ENVIRONMENT, is_quiet, quiet_option, warn
from runproxy.cli.output import counted, findings_option, json_option, on_one_line
from runproxy.cli.rules import enforce_option, policy_option, team_option

if TYPE_CHECKING:  # loaded by the command itself
    import orjson

    from runproxy.cli.findings import Finding, Level
    from runproxy.guard import Judge
    from runproxy.positions import Position, Steps
    from runproxy.routes import Route
    from runproxy.violations import Judgement


@click.command(context_settings=FROM_ENVIRONMENT)
@click.argument("files", metavar="FILE|-...", nargs=-1, required=True, shell_complete=files)
@click.option(
    "--as",
    "kind",
    type=click.Choice(["auto", "metadata", "body"]),
    default="auto",
    show_default=True,
    help="What FILE holds; auto takes an object with a metadata object or null in it for a whole body.",
)
@click.option("--route", metavar="NAME", shell_complete=routes, help="Take FILE for a whole body of this route.")
@policy_option
@team_option
@enforce_option
@findings_option
@json_option
@quiet_option
def check(
    *,
    files: tuple[str, ...],
    kind: str,
    route: str | None,
    policy: str | None,
    team: str | None,
    enforce_limits: bool | None,
    form: str,
    as_json: bool,
) -> None:
    """Check metadata objects, or whole request bodies, against the API's limits and your rules.

    The rules are those of --policy, else of the settings file (RUNPROXY_CONFIG, or runproxy.toml here) if there is one.
    Exit code 0: nothing is refused; 1: violations, listed; 2: a file cannot be read, and the others are checked;
    or the rules cannot, and nothing is.

    Name files from the root of the repository for --format sarif and github: so they are told.

    \b
    Example:
      echo '{"user_id": "user_abc123"}' | runproxy check -
      runproxy check --policy policy.toml --team search metadata/*.json
    """
    from runproxy.cli.rules import find_judge, find_route

    checker = _Checker(
        find_judge(policy, team, enforce_limits), "body" if route else kind, find_route(route or "modify_run"), team
    )
    results: list[_Result] = []
    failed: list[str] = []
    for file in files:
        try:
            results.append(checker.check(file, _read(file)))
        except OSError as error:
            failed.append(f"{file}: cannot be read: {error.strerror}.")
    _print(results, failed, "json" if as_json else form)
    for message in failed:
        warn(on_one_line(f"Error: {message}"))
    if failed:
        sys.exit(2)
    if not all(result.is_ok for result in results):
        sys.exit(1)


@dataclass(frozen=True, slots=True)
class _Result:
    """What is said of one file; `refusal` is a code and a message where limits were not even looked at."""

    file: str
    text: bytes
    judgement: "Judgement | None" = None
    is_body: bool = False
    refusal: tuple[str, str] | None = None

    @property
    def is_ok(self) -> bool:
        return self.judgement is not None and not self.judgement.violations

    def ways(self, params: "list[str]") -> "list[Steps]":
        """Give the way to each parameter in the file."""
        from runproxy.cli.findings import steps_of

        value = json.loads(self.text)
        if self.is_body:
            return [steps_of(param, value) for param in params]
        return [steps_of(param, {"metadata": value})[1:] for param in params]

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
            value = strictjson.parse(text)
            is_body = self._is_body(value)
            return _Result(file, text, self._judge(value, is_body=is_body), is_body)
        except MalformedJson:
            found = _not_json(text)
            where = f"not valid JSON at line {found.lineno}, column {found.colno}: {found.msg}."
            return _Result(file, text, refusal=("invalid_json", where))
        except Refusal as error:
            return _Result(file, text, refusal=(error.code or "", error.message))

    def _is_body(self, value: object) -> bool:
        if self.kind == "auto":
            return isinstance(value, dict) and isinstance(value.get("metadata", ""), dict | None)
        return self.kind == "body"

    def _judge(self, value: object, *, is_body: bool) -> "Judgement":
        from runproxy.guard import body_object

        if not is_body:
            return self.judge.judge_metadata(value, team=self.team)
        return self.judge.judge_body(self.route, body_object(value), self.team)


def _print(results: list[_Result], failed: list[str], form: str) -> None:
    match form:
        case "json":
            is_ok = not failed and all(result.is_ok for result in results)
            told = {"ok": is_ok, "files": [result.as_json() for result in results], "errors": failed}
            click.echo(json.dumps(told))
        case "text":
            for result in results:
                _print_lines(result)
        case _:
            from runproxy.cli.findings import print_findings

            print_findings([found for result in results for found in _findings(result)], form, failed)


def _findings(result: _Result) -> "Iterator[Finding]":
    """Give what is wrong with a file, each with its position."""
    from runproxy.cli.findings import Finding
    from runproxy.positions import positions

    if result.refusal:
        code, message = result.refusal
        yield Finding(code, "error", result.file, message, "", _position_of_refusal(code, result.text))
    elif result.judgement:
        violations, warnings = result.judgement.violations, result.judgement.warnings
        ways = result.ways([found.param for found in violations + warnings])
        places = positions(result.text.decode(), ways)
        for number, (found, way) in enumerate(zip(violations + warnings, ways, strict=True)):
            level: Level = "error" if number < len(violations) else "warning"
            yield Finding(found.code, level, result.file, found.message, found.param, places[way])


def _print_lines(result: _Result) -> None:
    warnings = result.judgement.warnings if result.judgement else ()
    lines = [f"{result.refusal[0]}: {result.refusal[1]}"] if result.refusal else []
    if result.judgement:
        lines += [f"{found.code}: {found.message}" for found in result.judgement.violations]
    lines += [f"warning: {found.code}: {found.message}" for found in warnings]
    if result.is_ok and not is_quiet():
        lines.append(f"passes, with {counted(len(warnings), 'warning')}" if warnings else "within limits")
    for line in lines:
        click.echo(on_one_line(f"{result.file}: {line}"))


def _not_json(text: bytes) -> "orjson.JSONDecodeError":
    """Say where text stops being JSON, which it is not."""
    import orjson

    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return error
    raise RuntimeError("text that was refused as no JSON is JSON")  # pragma: no cover


def _position_of_refusal(code: str, text: bytes) -> "Position | None":
    """Say where a text has no single reading, or is no JSON; what has no place of its own has no position."""
    from runproxy.positions import Position, position_below, positions
    from runproxy.strictjson import MAX_DEPTH, find_ambiguity

    match code:
        case "invalid_json":
            error = _not_json(text)
            return Position(error.lineno, error.colno)
        case "nesting_too_deep":
            return position_below(MAX_DEPTH, text.decode())
        case _:
            found = find_ambiguity(text)
            return positions(text.decode(), [found.steps])[found.steps] if found else None


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    return Path(file).read_bytes()
