"""Undo a run on each of its hosts, one after another, each from the record that it keeps."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from opsbook.cli.connect import kept_record
from opsbook.cli.headline import announce
from opsbook.cli.login import logged_in
from opsbook.cli.run_command import run_runbook
from opsbook.cli.selection import need_addresses
from opsbook.errors import OpsbookError, Refused
from opsbook.journal import open_journal
from opsbook.runbook import load
from opsbook.runner.outcome import overall

if TYPE_CHECKING:
    from opsbook.cli.state import State
    from opsbook.inventory import HostEntry


def undo_run(run: str, host: str | None, state: State) -> int:
    """Run the UNDO of a closed run on its hosts, or on the given one; return the exit code."""
    row = open_journal(state.environment).run(run)
    names = [host] if host is not None else list(row.hosts) if row is not None else []
    entries = [logged_in(state.inventory().host(name), state) for name in names]
    need_addresses(state.inventory(), entries)
    return overall([_tried(run, entry, state) for entry in entries])


def _tried(run: str, entry: HostEntry, state: State) -> int:
    """Undo on one host; its failure is told and does not keep the others from being undone."""
    try:
        return _undo_on(run, entry, state)
    except OpsbookError as error:
        print(state.mask(str(error)), file=sys.stderr)  # noqa: T201
        return error.exit_code


def _undo_on(run: str, entry: HostEntry, state: State) -> int:
    record = kept_record(run, entry, state)
    page = state.pages().get(record.runbook)
    if page is None:
        raise Refused(f"the runbook {record.runbook} of that run is gone", next="opsbook list", host=entry.name)
    book = load(page)
    if not book.undo:
        raise Refused(f"{page.name} has no undo of its own", saw=page.undo, host=entry.name)
    params = book.params(**{key: tuple(value) if isinstance(value, list) else value for key, value in record.params.items()})
    announce(f"undo {page.name}", [entry], state)
    return run_runbook(book, params, [entry], state, undoing=record)
