"""cAdvisor on a host: how it takes the place of the one before, whether it does its work, and how that one comes back."""

from __future__ import annotations

from opsbook.check import Seen
from opsbook.errors import CommandFailed, NothingToUndo, Refused
from opsbook.host import Host
from opsbook.systems import cadvisor
from opsbook.systems.container import Container
from opsbook.systems.engine import Engine, engine

OURS, BEFORE, RAN, WELL, EVERY = "run", "container_before", "ran_before", "answered_before", "scraped_every"    # the record keeps these
WATCHED = 3.0       # seconds
MEANT_TO_RUN = frozenset({"running", "restarting"})


def current(host: Host) -> Container | None:
    """Return the container of that name as it is now."""
    return cadvisor.named(host.read(cadvisor.known()), cadvisor.NAME)


def engine_of(host: Host) -> Engine:
    """Return what the engine tells of itself; no run of ours changes it."""
    return host.recall(engine())


def remember(host: Host) -> None:
    """Keep which container is there, whether it runs, and whether it answers; a rerun keeps what the first run saw."""
    if BEFORE not in host.run.kept:
        found = current(host)
        ran = bool(found and found.status in MEANT_TO_RUN)
        host.keep(**{OURS: host.run.id, BEFORE: found.id if found else "", RAN: ran, WELL: bool(found and _answers(host, found))})


def runs_as_meant(host: Host) -> Seen:
    """The container runs, made from the image and the arguments that are meant."""
    found = current(host)
    if found is None:
        return Seen(ok=False, saw="there is no such container", next=f"opsbook install-cadvisor {host.name}")
    same = _as_meant(host, found)
    saw = f"{found.image}, {found.state}" + ("" if same else ", made from other settings")
    return Seen(same and found.running, saw, next=logs(host))


def runs_steadily(host: Host) -> Seen:
    """The container does not restart while it is watched: one that finds its port taken would, again and again."""
    first, until = current(host), host.clock() + WATCHED
    while (left := until - host.clock()) > 0:
        host.pause(min(1.0, left))
        now = current(host)
        if now is None or first is None or (now.id, now.started, now.running) != (first.id, first.started, True):
            saw = f"it is {now.state}, restarted {now.restarts} times" if now else "it is gone"
            return Seen(ok=False, saw=saw, next=logs(host))
    return Seen(ok=True, saw=f"no restart in {WATCHED:g} s")


def replace(host: Host) -> None:
    """Start the container that is meant; what was there before stays for an undo, and what earlier runs had kept goes."""
    here = host.read(cadvisor.known())
    now = cadvisor.named(here, cadvisor.NAME)
    if now is not None and _as_meant(host, now):
        host.write(cadvisor.start(now))
        return
    waiting, kept = cadvisor.named(here, cadvisor.NEXT), cadvisor.named(here, cadvisor.BEFORE)
    made = waiting is not None and _ours(host, waiting) and _as_meant(host, waiting)    # by a run that was killed
    for old in (None if made else waiting, kept):
        if old is not None and old.id != host.run.kept[BEFORE]:
            host.write(cadvisor.remove(old))
    if not made:
        host.write(cadvisor.create(host.entry.cadvisor, engine_of(host), host.run.kept[OURS]))
    host.write(cadvisor.swap(now))


def put_back(host: Host) -> None:
    """Undo what this run did; raise Refused where another container has taken the name since, or the one from before is gone."""
    kept, here = host.run.kept, host.read(cadvisor.known())
    if BEFORE not in kept:
        raise NothingToUndo("this run replaced nothing", host=host.name)
    now, made = cadvisor.named(here, cadvisor.NAME), [one for one in here if _ours(host, one) and one.id != kept[BEFORE]]
    if now is not None and now.id != kept[BEFORE] and now not in made:
        log = f"opsbook history --on {host.name}"
        raise Refused("cAdvisor was replaced since by somebody else", saw=f"{now.name} is now {now.image}", next=log, host=host.name)
    if kept[BEFORE] and kept[BEFORE] not in {one.id for one in here}:
        again = f"opsbook install-cadvisor {host.name}"
        raise Refused("the container from before was removed", saw=kept[BEFORE][:12], next=again, host=host.name)
    if made or (kept[BEFORE] and not is_as_before(host).ok):
        host.write(cadvisor.put_back(kept[BEFORE], made, start=kept[RAN]))


def is_as_before(host: Host) -> Seen:
    """The container from before is back, as it was; or there is none, as before."""
    kept, now = host.run.kept, current(host)
    saw = f"{now.image}, {now.state}" if now else "there is no such container"
    if now is None or now.id != kept.get(BEFORE, ""):
        return Seen(ok=now is None and not kept.get(BEFORE), saw=saw, next=logs(host))
    good = (now.status in MEANT_TO_RUN) == kept.get(RAN, False) and (not kept.get(WELL) or _answers(host, now))
    return Seen(good, saw if good else f"{saw}; it does not answer, or should not run", next=logs(host))


def logs(host: Host) -> str:
    """Return what to type to see its log."""
    return f"ssh {host.name} docker logs --tail 40 {cadvisor.NAME}"


def _ours(host: Host, found: Container) -> bool:
    return found.labels.get(cadvisor.RUN) == host.run.kept.get(OURS)


def _as_meant(host: Host, found: Container) -> bool:
    return found.labels.get(cadvisor.SETTINGS) == cadvisor.settings(host.entry.cadvisor, engine_of(host))


def _answers(host: Host, found: Container) -> bool:
    at = cadvisor.place(found) if found.running else None
    try:
        return at is not None and host.read(cadvisor.healthy(at))
    except CommandFailed:
        return False
