"""Run one runbook on one host: connect, lock, steps, proof, record closed. Every way it can end becomes an `Ended`."""

from __future__ import annotations

import time

from opsbook.answer import Answer
from opsbook.errors import AuthenticationFailed, OpsbookError, PlanEnds, Unreachable
from opsbook.inventory import HostEntry
from opsbook.runner import holding, outcome
from opsbook.runner.answering import tell_answer
from opsbook.runner.job import Job
from opsbook.runner.outcome import Ended
from opsbook.runner.proving import prove
from opsbook.runner.resume import Resume
from opsbook.runner.stepping import take_step
from opsbook.runner.undoing import gather_evidence, undo
from opsbook.runner.visit import Visit, arrange
from opsbook.runner.ways_on import ways_on


class HostRun:
    """One runbook on one host."""

    def __init__(self, job: Job, entry: HostEntry) -> None:
        self._book, self._visit = job.book, arrange(job, entry)

    def __call__(self) -> Ended:
        """Run to the end; only a bug raises."""
        try:
            return self._whole()
        except PlanEnds:
            self._visit.host.say("the rest depends on the change")
            return _ended(self._visit, outcome.DONE)
        except OpsbookError as error:
            return self._failed(error)
        finally:
            holding.give_back(self._visit, outcome.DONE)

    def _whole(self) -> Ended:
        visit, job, entry = self._visit, self._visit.job, self._visit.host.entry
        visit.tell("connect", entry.address or "", user=entry.login or entry.user or "")
        job.stop.check()
        job.tools.prepare(visit.host)
        if self._book.answer is not None:
            return _answered(visit, self._book.answer(visit.host, job.params))
        verdict = holding.take(visit)
        if verdict is Resume.FINISH_UNDO or job.undoing is not None:
            return _ended(visit, undo(visit))
        for step in self._book.steps:
            take_step(visit, step, "steps")
        prove(visit, self._book.proof)
        visit.outside = True
        prove(visit, self._book.from_outside)
        return _ended(visit, holding.close(visit, "proven", outcome.DONE))

    def _failed(self, error: OpsbookError) -> Ended:
        visit = self._visit
        error.host = error.host or visit.host.name
        if isinstance(error, Unreachable) and not error.next:
            error.next = f"opsbook doctor {error.host}"
        self._name_the_console(error)
        visit.explain(error)
        code = outcome.code_for(error, changed=visit.run.changed, proving=visit.proving)
        if visit.run.changed and not visit.looking and outcome.may_undo(error):
            gather_evidence(visit)
            if self._book.undo and not visit.outside:
                code = undo(visit, code)
        return _ended(visit, code, error)


    def _name_the_console(self, error: OpsbookError) -> None:
        """Where a run of this runbook may have shut this very login out, say what lets it in again: the doctor sends back to here."""
        job, name = self._visit.job, self._visit.host.name
        login = job.options.as_ or ""
        if isinstance(error, AuthenticationFailed) and error.host == name and (opens := job.book.shuts_out.get(login)):
            own = f"where a run of {job.book.page.name} has shut {login} out, on the host's console, as root: {opens}"
            soon = "after one that broke off the host does it by itself within 2 minutes"
            error.next = f"{own}    ({soon}); or --as another login that sudo makes root"


def _answered(visit: Visit, answer: Answer) -> Ended:
    code = outcome.TROUBLE if answer.trouble else outcome.DONE
    return _ended(visit, code, answer=tell_answer(visit, answer))


def _ended(visit: Visit, code: int, error: OpsbookError | None = None, answer: Answer | None = None) -> Ended:
    """Give the lock back and tell how it ended, in the last line."""
    code, run, job = holding.give_back(visit, code), visit.run, visit.job
    reads, undoes = job.book.answer is not None, job.undoing is not None
    state = outcome.sentence(code, changed=run.changed, plan=run.plan, reads=reads, undo=undoes, looked=visit.looking)
    state = "; ".join([state, *visit.notes])
    ways, seconds = visit.host.mask(_ways_on(visit, code)), round(time.monotonic() - visit.begun, 3)
    visit.tell("end", state, code=code, changed=run.changed, seconds=seconds, next=ways)
    record = visit.guard.closed if job.book.offers_undo(run.kept, job.params) else ""
    return Ended(visit.host.name, code, state, run.changed, tuple(visit.proofs), answer, error, record=record, ways_on=ways)


def _ways_on(visit: Visit, code: int) -> str:
    """Return what to type where the run has changed something and was not brought to its end."""
    record, job = visit.guard.record, visit.job
    half_way = record is not None and visit.run.changed and code in outcome.HALF_WAY
    return ways_on(record, job.book, visit.host.name, job.options.login) if record is not None and half_way else ""
