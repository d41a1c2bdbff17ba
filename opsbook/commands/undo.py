"""`opsbook undo RUN`: go back to before a run, even a green one."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from opsbook.cli import complete
from opsbook.cli.elsewhere import must_be_of_this_site
from opsbook.cli.shared_options import change_options, common_options, confirm_options, login_option
from opsbook.cli.state import State, pass_state
from opsbook.errors import NothingToUndo, UsageError

if TYPE_CHECKING:
    from opsbook.journal import RunRow

FOR_MANY_HOSTS = frozenset({"canary", "batch", "max_fail"})     # an undo goes to its hosts one after another, so it does not offer these


@click.command("undo")
@click.argument("run", shell_complete=complete.runs_here)
@click.argument("host", required=False, shell_complete=complete.hosts)
@change_options
@login_option
@confirm_options
@common_options
@pass_state
def undo(state: State, run: str, host: str | None) -> int:
    """Undo RUN on HOST, and prove it undone.

    RUN is an id of `opsbook history` or its beginning. A colleague's run is not in the history of this machine: then give its whole id
    (`opsbook history --on HOST`) and HOST.
    """
    whole = _whole_id(state, run, host)
    from opsbook.cli.undo_run import undo_run

    return undo_run(whole, host, state)


undo.params = [option for option in undo.params if option.name not in FOR_MANY_HOSTS]


def _changed_something(run: RunRow, state: State) -> None:
    page = state.pages().get(run.runbook)
    if run.plan:
        raise NothingToUndo(f"{run.id} was a plan of {run.runbook}: it changed nothing, there is nothing to undo")
    if page is not None and page.risk == "reads":
        raise NothingToUndo(f"{run.runbook} changes nothing, there is nothing to undo")


def _whole_id(state: State, run: str, host: str | None) -> str:
    from opsbook.journal import open_journal
    from opsbook.record import ID

    with closing(open_journal(state.environment)) as journal:
        found = journal.run(run)
    if found is not None:
        _changed_something(found, state)
        must_be_of_this_site(found, state, ("undo", found.id) if host is None else ("undo", found.id, host))
        return found.id
    if host is not None and ID.fullmatch(run):
        return run
    raise UsageError(
        f"no run {run} in the history of this machine",
        saw="a run from elsewhere needs its whole id and its host" if host is None else f"{run} is not a whole id",
        next=f"opsbook history --on {host or 'HOST'}",
    )
