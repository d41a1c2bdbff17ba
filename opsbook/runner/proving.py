"""The proof: sentence after sentence, up to the first that is not true."""

from __future__ import annotations

from typing import Any

from opsbook.check import Check, look_once, not_true, title
from opsbook.runner.outcome import Proved
from opsbook.runner.visit import Visit


def prove(visit: Visit, checks: tuple[Check[Any], ...]) -> None:
    """Return when all are true; raise NotTrue when one is not. After a plan's first change, show them instead."""
    visit.proving = True
    for check in checks:
        if visit.run.plan and visit.run.skipped:
            visit.tell("then", title(check))
        else:
            _prove(visit, check)


def _prove(visit: Visit, check: Check[Any]) -> None:
    seen = look_once(visit.host, check, visit.job.params)
    saw = visit.host.mask(seen.saw)
    visit.proofs.append(Proved(title(check), seen.ok, saw))
    visit.tell("proof", title(check), ok=seen.ok, saw=saw)
    if not seen.ok:
        raise not_true(visit.host, check, seen)
