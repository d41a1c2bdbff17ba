"""What an unfinished run on the host means for the one that starts now: adopt it, finish its undo, refuse, or drop it."""

from __future__ import annotations

import enum
from dataclasses import replace
from typing import Any

from opsbook import record as records
from opsbook.errors import Refused, UsageError
from opsbook.host import Host
from opsbook.record import Record
from opsbook.runbook import Runbook, load
from opsbook.runner.first_record import UNDOES
from opsbook.runner.guard import WriteGuard
from opsbook.runner.job import Job
from opsbook.runner.ways_on import ways_on
from opsbook.watch.opening import Opening


class Resume(enum.Enum):
    """What the run has to do."""

    FRESH = "nothing was under way"
    ADOPTED = "the same run goes on"
    FINISH_UNDO = "an undo was under way and goes on"


def resume(opening: Opening, job: Job, host: Host, guard: WriteGuard) -> Resume:
    """Given the open record on the host, adopt it where it is this very run; raise Refused where it is another, or damaged."""
    owed = any(payment.code for payment in opening.payments)
    if job.options.discard and (opening.text or owed):
        _expect_no_loss(opening.text, job, host)
        host.say("dropped what unfinished runs had left; their records are kept in ~/.local/state/opsbook/done on the host")
        if '"secrets": {\n' in opening.text:
            host.say("the passwords that were on record are gone with it")
        guard.send(records.discard())
        return Resume.FRESH
    if not opening.text:
        return Resume.FRESH
    found = records.parse(opening.text)
    if _same(found, job):
        _adopt(replace(found, params=job.params_shown), host, guard)
        return Resume.FINISH_UNDO if found.phase == "undo" else Resume.ADOPTED
    raise _refusal(found, job, host.name)


def foretell(found: Record | None, job: Job, host: Host) -> None:
    """Say what the open record means for the run that is only planned."""
    if found is None or (job.undoing is not None and _same(found, job)):
        return      # the plan of an undo shows that very undo
    whose = f"the unfinished run {found.id} of {found.operator}"
    if job.options.discard and not _would_lose(found, job, host.name):
        does = f"drops what {whose} has on record"
    elif _same(found, job) and not job.options.discard:
        does = f"finishes the undo of {whose}" if found.phase == "undo" else f"goes on with {whose}"
    else:
        no = _refusal(found, job, host.name)
        does = f"is refused now: {no.what} ({no.saw}; {no.next})"
    host.say(f"without --plan this {does}")


def _expect_no_loss(text: str, job: Job, host: Host) -> None:
    """Raise Refused where dropping the record would lose passwords that a run can still bring home; the undo of that very run may."""
    try:
        found = records.parse(text) if text else None
    except Refused:
        return      # nobody can go on with a damaged one
    if found is not None and _would_lose(found, job, host.name):
        raise _refusal(found, job, host.name)


def _would_lose(found: Record, job: Job, host: str) -> bool:
    return _has_passwords(found, job, host) and not (job.undoing is not None and _same(found, job))


def _refusal(found: Record, job: Job, host: str) -> Refused:
    """Return why another run cannot start now, and the ways out; dropping the record is none where passwords would go with it."""
    lost, ways = _has_passwords(found, job, host), ways_on(found, _book(found.runbook, job), host, job.options.login)
    return Refused(
        f"an unfinished run is on record: {found.id}, {found.runbook} by {found.operator}",
        saw=f"phase {found.phase}; it was never proven{', and it has passwords that nobody else has' if lost else ''}",
        next=ways if lost else f"{ways}; or add --discard",
        host=host,
    )


def _has_passwords(found: Record, job: Job, host: str) -> bool:
    """Return whether the record has secrets, and its runbook can still go back, or on, with them."""
    book = _book(found.runbook, job)
    return bool(found.secrets) and book is not None and bool(book.undo or book.line(found.params, host))


def _same(found: Record, job: Job) -> bool:
    if job.undoing is not None:
        return job.undoing.id in {found.id, found.kept.get(UNDOES)}
    return found.runbook == job.book.page.name and _compared(found.params, job.book) == _compared(job.params_shown, job.book)


def _compared(params: dict[str, Any], book: Runbook) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name not in book.not_compared}


def _adopt(found: Record, host: Host, guard: WriteGuard) -> None:
    """Go on with the found run: same start, same kept values; it may have changed something, so we count it as changed."""
    guard.record = found
    host.run.started = found.started
    host.adopt(found.kept, found.secrets)
    host.run.changed = True
    host.say(f"going on with the unfinished run {found.id} of {found.operator}")


def _book(name: str, job: Job) -> Runbook | None:
    if name == job.book.page.name:
        return job.book
    page = job.tools.page(name)
    try:
        return load(page) if page is not None else None
    except UsageError:
        return None     # broken since
