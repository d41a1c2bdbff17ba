"""cAdvisor on a host: whether it may come, how it takes the place of the one before, and how that one comes back."""

from __future__ import annotations

from opsbook.check import Seen
from opsbook.errors import CommandFailed, NothingToUndo, Refused
from opsbook.host import Host
from opsbook.moves import vantage
from opsbook.systems import cadvisor, docker
from opsbook.systems.container import PROJECT, Container
from opsbook.systems.engine import Engine, engine
from opsbook.systems.image import with_tag
from opsbook.systems.sockets import listening

OURS, BEFORE, RAN, WELL, EVERY = "run", "container_before", "ran_before", "answered_before", "scraped_every"    # the record keeps these
MEANT_TO_RUN = frozenset({"running", "restarting"})
UPSTREAM = "ghcr.io/google/cadvisor"
OLD_REGISTRIES = ("gcr.io/", "k8s.gcr.io/", "docker.io/google/", "google/")


def expect_image(host: Host) -> None:
    """Raise Refused for an image that is not pinned, or that finds no container with this engine."""
    image, found = host.entry.cadvisor.image, _engine(host)
    fix = f"cadvisor: {{image: {UPSTREAM}:v0.60.5}} in the inventory"
    if with_tag(image).endswith(":latest"):
        raise Refused(f"{image} is not pinned", saw="the next pull may bring anything", next=fix, host=host.name)
    if found.rootless:
        raise Refused("this engine runs without root", saw="cAdvisor needs what it cannot give", host=host.name)
    if not cadvisor.sees_containers(image, found):
        saw = f"Docker {found.version} with {'the image store of containerd' if found.containerd_store else found.driver}"
        least = ".".join(map(str, cadvisor.SEES_CONTAINERD))
        raise Refused(f"{image} finds no container here: it takes {least} or newer", saw=saw, next=fix, host=host.name)
    if image.startswith(OLD_REGISTRIES):
        host.say(f"note: {image} comes from a registry that gets no new versions; upstream's is {UPSTREAM}")


def expect_place(host: Host) -> None:
    """Raise Refused where the name belongs to Compose, or somebody else listens on the port."""
    found, port = current(host), host.entry.cadvisor.port
    if found is not None and found.labels.get(PROJECT):
        saw = f"it is of the Compose project {found.labels[PROJECT]}"
        fix = f"take it out of {found.directory or 'its Compose file'}, or keep it there"
        raise Refused(f"the container {found.name} is not ours to replace", saw=saw, next=fix, host=host.name)
    own = cadvisor.place(found) if found and found.running else None
    busy = any(one.port == port and one.protocol == "tcp" for one in host.read(listening()))
    if busy and (own is None or own.port != port):
        saw = host.read(docker.publishers(port)) or "a program that is no container"
        fix = "cadvisor: {port: …} in the inventory, and in the scraper's target"
        raise Refused(f"port {port} is taken", saw=saw, next=fix, host=host.name)


def expect_closed(host: Host) -> None:
    """Raise Refused where a stranger gets through already: what comes is root on the host, and would be open to the world."""
    found, port = current(host), host.entry.cadvisor.port
    if found is not None and any(one.public == port for one in found.ports):
        host.say(f"note: Docker publishes port {port} of {found.name} around the firewall; the new container does not")
        return
    seen = vantage.a_stranger_gets_silence(host, port)
    if not seen.ok:
        raise Refused("no firewall keeps strangers out", saw=seen.saw, next=seen.next, host=host.name)


def current(host: Host) -> Container | None:
    """Return the container of that name as it is now."""
    return cadvisor.named(host.read(cadvisor.known()), cadvisor.NAME)


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
        host.write(cadvisor.create(host.entry.cadvisor, _engine(host), host.run.kept[OURS]))
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
    return found.labels.get(cadvisor.SETTINGS) == cadvisor.settings(host.entry.cadvisor, _engine(host))


def _answers(host: Host, found: Container) -> bool:
    at = cadvisor.place(found) if found.running else None
    try:
        return at is not None and host.read(cadvisor.healthy(at))
    except CommandFailed:
        return False


def _engine(host: Host) -> Engine:
    return host.recall(engine())
