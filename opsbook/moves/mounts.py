"""Files that a container sees through its mounts: where they lie on the host, and whether both are the same."""

from __future__ import annotations

import fnmatch
import itertools
import posixpath
from collections.abc import Callable, Iterable

from opsbook.errors import CommandFailed, Refused
from opsbook.host import Host
from opsbook.systems import docker, files, inside
from opsbook.systems.container import Container, Mount, of

OLD, GONE, UNREADABLE = "another file than on the host", "not on the host", "not readable in the container"

Place = Callable[[str], str]        # from a path on the host to another copy of it, such as an incoming tree


def in_place(path: str) -> str:
    """Return the path itself: the place of what is on disk."""
    return path


def container_of(host: Host, service: str) -> Container:
    """Return the service's running container; raise Refused when there is none."""
    found = of(host.recall(docker.containers(host.stack.project)), service)
    if found is None or not found.running:
        state = found.state if found else "no container"
        raise Refused(f"{service} does not run", saw=state, next=f"opsbook bring-up {host.name}", host=host.name)
    return found


def on_host(container: Container, path: str) -> str:
    """Given a path (or glob) in the container, return where it lies on the host; raise Refused when no mount brings it in."""
    mount = _mount_of(container, path)
    if mount is None or not mount.source:
        raise Refused(f"{container.name} has {path} from its image, not from the host: nothing here can be changed by a reload")
    rest = posixpath.relpath(path, mount.destination)
    return mount.source if rest == "." else posixpath.join(mount.source, rest)


def in_container(container: Container, path: str) -> str | None:
    """Given a path on the host, return where the container sees it, or nothing."""
    for mount in sorted(container.mounts, key=lambda mount: len(mount.source), reverse=True):
        if mount.type == "bind" and (path == mount.source or path.startswith(mount.source.rstrip("/") + "/")):
            rest = posixpath.relpath(path, mount.source)
            return mount.destination if rest == "." else posixpath.join(mount.destination, rest)
    return None


def stranded(container: Container, changed: Iterable[str]) -> tuple[str, ...]:
    """Given paths on the host that are about to be replaced, return those that the container has mounted as single files.

    git replaces a file by renaming a new one over it; a mount of the single file keeps showing the old one until a restart
    (moby #15793).
    """
    single = {mount.source for mount in container.mounts if mount.type == "bind"}
    return tuple(path for path in changed if path in single)


def different_inside(host: Host, container: Container, paths: Iterable[str]) -> dict[str, str]:
    """Given paths in the container, return those that its process sees otherwise than they are on the host, and how."""
    wanted = {path: on_host(container, path) for path in paths}
    outside = host.read(files.hashes(wanted.values()))
    within = _hashes_inside(host, container, wanted)
    pairs = {path: (outside.get(source), within.get(path)) for path, source in wanted.items()}
    return {path: _how(*pair) for path, pair in pairs.items() if pair[0] is None or pair[0] != pair[1]}


def texts(host: Host, container: Container, patterns: Iterable[str], place: Place = in_place) -> dict[str, str]:
    """Given globs in the container, return the files that match, by their path in it, in the order of the globs."""
    sources = [(place(source), target) for pattern in patterns for source, target in _sources(container, pattern)]
    bodies = host.read(files.texts([source for source, _ in sources])) if sources else {}
    pairs = ((source, target, path) for source, target in sources for path in bodies if matches(path, source))
    return {_swapped(path, source, target): bodies[path] for source, target, path in pairs}


def matches(path: str, pattern: str) -> bool:
    """Return whether the glob matches; as in Go, no wildcard goes beyond a slash."""
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


def _sources(container: Container, pattern: str) -> Iterable[tuple[str, str]]:
    """Return globs of the host, each with the container's for the same files: of the folder's mount, then of files mounted alone."""
    own = (mount for mount in container.mounts if mount.type == "bind" and matches(mount.destination, pattern))
    alone = [(mount.source, mount.destination) for mount in own]
    folder = _mount_of(container, pattern)
    return alone if alone and folder is None else [(on_host(container, pattern), pattern), *alone]


def _swapped(path: str, old: str, new: str) -> str:
    """Given two globs with the same end and a path that matches the old one, return what it is called under the new one."""
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(reversed(old), reversed(new), strict=False)))
    return new[: len(new) - same] + path[len(old) - same :]


def _hashes_inside(host: Host, container: Container, paths: Iterable[str]) -> dict[str, str]:
    """Return the hashes as the process sees the files; raise CommandFailed with the way that needs no program of the image."""
    try:
        return host.read(inside.hashes_inside(container.id, paths))
    except CommandFailed as failed:
        way = f"opsbook restart-service {container.service} {host.name}    (if its image has no sha256sum: a start reads what is on disk)"
        raise CommandFailed(failed.what, saw=failed.saw, next=failed.next or way, host=host.name) from failed


def _how(outside: str | None, within: str | None) -> str:
    if outside is None:
        return GONE
    return OLD if within else UNREADABLE


def _mount_of(container: Container, path: str) -> Mount | None:
    above = [mount for mount in container.mounts if path == mount.destination or path.startswith(mount.destination.rstrip("/") + "/")]
    return max(above, key=lambda mount: len(mount.destination), default=None)
