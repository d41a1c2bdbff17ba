"""A runbook as a command: its page is the help, its parameters come first, then the hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from opsbook.cli.headline import announce
from opsbook.cli.judged_here import are_judged, judge_here
from opsbook.cli.params import click_parameter, host_parameters
from opsbook.cli.shared_options import change_options, common_options, confirm_options, fleet_options, login_option
from opsbook.cli.state import State
from opsbook.errors import UsageError
from opsbook.page import Page
from opsbook.page.fields import Field, build, vet
from opsbook.page.outline import Outline

if TYPE_CHECKING:
    from opsbook.cli.selection import Wanted
    from opsbook.inventory import HostEntry
    from opsbook.runbook import Runbook

WRITERS = (change_options, confirm_options)
EVERYBODY = (fleet_options, common_options)


class RunbookCommand(click.Command):
    """One runbook on the command line."""

    def __init__(self, page: Page, outline: Outline, state: State) -> None:
        self.page, self.outline, self.fields, self.state = page, outline, outline.fields, state
        own = [*map(click_parameter, self.fields), *host_parameters()]
        self.own = {parameter.name for parameter in own}
        groups = EVERYBODY if page.risk == "reads" else (*WRITERS, *EVERYBODY)
        groups = (login_option, *groups) if outline.any_login else groups
        super().__init__(page.name, params=[*own, *_shared(groups)], short_help=page.title, help=page.title)

    def invoke(self, ctx: click.Context) -> int:
        """Check parameters and hosts, print the first line, and only then import what runs; return the exit code."""
        typed = {field.name: ctx.params[field.name] for field in self.fields if _is_typed(ctx, field.name)}
        self._judge(typed)
        hosts = self._hosts(ctx)
        announce(self.page.name, hosts, self.state)
        params = build(self._book.params, typed)
        from opsbook.cli.run_command import run_runbook

        return run_runbook(self._book, params, hosts, self.state)

    def _judge(self, typed: dict[str, Any]) -> None:
        """Raise UsageError for what is wrong in what was typed: it is told instead of a first line."""
        try:
            vet(self.fields, typed)
            if self.outline.picky and (typed or (self.page.risk == "reads" and are_judged(self.fields))):
                build(self._book.params, typed)     # what it refuses is told instead of a first line
            judge_here(self.fields, typed)
        except UsageError as error:
            error.next = error.next or f"opsbook {self.page.name} --help"
            raise

    @property
    def _book(self) -> Runbook:
        from opsbook.runbook import load

        return load(self.page)

    def _hosts(self, ctx: click.Context) -> list[HostEntry]:
        from opsbook.cli.login import logged_in
        from opsbook.cli.selection import check_names, choose

        inventory = self.state.inventory()
        services = check_names(inventory, self.fields, ctx.params)
        chosen = choose(inventory, self.outline.on or self._book.on, self._wanted(ctx), services)
        return [logged_in(host, self.state) for host in chosen]

    def _wanted(self, ctx: click.Context) -> Wanted:
        from opsbook.cli.selection import Wanted

        typed, run = Wanted(ctx.params["hosts"], ctx.params["group"], ctx.params["all_hosts"]), self.state.options.failed_of
        if run is None:
            return typed
        if typed != Wanted():
            raise UsageError("--failed-of names the hosts; leave the others out")
        from opsbook.cli.elsewhere import must_be_of_this_site
        from opsbook.cli.failed import failed_in
        from opsbook.journal import open_journal

        journal = open_journal(self.state.environment)
        row = journal.run(run)
        if row is not None:
            must_be_of_this_site(row, self.state, (self.page.name, "--failed-of", row.id))
        return Wanted(failed_in(journal, run))

    def format_help_text(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the page."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(self.page.title + ".")
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_dl(self.page.labels)

    def format_arguments(self, _ctx: click.Context, _formatter: click.HelpFormatter) -> None:
        """Leave the arguments to format_options, so that every version of click shows them alike."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments, the runbook's own options, and those that it shares with others."""
        mine = [parameter for parameter in self.params if parameter.name in self.own]
        shared = [parameter for parameter in self.get_params(ctx) if parameter.name not in self.own]
        _section(formatter, "Arguments", [_argument(field) for field in self.fields if field.is_argument] + [HOST])
        _section(formatter, "Options", _records(mine, ctx))
        _section(formatter, "Options of every run", _records(shared, ctx))


HOST = ("HOST...", "The hosts; may be left out when only one fits.")


def _is_typed(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def _shared(groups: Iterable[Callable[[Any], Any]]) -> list[click.Parameter]:
    command = click.Command("shared")
    for add in reversed(list(groups)):
        add(command)
    return command.params[::-1]     # decorators add from the bottom to the top


def _argument(field: Field) -> tuple[str, str]:
    return field.option.upper().replace("-", "_"), field.help or ", ".join(field.choices)


def _records(parameters: Iterable[click.Parameter], ctx: click.Context) -> list[tuple[str, str]]:
    found = (parameter.get_help_record(ctx) for parameter in parameters if isinstance(parameter, click.Option))
    return [record for record in found if record is not None]


def _section(formatter: click.HelpFormatter, title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)
