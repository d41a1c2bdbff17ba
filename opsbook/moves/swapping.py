"""Let a service run a newly built image, and give it back the one it ran before. What was before is kept in the run record."""

from __future__ import annotations

from opsbook.check import Seen
from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves import services
from opsbook.moves.owing import owed
from opsbook.shell import cmd
from opsbook.systems import docker
from opsbook.systems.compose import compose
from opsbook.systems.container import Container
from opsbook.systems.image import Image, with_tag

BEFORE, NAME, SAVED, OURS = "image_before", "image_name", "image_saved_as", "images_built"


def container(host: Host, service: str) -> Container:
    """Return the service's container; raise Refused without one."""
    found = services.container(host, service)
    if found is None:
        next_ = f"opsbook bring-up {host.name}"
        raise Refused(f"{service} has no container, so there is nothing to rebuild", next=next_, host=host.name)
    return found


def remember(host: Host, service: str, *, well: bool) -> None:
    """Keep which image the service runs, by what name, and whether it does its work; a rerun keeps what the first run saw."""
    if BEFORE not in host.run.kept:
        found = container(host, service)
        name = with_tag(found.image)
        host.keep(**{BEFORE: found.image_id, NAME: name, SAVED: _saved(name, host.run.id), "well": well})


def build(host: Host, service: str) -> None:
    """Save the image from before under a name of its own, then build; what runs goes on running."""
    kept = host.run.kept
    host.write(docker.tag(kept[BEFORE], kept[SAVED]))
    host.write(compose(host.stack).build(service))
    now = host.read(docker.image(kept[NAME]))
    if now is not None:
        host.keep(**{OURS: [*kept.get(OURS, []), now.id]})


def swap(host: Host, service: str) -> None:
    """Let the service run the image that bears its name."""
    change = compose(host.stack).up(service, no_deps=True)
    with owed(host, f"bring-up-{service}", change):
        host.write(change)


def mention_old_images(host: Host) -> None:
    """Say which images of earlier runs are still kept for an undo; they are never removed by us."""
    kept = host.run.kept
    old = sorted(name for name in host.read(docker.image_ids()) if name.startswith(_saved(kept[NAME], "")) and name != kept[SAVED])
    if old:
        host.say(f"kept for an undo of earlier runs, and yours to remove: {cmd('docker', 'image', 'rm', *old)}")


def expect_ours(host: Host, service: str) -> None:
    """Raise Refused when the service runs an image that neither this run nor the time before it knows: somebody has rebuilt since."""
    kept, found = host.run.kept, services.container(host, service)
    if BEFORE in kept and found is not None and found.image_id not in (kept[BEFORE], *kept.get(OURS, ())):
        log = f"opsbook history --on {host.name}"
        raise Refused(f"{service} was rebuilt since by somebody else", saw=f"it runs {short(found.image_id)}", next=log, host=host.name)


def put_back(host: Host, service: str) -> None:
    """Give the image from before its name again, and let the service run it."""
    kept, found = host.run.kept, services.container(host, service)
    if BEFORE not in kept:
        host.say("already so: this run replaced no image", already=True)
        return
    named = host.read(docker.image(kept[NAME]))
    if named is None or named.id != kept[BEFORE]:
        host.write(docker.tag(kept[BEFORE], kept[NAME]))
    if found is None or not found.running or found.image_id != kept[BEFORE]:
        swap(host, service)


def runs_the_image_from_before(host: Host, service: str) -> Seen:
    """The service runs the image that it ran before, and its name means that one."""
    kept, found = host.run.kept, services.container(host, service)
    if BEFORE not in kept:
        return Seen(ok=True, saw="this run replaced no image")
    named = host.read(docker.image(kept[NAME]))
    good = found is not None and found.running and found.image_id == kept[BEFORE] and named is not None and named.id == kept[BEFORE]
    saw = _as_it_is(service, found, named)
    return Seen(good, f"{saw}; before it was {short(kept[BEFORE])}", next=f"opsbook logs {service} {host.name}")


def runs_the_image_of_its_name(host: Host, service: str) -> Seen:
    """The service runs the image that was built last under its name."""
    found = services.container(host, service)
    named = host.read(docker.image(found.image)) if found else None
    if found is None or named is None:
        return Seen(ok=False, saw="no container" if found is None else "no image of that name", next=f"opsbook bring-up {host.name}")
    before = host.run.kept.get(BEFORE, found.image_id)
    saw = _as_it_is(service, found, named) + (f", before {short(before)}" if before != found.image_id else ", as before")
    return Seen(found.running and named.id == found.image_id, saw, next=f"opsbook recreate-service {service} {host.name}")


def _as_it_is(service: str, found: Container | None, named: Image | None) -> str:
    if found is None:
        return f"{service} has no container"
    saw = f"{service} {'runs' if found.running else f'is {found.state}, of'} {short(found.image_id)}"
    if named is None:
        return f"{saw}; its name means nothing"
    return saw if named.id == found.image_id else f"{saw}; its name means {short(named.id)}"


def short(image_id: str) -> str:
    """Return so much of an image's id as people compare."""
    return image_id.removeprefix("sha256:")[:12]


def _saved(name: str, run: str) -> str:
    return f"{name.rpartition(':')[0]}:opsbook-before-{run}"
