"""What the shell offers on TAB: hosts, roles, services, runbooks; from files alone, never over the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from opsbook.cli.state import State
from opsbook.errors import UsageError
from opsbook.page.fields import EXPORTER, Field

if TYPE_CHECKING:
    from opsbook.inventory_file.names import Names

RUNS = 50       # so many are offered
Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def hosts(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the hosts that are not on the line yet."""
    typed = context.params.get("hosts") or ()
    return _offered(context, incomplete, lambda names: [name for name in names.hosts if name not in typed])


def roles(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the roles that some host has."""
    return _offered(context, incomplete, lambda names: names.roles)


def runbooks(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer the runbooks."""
    state = context.find_object(State)
    return [name for name in state.pages() if name.startswith(incomplete)] if state is not None else []


def runs(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the newest runs, with what they were."""
    state = context.find_object(State)
    return _runs(state, incomplete) if state is not None else []


def runs_here(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the newest runs of this site: those that can be undone from here."""
    state = context.find_object(State)
    try:
        return _runs(state, incomplete, state.inventory().site) if state is not None else []
    except UsageError:
        return []


def _runs(state: State, incomplete: str, site: str | None = None) -> list[CompletionItem]:
    from opsbook.journal import is_there, open_journal

    if not is_there(state.environment):
        return []       # TAB makes no files
    try:
        with closing(open_journal(state.environment)) as journal:
            rows = journal.runs(RUNS, site=site)
    except UsageError:
        return []
    return [CompletionItem(row.id, help=f"{row.runbook} {' '.join(row.hosts)}") for row in rows if row.id.startswith(incomplete)]


def names_of(field: Field) -> Completer:
    """Return the completer of a service or exporter."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        return _offered(context, incomplete, lambda names: names.exporters if field.marker == EXPORTER else names.services)

    return complete


def _offered(context: click.Context, incomplete: str, choose: Callable[[Names], Iterable[str]]) -> list[str]:
    from opsbook.inventory_file.names import names_in

    state = context.find_object(State)
    try:
        found = choose(names_in(state.inventory_path())) if state is not None else ()
    except UsageError:
        return []       # a broken inventory is no reason to write into somebody's prompt
    return sorted(name for name in set(found) if name.startswith(incomplete))
