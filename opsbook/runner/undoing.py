"""The way back: what explains the failure is kept first, then UNDO runs and UNDONE is proven."""

from __future__ import annotations

from opsbook.check import title
from opsbook.errors import ConnectionLost, Interrupted, NothingToUndo, OpsbookError
from opsbook.runner import holding, outcome
from opsbook.runner.proving import prove
from opsbook.runner.stepping import take_step
from opsbook.runner.visit import Visit


def gather_evidence(visit: Visit) -> None:
    """Keep in the journal what explains the failure, before an undo changes it."""
    for gather in visit.job.book.evidence:
        try:
            found = gather(visit.host, visit.job.params)
        except OpsbookError as error:
            found = f"could not be read: {error}"
        visit.tell("evidence", title(gather), text=visit.host.mask(found), next=f"opsbook history show {visit.job.id}")


def undo(visit: Visit, before: int = outcome.UNPROVEN) -> int:
    """Run UNDO and prove UNDONE; return the exit code: the one from before where there is nothing to put back."""
    asked_for = visit.job.undoing is not None
    failed, visit.proofs, visit.proving = visit.proofs, [], False
    done = outcome.DONE if asked_for else outcome.UNDONE
    try:
        return _put_back(visit, done)
    except Interrupted as error:
        visit.explain(error)
        return error.exit_code
    except NothingToUndo as error:
        visit.guard.update(phase="do")      # so that a rerun goes on, and does not try this again
        visit.proofs = failed
        if asked_for or error.next:
            visit.explain(error)
        else:
            visit.host.say(error.what)      # no second failure: the first one has been told
        return error.exit_code if asked_for else before
    except OpsbookError as error:
        visit.explain(error)
        if asked_for:
            return outcome.code_for(error, changed=visit.run.changed, proving=visit.proving)
        return outcome.FAILED if isinstance(error, ConnectionLost) else outcome.UNDO_FAILED


def _put_back(visit: Visit, code: int) -> int:
    visit.guard.update(phase="undo")
    visit.run.started = visit.host.now()
    for step in visit.job.book.undo:
        take_step(visit, step, "undo")
    prove(visit, visit.job.book.undone)
    return holding.close(visit, "undone", code)
