"""What must be in order before services are started: each of these raises Refused, with the command that helps."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves.checkout import within
from opsbook.moves.services import expect_own_project
from opsbook.privileged import LOOK
from opsbook.shell import cmd
from opsbook.systems import disk, docker, files, rendered
from opsbook.systems.compose import compose
from opsbook.systems.project import Project, ServiceSettings
from opsbook.systems.sockets import Socket, listening

OTHERS = 0o077
LISTENING = f"{LOOK.run} <<<listening | cut --delimiter=' ' --fields=2 | base64 --decode"
SCARCE, FULL = 0.15, 0.03       # free share of a disk: worth a word; too little to start anything


def expect_private_env(host: Host) -> None:
    """Refuse without `.env`, and with one that others may read."""
    path = posixpath.join(host.stack.directory, host.stack.env_file)
    found = host.read(files.stat(path))
    if found is None:
        raise Refused(f"{path} is missing", next=f"make it from {path}.example on {host.name}, mode 0600", host=host.name)
    if found.mode & OTHERS:
        fix = f"{cmd('chmod', '0600', path)} (on {host.name})"
        raise Refused(f"{path} holds secrets, and others may read it", saw=f"mode {found.mode:04o}", next=fix, host=host.name)


def expect_complete_project(host: Host) -> Project:
    """Return the project; refuse where a variable is not set or a service of the inventory is not in the Compose file."""
    expect_own_project(host)
    project = host.recall(compose(host.stack).settings())
    if project.unset:
        env = posixpath.join(host.stack.directory, host.stack.env_file)
        fix = f"set them in {env} on {host.name}; a value with a $ needs single quotes"
        raise Refused("variables of the Compose file are not set", saw=", ".join(project.unset), next=fix, host=host.name)
    absent = ", ".join(service.name for service in host.stack.services if service.name not in project.services)
    if absent:
        raise Refused("the Compose file lacks services that the inventory names", saw=absent, next="opsbook hosts", host=host.name)
    return project


def expect_filled_files(host: Host, services: Iterable[ServiceSettings]) -> None:
    """Refuse where a mounted file of the checkout is missing (Docker would make a folder of it) or has a `${…}` left to fill in."""
    sources = sorted({mount.source for service in services for mount in service.mounts if within(mount.source, [host.stack.checkout])})
    if absent := host.read(rendered.absent(sources)):
        raise Refused("files that services mount are missing", saw="\n".join(absent), next=f"render them on {host.name}", host=host.name)
    inside = [posixpath.relpath(path, host.stack.checkout) for path in sources]
    if sources and (unfilled := host.read(rendered.unfilled(host.stack.checkout, inside))):
        saw = "\n".join(unfilled)
        raise Refused("rendered files still hold ${…}", saw=saw, next=f"render them again on {host.name}", host=host.name)


def expect_free_ports(host: Host, services: Iterable[ServiceSettings]) -> None:
    """Refuse where somebody else listens on a port that a service publishes."""
    containers = host.recall(docker.containers(host.stack.project))
    ours = {(port.public, port.protocol) for container in containers if container.running for port in container.ports}
    # Docker tells no port of a container that it restarts, which may hold them again a moment later.
    looping = {container.service for container in containers if container.status == "restarting"}
    asked = [port for service in services if service.name not in looping for port in service.ports]
    wanted = [Socket(port.public, port.address, port.protocol) for port in asked]
    missing = [socket for socket in wanted if (socket.port, socket.protocol) not in ours]
    busy = host.read(listening()) if missing else ()
    taken = sorted({socket.port for socket in missing if any(map(socket.clashes, busy))})
    if taken:
        saw = "\n".join(f"port {port}: {host.read(docker.publishers(port)) or 'a program that is no container'}" for port in taken)
        raise Refused("ports that services publish are taken by others", saw=saw, next=f"{LISTENING} (on {host.name})", host=host.name)


def expect_room(host: Host) -> None:
    """Refuse on a full disk, and say when one is getting full."""
    found = dict.fromkeys(host.read(disk.disks(host.stack.checkout, host.read(docker.root()))))
    for one in found:
        if one.free_share < FULL:
            saw = f"{one.mount}: {one.free_share:.0%} left"
            raise Refused("the disk is full", saw=saw, next=f"opsbook triage {host.name}", host=host.name)
        if one.free_share < SCARCE:
            host.say(f"note: {one.mount} has {one.free_share:.0%} of its room left")
