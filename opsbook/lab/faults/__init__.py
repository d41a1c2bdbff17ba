"""Faults: what goes wrong on real servers, injected into the lab by name and mended again."""

from __future__ import annotations

from difflib import get_close_matches

from opsbook.errors import UsageError
from opsbook.lab.faults import certificates, config, mounts, passwords, reach, releases, repo, running, server
from opsbook.lab.faults.fault import Fault

ROOMS = (repo, config, mounts, running, reach, releases, server, certificates, passwords)
FAULTS: tuple[Fault, ...] = tuple(sorted((one for room in ROOMS for one in room.FAULTS), key=lambda one: one.name))


def fault(name: str) -> Fault:
    """Find a fault by name; a near miss is told the right one."""
    found = next((one for one in FAULTS if one.name == name), None)
    if found is None:
        near = get_close_matches(name, [one.name for one in FAULTS], n=1)
        saw = f"did you mean {near[0]}?" if near else f"there are {', '.join(one.name for one in FAULTS)}"
        raise UsageError(f"there is no fault {name}", saw=saw, next="opsbook lab break    (lists them, breaks nothing)")
    return found
