"""From a loaded runbook to a finished run: put the pieces together, show what happened, return the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from opsbook.cli.conclusion import Document, conclude, print_document
from opsbook.cli.listeners import chain
from opsbook.cli.making_job import make_job
from opsbook.journal import Journal, open_journal
from opsbook.runner.fleet import run_all
from opsbook.runner.outcome import overall
from opsbook.screen import open_screen

if TYPE_CHECKING:
    from opsbook.cli.state import State
    from opsbook.inventory import HostEntry
    from opsbook.options import Options
    from opsbook.record import Record
    from opsbook.runbook import Runbook
    from opsbook.runner.outcome import Ended


def run_runbook(
    book: Runbook,
    params: Any,
    hosts: list[HostEntry],
    state: State,
    undoing: Record | None = None,
    show: Callable[[Document], None] = print_document,
) -> int:
    """Run the runbook on the hosts, whose first line is on screen; return the exit code. Errors before the first contact are raised."""
    journal, names = open_journal(state.environment), [host.name for host in hosts]
    screen = open_screen(state.environment, hosts=len(hosts), debug=state.options.debug, live=_live(state.options))
    job = make_job(book, params, names, state, chain(screen, journal, state), screen, undoing)
    site = job.inventory.site
    journal.start(job.id, book.page.name, job.params_shown, names, job.operator, plan=state.options.plan, site=site)
    if book.answer is not None:
        journal.wait_for_no_disk()
    with job.stop.listening(), closing(screen):
        ended = run_all(job, hosts)
    code = overall(one.code for one in ended)
    journal.end(job.id, code, {name: state.mask.deep(value) for name, value in job.params_shown.items()})
    conclude(job, ended, code, screen, state, show)
    _raise_bugs(ended)
    _tell_gaps(journal)
    return code


def _live(options: Options) -> bool:
    """Return whether a table may stand for the lines: not where it is the lines that the operator wants to read."""
    return not (options.plan or options.step or options.debug)


def _raise_bugs(ended: Sequence[Ended]) -> None:
    for one in ended:
        if one.bug is not None:
            raise one.bug


def _tell_gaps(journal: Journal) -> None:
    if journal.trouble:
        print(f"the journal is not complete: {journal.trouble}", file=sys.stderr)  # noqa: T201
