"""The other services of the stack, which a change of one leaves alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsbook.check import Seen
from opsbook.counted import counted
from opsbook.host import Host
from opsbook.systems import docker
from opsbook.systems.container import Container

KEPT = "neighbours"
CHANGED, LOOPS, RESTARTING = "is not the same any more", "restarts by itself", "restarting"


def remember(host: Host, *services: str) -> None:
    """Keep which containers all others than these services run in, and since when; a rerun keeps what the first run saw."""
    if KEPT not in host.run.kept:
        others = (found for found in host.read(docker.containers(host.stack.project)) if found.service not in services)
        host.keep(**{KEPT: {found.name: _life(found) for found in others}})


def are_untouched(host: Host) -> Seen:
    """The other services run on in the same containers; one that Docker itself restarts is named, but not held against the run."""
    if KEPT not in host.run.kept:
        return Seen(ok=False, saw="nobody has looked how they ran before", next=f"opsbook status {host.name}")
    now = {found.name: found for found in host.read(docker.containers(host.stack.project))}
    before: Mapping[str, list[Any]] = host.run.kept[KEPT]
    fates = {name: _fate(life, now.get(name)) for name, life in before.items()}
    notes = [f"{name} {fate}" for name, fate in fates.items() if fate]
    return Seen(set(fates.values()) <= {"", LOOPS}, saw="\n".join(notes) or _well(len(before)))


def _well(count: int) -> str:
    return f"{counted(count, 'container')}, none restarted" if count else "the stack has no other"


def _life(found: Container) -> list[Any]:
    return [found.id, found.started, found.restarts, found.running]


def _fate(before: list[Any], now: Container | None) -> str:
    """Return what became of it; nothing if it is as it was. A stop alone leaves id, start and restarts as they were."""
    if now is None:
        return CHANGED
    if now.id == before[0] and (now.status == RESTARTING or (now.running and now.restarts > before[2])):
        return LOOPS
    if [now.id, now.started] != before[:2] and now.running:
        return CHANGED
    ran = before[3:] != [False]         # records from before this was kept say nothing of it
    return f"ran before, and is {now.state} now" if ran and not now.running else ""
