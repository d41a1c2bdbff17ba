"""The run record as the first write of a run puts it on the host."""

from __future__ import annotations

from opsbook.errors import Bug
from opsbook.host import Run
from opsbook.record import Phase, Record
from opsbook.runner.job import Job

UNDOES = "undoes"       # what the record of an undo keeps: the run that it undoes


def first_record(job: Job, run: Run) -> Record:
    """Return the record of a run that changes something now; one that undoes another keeps which."""
    if run.started == 0:
        raise Bug("a record needs the host's clock")
    if job.undoing is not None:
        run.kept[UNDOES] = job.undoing.id
    phase: Phase = "undo" if job.undoing is not None else "do"
    return Record(
        id=run.id,
        runbook=run.runbook,
        params=job.params_shown,
        operator=job.operator,
        started=run.started,
        phase=phase,
        kept=dict(run.kept),
        secrets=dict(run.secrets),
    )
