"""Run one runbook on one host: connect, lock, steps, proof, record closed. Every way it can end becomes an `Ended`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from opsbook import record as records
from opsbook.answer import Answer
from opsbook.check import Check, look_once, not_true, title
from opsbook.errors import Bug, ConnectionLost, Declined, Interrupted, NothingToUndo, OpsbookError, PlanEnds, Unreachable, UsageError
from opsbook.events import Event, Kind
from opsbook.host import Host, Run
from opsbook.inventory import HostEntry
from opsbook.mask import Mask
from opsbook.record import Phase, Record
from opsbook.runbook import Step
from opsbook.runner import outcome
from opsbook.runner.guard import WriteGuard
from opsbook.runner.job import Job
from opsbook.runner.outcome import Ended, Proved
from opsbook.runner.resume import UNDOES, Resume, resume
from opsbook.watch import Payment

NEVER_SKIPPED = ("look", "vet")


def masked(answer: Answer, mask: Mask) -> Answer:
    """Return the answer with every known secret hidden."""
    rows = tuple(tuple(mask(cell) for cell in row) for row in answer.table.rows) if answer.table else ()
    table = replace(answer.table, rows=rows) if answer.table else None
    lines, trouble, further = tuple(map(mask, answer.lines)), mask(answer.trouble), mask(answer.next)
    return replace(answer, data=mask.deep(answer.data), table=table, lines=lines, trouble=trouble, next=further)


class HostRun:
    """One runbook on one host."""

    def __init__(self, job: Job, entry: HostEntry) -> None:
        self._job, self._entry, self._book = job, entry, job.book
        reads = job.book.answer is not None
        self._run = Run(job.id, job.book.page.name, job.operator, plan=job.options.plan, reads_only=reads)
        self._guard = WriteGuard(job.stop, job.gate, self._new_record)
        self._transport = job.tools.open_transport(entry)
        self._host = Host(
            entry,
            self._transport,
            self._run,
            job.tell,
            self._guard,
            job.mask,
            locate=job.tools.locate,
            connect_peer=self._peer,
            answer=lambda question: job.main.do(lambda: job.desk.manual(entry.name, question)),
            keep_on_host=self._guard.keep,
            pause=job.stop.pause,
        )
        self._guard.host = self._host
        self._peers: dict[str, Host] = {}
        self._proofs: list[Proved] = []
        self._proving = False
        self._looking = False       # a look of this process has failed: what a killed one had changed is left for a rerun or an undo
        self._settled = False       # the lock is given back
        self._notes: list[str] = []     # what the last line has to tell besides
        self._begun = time.monotonic()

    def __call__(self) -> Ended:
        """Run to the end; only a bug raises."""
        try:
            return self._whole()
        except PlanEnds:
            self._host.say("the rest depends on the change")
            return self._ended(outcome.DONE)
        except OpsbookError as error:
            return self._failed(error)
        finally:
            self._let_go(outcome.DONE)

    def _whole(self) -> Ended:
        self._tell("connect", self._entry.address or "", user=self._entry.user or "")
        self._job.stop.check()
        self._job.tools.prepare(self._host)
        if self._book.answer is not None:
            return self._answered(self._book.answer(self._host, self._job.params))
        verdict = self._begin()
        if verdict is Resume.FINISH_UNDO or self._job.undoing is not None:
            return self._ended(self._undo())
        for step in self._book.steps:
            self._step(step, "steps")
        self._prove(self._book.proof)
        return self._ended(self._close("proven", outcome.DONE))

    def _begin(self) -> Resume:
        if self._job.undoing is not None:
            self._run.kept = dict(self._job.undoing.kept)
        if self._run.plan:
            self._run.started = self._host.now()
            return Resume.FRESH
        self._guard.watch = self._job.tools.take_watch(self._transport, self._entry, self._book.page.name)
        opening = self._guard.watch.opening
        self._run.started = opening.now
        self._told(opening.payments)
        return resume(opening, self._job, self._host, self._guard)

    def _step(self, step: Step, phase: str) -> None:
        self._job.stop.check()
        if self._job.options.step and not self._run.plan and not self._wanted(step):
            return
        begun = time.monotonic()
        self._looking = phase == "steps" and step.__name__.startswith(NEVER_SKIPPED)
        self._tell("step", title(step), name=step.__name__, phase=phase)
        step(self._host, self._job.params)
        self._looking = False
        self._tell("done", title(step), name=step.__name__, seconds=round(time.monotonic() - begun, 3))

    def _wanted(self, step: Step) -> bool:
        """Ask the operator before a step (`--step`); return whether to run it."""
        may_skip = not step.__name__.startswith(NEVER_SKIPPED)
        desk, name = self._job.desk, self._host.name
        while True:
            choice, reason = self._job.main.do(lambda: desk.step(name, title(step), may_skip=may_skip))
            if choice == "quit":
                raise Declined("stopped by the operator", host=self._host.name)
            if choice == "skip":
                self._host.say(f"skipped: {title(step)} ({reason})")
                return False
            if choice == "run":
                return True
            self._preview(step)

    def _preview(self, step: Step) -> None:
        """Show what a step would change, as a plan does."""
        kept = dict(self._run.kept)
        self._run.plan = True
        try:
            step(self._host, self._job.params)
        except PlanEnds:
            self._host.say("the rest depends on the change")
        finally:
            self._run.plan = self._run.skipped = False
            self._run.kept = kept

    def _prove(self, checks: tuple[Check[Any], ...]) -> None:
        self._proving = True
        for check in checks:
            if self._run.plan and self._run.skipped:
                self._tell("then", title(check))
                continue
            seen = look_once(self._host, check, self._job.params)
            saw = self._host.mask(seen.saw)
            self._proofs.append(Proved(title(check), seen.ok, saw))
            self._tell("proof", title(check), ok=seen.ok, saw=saw)
            if not seen.ok:
                raise not_true(self._host, check, seen)

    def _failed(self, error: OpsbookError) -> Ended:
        error.host = error.host or self._host.name
        if isinstance(error, Unreachable) and not error.next:
            error.next = f"opsbook doctor {error.host}"
        self._explain(error)
        code = outcome.code_for(error, changed=self._run.changed, proving=self._proving)
        if self._run.changed and not self._looking and outcome.may_undo(error):
            self._gather_evidence()
            if self._book.undo:
                code = self._undo(code)
        return self._ended(code, error)

    def _undo(self, before: int = outcome.UNPROVEN) -> int:
        """Run UNDO and prove UNDONE; return the exit code: the one from before where there is nothing to put back."""
        asked_for = self._job.undoing is not None
        failed = self._proofs
        self._proving, self._proofs = False, []
        try:
            self._guard.update(phase="undo")
            self._run.started = self._host.now()
            for step in self._book.undo:
                self._step(step, "undo")
            self._prove(self._book.undone)
            self._close("undone", outcome.DONE if asked_for else outcome.UNDONE)
        except Interrupted as error:
            self._explain(error)
            return error.exit_code
        except NothingToUndo as error:
            self._explain(error)
            self._guard.update(phase="do")      # so that a rerun goes on, and does not try this again
            self._proofs = failed
            return error.exit_code if asked_for else before
        except OpsbookError as error:
            self._explain(error)
            if asked_for:
                return outcome.code_for(error, changed=self._run.changed, proving=self._proving)
            return outcome.FAILED if isinstance(error, ConnectionLost) else outcome.UNDO_FAILED
        return outcome.DONE if asked_for else outcome.UNDONE

    def _close(self, phase: Phase, code: int) -> int:
        """Close the record; a proven run whose record cannot be closed stays proven, and is never undone for that."""
        try:
            self._guard.close(phase, code)
            if self._job.undoing is not None and not self._run.plan:
                self._guard.send(records.mark_undone(self._job.undoing.id))
        except OpsbookError as error:
            self._explain(error)
            self._notes.append(f"but its record stays open on the host ({error.what}): run it again")
            return outcome.FAILED
        return code

    def _gather_evidence(self) -> None:
        """Keep in the journal what explains the failure, before an undo changes it."""
        for gather in self._book.evidence:
            try:
                found = gather(self._host, self._job.params)
            except OpsbookError as error:
                found = f"could not be read: {error}"
            self._tell("evidence", title(gather), text=self._host.mask(found))

    def _answered(self, answer: Answer) -> Ended:
        code = 10 if answer.trouble else outcome.DONE
        if answer.stream is not None:
            self._stream(answer.stream)
        shown = masked(answer, self._host.mask)
        self._tell("answer", self._book.page.title, data=shown.data, trouble=shown.trouble, next=shown.next)
        return self._ended(code, answer=shown)

    def _stream(self, lines: Iterator[str]) -> None:
        """Show lines as they come; Ctrl-C ends the connection, and with it what we follow."""
        self._job.stop.when_asked(self._transport.close)
        try:
            for line in lines:
                self._tell("line", line)
        except ConnectionLost:
            self._job.stop.check()
            raise

    def _ended(self, code: int, error: OpsbookError | None = None, answer: Answer | None = None) -> Ended:
        code = self._let_go(code)
        reads = self._book.answer is not None
        undo = self._job.undoing is not None
        state = outcome.sentence(code, changed=self._run.changed, plan=self._run.plan, reads=reads, undo=undo)
        state = "; ".join([state, *self._notes])
        seconds = round(time.monotonic() - self._begun, 3)
        self._tell("end", state, code=code, changed=self._run.changed, seconds=seconds)
        return Ended(self._host.name, code, state, self._run.changed, tuple(self._proofs), answer, error, record=self._guard.closed)

    def _peer(self, role: str) -> Host:
        """Return the read-only host with that role, connected once."""
        if role not in self._peers:
            entries = [entry for entry in self._job.inventory.hosts if role in entry.roles]
            if len(entries) != 1:
                raise UsageError(f'{len(entries)} hosts of the inventory have the role "{role}"; exactly one must', next="opsbook hosts")
            run = Run(self._job.id, self._run.runbook, self._job.operator, reads_only=True, started=self._run.started)
            transport = self._job.tools.open_transport(entries[0])
            peer = Host(entries[0], transport, run, self._job.tell, self._guard, self._job.mask, locate=self._job.tools.locate)
            self._peers[role] = peer
            self._job.tools.prepare(peer)       # it has secrets of its own
        return self._peers[role]

    def _new_record(self) -> Record:
        if self._run.started == 0:
            raise Bug("a record needs the host's clock")
        if self._job.undoing is not None:
            self._run.kept[UNDOES] = self._job.undoing.id
        phase: Phase = "undo" if self._job.undoing is not None else "do"
        return Record(
            id=self._run.id,
            runbook=self._run.runbook,
            params=self._job.params_shown,
            operator=self._job.operator,
            started=self._run.started,
            phase=phase,
            kept=dict(self._run.kept),
        )

    def _explain(self, error: OpsbookError) -> None:
        shown = {"saw": self._host.mask(error.saw), "next": self._host.mask(error.next), "host": error.host}
        self._tell("fail", self._host.mask(error.what), **shown)

    def _told(self, payments: tuple[Payment, ...]) -> None:
        """Show what the host did in the place of an interrupted run, or could not do; the last line tells it, too."""
        for payment in payments:
            self._host.say(str(payment))
            self._notes.append(f"the host {'did' if payment.code == 0 else 'still owes'} {payment.name}")

    def _let_go(self, code: int) -> int:
        """Give the lock back, once; return the code: what should run again and does not needs a human."""
        if self._settled:
            return code
        self._settled = True
        self._guard.leave()
        payments = self._guard.watch.release() if self._guard.watch is not None else ()
        self._told(payments)
        for peer in self._peers.values():
            peer.transport.close()
        return outcome.UNDO_FAILED if any(payment.code for payment in payments) else code

    def _tell(self, kind: Kind, title: str, /, **detail: object) -> None:
        self._job.tell(Event(kind, self._host.name, title, detail))
