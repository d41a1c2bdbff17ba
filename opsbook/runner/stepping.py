"""One step of a runbook, after the operator's leave where `--step` asks for it."""

from __future__ import annotations

import time

from opsbook.check import title
from opsbook.errors import Declined, PlanEnds
from opsbook.runbook import Step
from opsbook.runner.visit import Visit

NEVER_SKIPPED = ("look", "vet")


def take_step(visit: Visit, step: Step, phase: str) -> None:
    """Run the step and tell so, unless the operator skips it; raise Declined when the operator quits."""
    visit.job.stop.check()
    if visit.job.options.step and not visit.run.plan and not _wanted(visit, step):
        return
    begun = time.monotonic()
    visit.looking = phase == "steps" and step.__name__.startswith(NEVER_SKIPPED)
    visit.tell("step", title(step), name=step.__name__, phase=phase)
    step(visit.host, visit.job.params)
    visit.looking = False
    visit.tell("done", title(step), name=step.__name__, seconds=round(time.monotonic() - begun, 3))


def _wanted(visit: Visit, step: Step) -> bool:
    """Ask the operator; return whether to run the step."""
    may_skip = not step.__name__.startswith(NEVER_SKIPPED)
    desk, host = visit.job.desk, visit.host
    while True:
        choice, reason = visit.job.main.do(lambda: desk.step(host.name, title(step), may_skip=may_skip))
        if choice == "quit":
            raise Declined("stopped by the operator", host=host.name)
        if choice == "skip":
            host.say(f"skipped: {title(step)} ({reason})")
            return False
        if choice == "run":
            return True
        _preview(visit, step)


def _preview(visit: Visit, step: Step) -> None:
    """Show what a step would change, as a plan does."""
    run, kept, secrets = visit.run, dict(visit.run.kept), dict(visit.run.secrets)
    run.plan = True
    try:
        step(visit.host, visit.job.params)
    except PlanEnds:
        visit.host.say("the rest depends on the change")
    finally:
        run.plan = run.skipped = False
        run.kept, run.secrets = kept, secrets
