"""Whether cAdvisor may come to a host: each of these raises Refused, with what helps."""

from __future__ import annotations

from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves import silence
from opsbook.moves.measuring import current, engine_of
from opsbook.moves.occupied import freeing, holder
from opsbook.systems import cadvisor, docker
from opsbook.systems.container import PROJECT
from opsbook.systems.docker_networks import is_loopback
from opsbook.systems.image import with_tag
from opsbook.systems.sockets import listening

UPSTREAM = "ghcr.io/google/cadvisor"
OLD_REGISTRIES = ("gcr.io/", "k8s.gcr.io/", "docker.io/google/", "google/")


def expect_image(host: Host) -> None:
    """Raise Refused for an image that is not pinned, or that finds no container with this engine."""
    image, found = host.entry.cadvisor.image, engine_of(host)
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
        published = host.read(docker.publishers(port))
        program = None if published else holder(host, port)
        saw = published or f"{program or 'a program that is no container'} listens there"
        other = "cadvisor: {port: …} in the inventory, and in the scraper's target"
        fix = other if published else f"{freeing(host, port, program)}, or {other}"
        raise Refused(f"port {port} is taken", saw=saw, next=fix, host=host.name)


def expect_closed(host: Host) -> None:
    """Raise Refused where a stranger gets through already: what comes is root on the host, and would be open to the world."""
    found, port = current(host), host.entry.cadvisor.port
    if found is not None and any(one.public == port and not is_loopback(one) for one in found.ports):
        host.say(f"note: Docker publishes port {port} of {found.name} around the firewall; the new container does not")
        return
    silence.expect_silence(host, port)
