"""`opsbook completion SHELL`: the script that a shell sources."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from opsbook.cli.shared_options import common_options
from opsbook.cli.state import State, pass_state
from opsbook.errors import Bug


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@common_options
@pass_state
def completion(_state: State, shell: str) -> None:
    """The completion script for bash, zsh or fish.

    \b
    bash   opsbook completion bash > ~/.local/share/bash-completion/completions/opsbook
    zsh    opsbook completion zsh > "${fpath[1]}/_opsbook"
    fish   opsbook completion fish > ~/.config/fish/completions/opsbook.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise Bug(f"click knows no completion for {shell}")
    from opsbook.cli.main import COMPLETION
    from opsbook.cli.workbook import cli

    click.echo(kind(cli, {}, "opsbook", COMPLETION).source())
