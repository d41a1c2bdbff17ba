"""What a run holds on the host: the lock, taken first and given back last, and the record, closed when all is proven."""

from __future__ import annotations

from opsbook import record as records
from opsbook.errors import OpsbookError, Refused
from opsbook.runner import outcome
from opsbook.runner.resume import Resume, foretell, resume
from opsbook.runner.visit import Visit
from opsbook.watch import Payment


def take(visit: Visit) -> Resume:
    """Take the lock and learn the host's time; return what an unfinished run means for this one. A plan takes none."""
    job, host, guard = visit.job, visit.host, visit.guard
    if job.undoing is not None:
        visit.host.adopt(job.undoing.kept, job.undoing.secrets)
    if visit.run.plan:
        visit.run.started = host.now()
        foretell(_open_record(visit), job, host)
        return Resume.FRESH
    guard.watch = job.tools.take_watch(host.transport, host.entry, job.book.page.name)
    opening = guard.watch.opening
    visit.run.started = opening.now
    _tell_paid(visit, opening.payments)
    return resume(opening, job, host, guard)


def _open_record(visit: Visit) -> records.Record | None:
    """Return what is on record; a damaged record is none for a run that drops it."""
    try:
        return visit.host.read(records.current())
    except Refused:
        if not visit.job.options.discard:
            raise
        visit.host.say("without --plan this drops a record that cannot be understood")
        return None


def close(visit: Visit, phase: records.Phase, code: int) -> int:
    """Close the record; a proven run whose record cannot be closed stays proven, and is never undone for that."""
    undoing = visit.job.undoing
    try:
        visit.guard.close(phase, code)
        if undoing is not None and not visit.run.plan:
            visit.guard.send(records.mark_undone(undoing.id))
    except OpsbookError as error:
        visit.explain(error)
        visit.notes.append(f"but its record stays open on the host ({error.what}): run it again")
        return outcome.FAILED
    return code


def give_back(visit: Visit, code: int) -> int:
    """Give the lock back, once, and hang up; return the code: what should run again and does not needs a human."""
    if visit.settled:
        return code
    visit.settled = True
    payments = visit.guard.watch.release() if visit.guard.watch is not None else ()
    _tell_paid(visit, payments)
    visit.peers.close()
    visit.host.transport.close()
    return outcome.UNDO_FAILED if any(payment.code for payment in payments) else code


def _tell_paid(visit: Visit, payments: tuple[Payment, ...]) -> None:
    """Show what the host did in the place of an interrupted run, or could not do; the last line tells it, too."""
    for payment in payments:
        visit.host.say(str(payment))
        visit.notes.append(f"the host {'did' if payment.code == 0 else 'still owes'} {payment.what}")
