"""What to type after a run that stopped half-way: the very line that finishes it, or its undo."""

from __future__ import annotations

from opsbook.record import Record
from opsbook.runbook import Runbook
from opsbook.runner.first_record import UNDOES


def ways_on(found: Record, book: Runbook | None, host: str, login: str) -> str:
    """Given the open record and its runbook, None where that is gone, return the ways; `login` is what such a line needs to log in."""
    if found.phase in {"undo", "undone"}:       # undone, and the record could not be closed
        return f"finish its undo: opsbook undo {found.kept.get(UNDOES, found.id)} {host}{login}"
    line = book.line(found.params, host) if book is not None else ""
    words = f"finish it: {line}{login}" if line else f"finish it: run {found.runbook} as it was run then: opsbook history --on {host}"
    return f"{words}; or opsbook undo {found.id} {host}{login}" if book is not None and book.undo else words
