"""`runproxy completion`: what makes a shell complete commands, options, cassettes and misses."""

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the lines that make a shell complete `runproxy`: commands, options, cassettes, and misses.

    \b
    bash   eval "$(runproxy completion bash)"   in ~/.bashrc
    zsh    eval "$(runproxy completion zsh)"    in ~/.zshrc, after compinit
    fish   once, as below

    \b
    Example:
      runproxy completion fish > ~/.config/fish/completions/runproxy.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover - each shell of the choice has one
        raise click.UsageError(f"There is no completion for {shell}.")
    program = context.find_root().command
    # The text is the same whatever bash this is; asking it for its version, as source() does, needs one.
    made = kind(program, {}, "runproxy", "_RUNPROXY_COMPLETE")
    click.echo(made.source_template % made.source_vars())
