"""Break the lab on purpose, and mend it: lab.json remembers what is broken."""

from __future__ import annotations

from dataclasses import replace

from opsbook.errors import UsageError
from opsbook.lab import state
from opsbook.lab.docker import LabError
from opsbook.lab.faults import fault
from opsbook.lab.faults.fault import Fault
from opsbook.lab.lab import Lab
from opsbook.lab.state import Injected

ANEW = "opsbook lab down; opsbook lab up"


def break_(lab: Lab, name: str, *given: str) -> Injected:
    """Inject a fault; one that is in force is mended first, so that breaking twice breaks once."""
    chosen = fault(name)
    args = given or (() if chosen.least else chosen.usual)
    if not chosen.least <= len(args) <= chosen.most:
        usage = f"usage: opsbook lab break {name} {chosen.takes}".rstrip()
        saw = f"got {' '.join(args) or 'none'}: {chosen.summary}"
        raise UsageError(usage, saw=saw, next=" ".join(("opsbook lab break", name, *chosen.usual)))
    with state.alone(lab):
        needs_lab(lab)
        chosen.confirm(lab, args)
        for known in state.load(lab).faults:
            if known.name == name:
                repair(lab, known)
        inject(lab, chosen, args)
    return Injected(name, args)


def inject(lab: Lab, chosen: Fault, args: tuple[str, ...]) -> None:
    """Put the fault on record, then inject it: a killed injection is mended too."""
    remember(lab, Injected(chosen.name, args))
    try:
        kept = chosen.inject(lab, args)
    except LabError as error:
        raise LabError(f"{chosen.name} could not be injected: {error.what}", saw=error.saw, next="opsbook lab mend") from None
    remember(lab, Injected(chosen.name, args, kept))


def mend(lab: Lab, name: str | None = None) -> tuple[str, ...]:
    """Mend one fault, or all that are in force; return their names."""
    with state.alone(lab):
        needs_lab(lab)
        known = in_force(lab)
        chosen = known if name is None else tuple(one for one in known if one.name == name) or (Injected(fault(name).name),)
        for one in chosen:
            repair(lab, one)
        return tuple(one.name for one in chosen)


def in_force(lab: Lab) -> tuple[Injected, ...]:
    """List the faults in the order of mending: those that are no commits first, and among them the newest."""
    newest = state.load(lab).faults[::-1]
    return tuple(sorted(newest, key=lambda one: fault(one.name).published))


def repair(lab: Lab, injected: Injected) -> None:
    """Mend one fault and forget it."""
    try:
        fault(injected.name).mend(lab, injected)
    except LabError as error:
        raise LabError(f"{injected.name} could not be mended: {error.what}", saw=error.saw, next=ANEW) from None
    state.save(lab, state.load(lab).without(injected.name))


def remember(lab: Lab, injected: Injected) -> None:
    """Put a fault on record as the newest."""
    known = state.load(lab).without(injected.name)
    state.save(lab, replace(known, faults=(*known.faults, injected)))


def needs_lab(lab: Lab) -> None:
    """Refuse where there is nothing to break."""
    if not state.load(lab).ports:
        raise UsageError("the lab is not up", next="opsbook lab up")
