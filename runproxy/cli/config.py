"""`runproxy config`: the settings file."""

import os
from pathlib import Path
from typing import Any

import click

from runproxy.cli.completing import files
from runproxy.cli.group import FROM_ENVIRONMENT, ErrorGroup, say
from runproxy.cli.options import config_option


@click.group(cls=ErrorGroup)
def config() -> None:
    """Write, show and check the settings file.

    \b
    Example:
      runproxy config init
    """


@config.command(context_settings=FROM_ENVIRONMENT)
@click.argument("file", default="runproxy.toml", shell_complete=files)
def init(file: str) -> None:
    """Write a settings file with every setting and its default; an existing file is left alone.

    \b
    Example:
      runproxy config init runproxy.toml
    """
    from runproxy.config import example
    from runproxy.errors import ConfigError

    try:
        with Path(file).open("x", encoding="utf-8") as out:
            out.write(example())
    except FileExistsError as error:
        raise ConfigError(f"{file}: is there already, and was left alone.") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {error.strerror}.") from error
    say(f"{file} written.")


@config.command(context_settings=FROM_ENVIRONMENT)
@config_option
def show(config_path: str | None) -> None:
    """Show the settings in force, and where each comes from.

    \b
    Example:
      runproxy config show
    """
    from rich.table import Table

    from runproxy.cli.output import plain_console
    from runproxy.cli.sources import with_sources

    table = Table("setting", "value", "from", box=None, pad_edge=False)
    for path, value, source in with_sources(config_path):
        table.add_row(path, repr(value), source)
    plain_console().print(table)


@config.command(context_settings=FROM_ENVIRONMENT)
@click.argument("file", required=False, shell_complete=files)
def validate(file: str | None) -> None:
    """Check a settings file; exit code 2 when something in it is wrong.

    \b
    Example:
      runproxy config validate runproxy.toml
    """
    from runproxy.audit.values import Keeping
    from runproxy.composition.redactors import make_redactor
    from runproxy.composition.rules import make_rules
    from runproxy.config import DEFAULT_FILE, find_file, make_settings, policy_in, read_file
    from runproxy.errors import ConfigError

    path = find_file(file or os.environ.get("RUNPROXY_CONFIG"))
    if path is None:
        raise ConfigError(f"There is no {DEFAULT_FILE} here. Name a file, or write one with 'runproxy config init'.")
    settings = make_settings(read_file(path), str(path))
    make_rules(settings, policy_in(settings))  # reads the files that it names, too
    make_redactor(settings.redact)
    Keeping.of(settings.audit)
    for profile in settings.profiles:
        profile.check_certificates()
    click.echo(f"{path}: valid")


@config.command(context_settings=FROM_ENVIRONMENT)
def schema() -> None:
    """Print the JSON Schema of the settings, for editors that complete and check TOML.

    \b
    Example:
      runproxy config schema > runproxy.schema.json
    """
    import json

    from runproxy.config import Settings

    document: dict[str, Any] = Settings.model_json_schema()
    click.echo(json.dumps(document, indent=2))
