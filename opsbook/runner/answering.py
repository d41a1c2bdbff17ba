"""What a runbook that only reads answers: shown line by line where it streams, with every secret hidden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from opsbook.answer import Answer
from opsbook.errors import ConnectionLost
from opsbook.mask import Mask
from opsbook.runner.visit import Visit


def tell_answer(visit: Visit, answer: Answer) -> Answer:
    """Tell the answer; return it as it may be shown."""
    if answer.stream is not None:
        _stream(visit, answer.stream)
    shown = masked(answer, visit.host.mask)
    visit.tell("answer", visit.job.book.page.title, data=shown.data, trouble=shown.trouble, next=shown.next)
    return shown


def masked(answer: Answer, mask: Mask) -> Answer:
    """Return the answer with every known secret hidden."""
    rows = tuple(tuple(mask(cell) for cell in row) for row in answer.table.rows) if answer.table else ()
    table = replace(answer.table, rows=rows) if answer.table else None
    lines, trouble, further = tuple(map(mask, answer.lines)), mask(answer.trouble), mask(answer.next)
    return replace(answer, data=mask.deep(answer.data), table=table, lines=lines, trouble=trouble, next=further)


def _stream(visit: Visit, lines: Iterator[str]) -> None:
    """Show lines as they come; Ctrl-C ends the connection, and with it what we follow."""
    visit.job.stop.when_asked(visit.host.transport.close)
    try:
        for line in lines:
            visit.tell("line", line)
    except ConnectionLost:
        visit.job.stop.check()
        raise
