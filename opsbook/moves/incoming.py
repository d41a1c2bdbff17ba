"""The tree that would come: unpacked beside the checkout, seen through a service's mounts, judged before it is used."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from opsbook.errors import Refused
from opsbook.host import Host, Read, Result
from opsbook.moves.checkout import checkout, judged, within
from opsbook.moves.mounts import Place, in_container
from opsbook.shell import Command
from opsbook.systems import docker, scratch, untracked
from opsbook.systems.container import Container, Mount
from opsbook.systems.inside import throwaway

JUDGING = 60    # seconds
GOOD = re.compile(r"\s*(SUCCESS|Checking (?!.*FAILED))")     # what promtool and amtool say of the files that are well
APPLIED_BY = {"prometheus": "reload-rules", "alertmanager": "reload-alertmanager"}


def own_folders(host: Host, container: Container) -> tuple[str, ...]:
    """Return the host's folders and files that the container has from the checkout; raise Refused when there are none."""
    sources = [mount.source for mount in container.mounts if mount.type == "bind"]
    found = tuple(source for source in sources if within(source, [host.stack.checkout]))
    if not found:
        raise Refused(
            f"{container.service} has no file from the checkout {host.stack.checkout}",
            saw="\n".join(sources) or "its container mounts nothing of the host",
            next="correct `checkout` of the stack in the inventory (opsbook hosts shows it); a link is not followed",
            host=host.name,
        )
    return found


def own_data(host: Host, container: Container) -> tuple[str, ...]:
    """Return what the container may write of that: its data, however big, and no configuration."""
    writable = (mount.source for mount in container.mounts if mount.type == "bind" and mount.writable)
    return tuple(source for source in writable if within(source, [host.stack.checkout]))


@contextmanager
def tree(host: Host, commit: str, folders: Iterable[str], data: Iterable[str] = ()) -> Iterator[Place]:
    """Unpack the commit for the time of the block, with what git does not track in these folders and is no data; yield the way there."""
    folder = host.read(scratch.scratch())
    try:
        host.read(checkout(host).export(commit, folder))
        _carry(host, folder, folders, tuple(data))
        yield lambda path: moved(path, host.stack.checkout, folder)
    finally:
        host.clean(scratch.drop(folder))


def moved(path: str, old: str, new: str) -> str:
    """Given a path below `old`, return the same below `new`; any other path stays."""
    return new + path[len(old) :] if within(path, [old]) else path


def judge(host: Host, container: Container, words: tuple[str, ...], place: Place) -> None:
    """Run the words in a throw-away container of the service's image over the tree; raise Refused when they say no."""
    verdict = host.read(Read(over(container, words, place), _verdict, answers=frozenset({0, 1, 3}), within=JUDGING))
    if verdict:
        next_ = "; ".join(("mend it in the config repo", *_unseen(host, container)))
        raise Refused(f"{words[0]} rejects what would be loaded", saw=verdict, next=next_, host=host.name)
    host.say(f"{words[0]} accepts it")


def over(container: Container, words: tuple[str, ...], place: Place) -> Command:
    """Return the words as a command of the service's image, run once over another copy of the files that the service sees."""
    mounts = tuple(_moved(mount, place) for mount in container.mounts if mount.type == "bind")
    return throwaway(container.image_id, mounts, *words, user=container.user)


def report(host: Host, container: Container, own: Iterable[str]) -> None:
    """Show what comes, and of its files those that a reload of this container does not apply, with the runbook that does."""
    git, new = checkout(host), judged(host)
    old, mine = host.read(git.status()).head, frozenset(own)
    for commit in host.read(git.log(old, new)):
        host.say(f"comes: {commit.id[:10]} {commit.subject} ({commit.author})")
    everything = host.recall(docker.containers(host.stack.project))
    for change in host.read(git.changed(old, new)):
        path = posixpath.join(host.stack.checkout, change.path)
        note = "" if path in mine else f"  (not applied by this run: {remedy(host, path, container, everything)})"
        host.say(f"  {change.letter} {change.path}{note}")


def remedy(host: Host, path: str, own: Container, everything: Iterable[Container]) -> str:
    """Return what puts a changed file of the host into effect, where a reload of our own container does not."""
    if is_compose_file(host, path):
        return f"opsbook bring-up {host.name}"
    seeing = [container for container in everything if in_container(container, path) is not None]
    others = sorted({container.service for container in seeing} - {own.service})
    if others:
        return ", ".join(f"opsbook {APPLIED_BY.get(service, f'restart-service {service}')} {host.name}" for service in others)
    if seeing:
        return f"{own.service} does not read it on a reload"
    built = [service.name for service in host.stack.services if service.exporter and f"/{service.name}/" in path]
    return f"opsbook rebuild-exporter {built[0]} {host.name}" if built else "no running container has it"


def is_compose_file(host: Host, path: str) -> bool:
    """Return whether a file of the host may be one of those that Compose reads."""
    return posixpath.dirname(path) == host.stack.directory and path.endswith((".yml", ".yaml"))


def _carry(host: Host, folder: str, folders: Iterable[str], data: tuple[str, ...]) -> None:
    root = host.stack.checkout
    kept, own = ([posixpath.relpath(path, root) for path in paths] for paths in (data, [one for one in folders if one not in data]))
    excess = host.read(untracked.carry(root, folder, own, kept))
    if excess:
        most = posixpath.normpath(posixpath.join(root, excess.folder))
        raise Refused(
            f"more lies beside the configuration than a configuration holds ({untracked.LIMIT // 10**6} MB), and git does not track it",
            saw=f"{_megabytes(excess.total)} in all, {_megabytes(excess.size)} of it in {most}",
            next=f"move it out of the checkout, or load what is on disk: opsbook {host.run.runbook} --as-is {host.name}",
            host=host.name,
        )


def _megabytes(size: int) -> str:
    return f"{math.ceil(size / 10**6)} MB"


def _unseen(host: Host, container: Container) -> tuple[str, ...]:
    return tuple(f"{path} is mounted writable, so of it only what git tracks was judged" for path in own_data(host, container))


def _moved(mount: Mount, place: Place) -> Mount:
    return replace(mount, source=place(mount.source))


def _verdict(result: Result) -> str:
    """Return nothing for a good verdict, else what the judge printed."""
    if result.code == 0:
        return ""
    lines = [line for line in f"{result.out}\n{result.err}".splitlines() if line.strip() and not GOOD.match(line)]
    return "\n".join(lines) or f"exit code {result.code}, and no word"
