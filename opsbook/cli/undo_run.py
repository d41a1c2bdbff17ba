"""Undo a run on each of its hosts, one after another, each from the record that it keeps."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from opsbook.cli.conclusion import Document, end_of, print_document
from opsbook.cli.connect import kept_record
from opsbook.cli.headline import announce
from opsbook.cli.login import logged_in
from opsbook.cli.run_command import run_runbook
from opsbook.cli.selection import need_addresses
from opsbook.errors import OpsbookError, Refused
from opsbook.folding import for_people
from opsbook.journal import Journal, open_journal
from opsbook.runbook import load
from opsbook.runner.outcome import Ended, overall

if TYPE_CHECKING:
    from opsbook.cli.state import State
    from opsbook.inventory import HostEntry


def undo_run(run: str, host: str | None, state: State) -> int:
    """Run the UNDO of a closed run on its hosts, or on the given one; return the exit code."""
    names = [host] if host is not None else changed_hosts(open_journal(state.environment), run)
    entries = [logged_in(state.inventory().host(name), state) for name in names]
    need_addresses(state.inventory(), entries)
    shown: list[Document] = []
    codes: list[int] = []
    try:
        codes += (_tried(run, entry, state, shown.append) for entry in entries)
    finally:    # a bug on one host does not take the others' answers along
        if state.options.json:
            print_document(_together(run, shown, state))
    return overall(codes)


def changed_hosts(journal: Journal, run: str) -> list[str]:
    """Return the hosts of a run, without those that it is known to have left as they were; all where it changed none."""
    row = journal.run(run)
    if row is None:
        return []
    same = {event.host for event in journal.events(row.id) if event.kind == "end" and event.detail.get("changed") is False}
    return [name for name in row.hosts if name not in same] or list(row.hosts)


def _tried(run: str, entry: HostEntry, state: State, show: Callable[[Document], None]) -> int:
    """Undo on one host; its failure is told and does not keep the others from being undone."""
    try:
        return _undo_on(run, entry, state, show)
    except OpsbookError as error:
        print(for_people(state.paste(state.mask(str(error)))), file=sys.stderr)  # noqa: T201
        ended = end_of(Ended(entry.name, error.exit_code, "nothing was changed", error=error), state)
        show({"run": None, "runbook": None, "hosts": [state.mask.deep(ended)]})
        return error.exit_code


def _together(run: str, shown: Sequence[Document], state: State) -> Document:
    """Given the documents of the undo on each host, return the one of all: each host's part tells the run that its undo was."""
    hosts = [{"run": one["run"], "runbook": one["runbook"], **host} for one in shown for host in cast("list[Document]", one["hosts"])]
    return {"undoes": run, "plan": state.options.plan, "code": overall(cast("int", host["code"]) for host in hosts), "hosts": hosts}


def _undo_on(run: str, entry: HostEntry, state: State, show: Callable[[Document], None]) -> int:
    record = kept_record(run, entry, state)
    page = state.pages().get(record.runbook)
    if page is None:
        raise Refused(f"the runbook {record.runbook} of that run is gone", next="opsbook list", host=entry.name)
    book = load(page)
    if not book.undo:
        raise Refused(f"{page.name} has no undo of its own", saw=page.undo, host=entry.name)
    params = book.params(**{key: tuple(value) if isinstance(value, list) else value for key, value in record.params.items()})
    announce(f"undo {page.name}", [entry], state)
    return run_runbook(book, params, [entry], state, undoing=record, show=show)
