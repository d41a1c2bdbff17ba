"""Files that belong to somebody else, such as a container's user: written without being root, with the owner they had."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from opsbook.errors import CommandFailed
from opsbook.host import Host
from opsbook.systems import docker, files, ownership
from opsbook.systems.container import Container


def everything(host: Host) -> tuple[Container, ...]:
    """Return the stack's containers, the running ones first."""
    return tuple(sorted(host.recall(docker.containers(host.stack.project)), key=lambda one: not one.running))


def place(host: Host, path: str, text: str, about: str = "") -> None:
    """Replace the file in one step, with the owner, group and mode that it has, whoever that is; `about` is what that is a part of."""
    if host.read(ownership.keeps(path)):
        host.write(replace(files.place(path, text), about=about))
        return
    found = host.read(ownership.owner(path))
    if found is None:
        raise CommandFailed(f"{path} is gone", host=host.name)
    host.write(replace(ownership.stage(path, text), about=about))
    give(host, path, found.uid, found.gid, everything(host))
    host.write(ownership.arrive(path))


def give(host: Host, path: str, uid: int, gid: int | None, containers: Iterable[Container]) -> None:
    """Give the new file that lies beside this one to that user, by a chown of one of these containers' images."""
    folder, _, name = ownership.staged(path).rpartition("/")
    host.write(ownership.give(_with_chown(host, containers), folder, uid, gid, [name]))


def _with_chown(host: Host, containers: Iterable[Container]) -> str:
    """Return the id of an image of these containers that has a chown; raise CommandFailed without one."""
    for image in dict.fromkeys(container.image_id for container in containers):
        if host.recall(ownership.can_give(image)):
            return image
    raise CommandFailed("no image of the stack has a chown", next=f"opsbook status {host.name}", host=host.name)
