"""The workbook as a lazy group of commands: a command's module, and a runbook's file, is imported when it is used."""

from __future__ import annotations

import importlib

import click
from click.shell_completion import CompletionItem

from opsbook import __version__
from opsbook.cli.shared_options import change_options, common_options, confirm_options, fleet_options, login_option
from opsbook.cli.state import State, state_of
from opsbook.commands import COMMANDS
from opsbook.errors import UsageError
from opsbook.page import Page

VISIBLE = {"inventory", "lab", "json", "debug"}     # the others are shown with the commands that take them


class Workbook(click.Group):
    """The built-in commands and every runbook; a command's module is imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every name, runbooks first."""
        return [*(name for name in state_of(ctx).pages() if name not in COMMANDS), *COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, or None."""
        if cmd_name in COMMANDS:
            entry = COMMANDS[cmd_name]
            found: click.Command = getattr(importlib.import_module(entry.module), entry.function)
            return found
        page = state_of(ctx).pages().get(cmd_name)
        return runbook_command(page, state_of(ctx)) if page is not None else None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Return name, command and its arguments; raise UsageError with the nearest name, or for an option that it cannot honour."""
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None and not ctx.resilient_parsing:
            from opsbook.inventory import nearest

            raise UsageError(f'no command or runbook is called "{name}"', next=nearest(name, self.list_commands(ctx)))
        if command is not None:
            _honours(_leaf(ctx, command, args[1:]), state_of(ctx).given)
        return (name if command else None), command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the runbooks by chapter, then the commands."""
        found = {name: page for name, page in state_of(ctx).pages().items() if name not in COMMANDS}
        for chapter in dict.fromkeys(page.chapter for page in found.values()):
            with formatter.section(f"Runbooks: {chapter}" if chapter else "Runbooks"):
                formatter.write_dl([(name, _line(page)) for name, page in found.items() if page.chapter == chapter])
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options that every command takes."""
        records = [parameter.get_help_record(ctx) for parameter in self.get_params(ctx) if parameter.name in VISIBLE or parameter.is_eager]
        with formatter.section("Options, before or after the command"):
            formatter.write_dl([record for record in records if record is not None])
        self.format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer names with their titles, without importing anything."""
        titles = {name: entry.summary for name, entry in COMMANDS.items()}
        titles |= {name: page.title for name, page in state_of(ctx).pages().items()}
        offered = [CompletionItem(name, help=title) for name, title in sorted(titles.items()) if name.startswith(incomplete)]
        return offered if not incomplete.startswith("-") else click.Command.shell_complete(self, ctx, incomplete)


@click.group(cls=Workbook, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
@common_options
@confirm_options
@fleet_options
@change_options
@login_option
@click.pass_context
def cli(context: click.Context) -> None:
    """An operations workbook: every procedure is one command that proves its effect."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def runbook_command(page: Page, state: State) -> click.Command:
    """Return the command of a runbook; its file is read now and imported when it runs."""
    from opsbook.cli.runbook_command import RunbookCommand
    from opsbook.page.outline import outline

    return RunbookCommand(page, outline(page), state)


def _line(page: Page) -> str:
    return page.title if not page.broken else f"cannot be run: {page.broken}"


def _leaf(context: click.Context, command: click.Command, words: list[str]) -> click.Command:
    """Return the command that will run: of `history show RUN`, show."""
    for word in words:
        inner = command.get_command(context, word) if isinstance(command, click.Group) else None
        command = inner or command
    return command


def _honours(command: click.Command, given: set[str]) -> None:
    known = {parameter.name for parameter in command.params}
    for name in sorted(given - known):
        raise UsageError(f"opsbook {command.name} has no --{name.strip('_').replace('_', '-')}", next=f"opsbook {command.name} --help")
