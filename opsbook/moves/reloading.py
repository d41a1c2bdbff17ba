"""Reload a service from the stack's checkout: what comes is fetched, refused or shown; what a reload would not see needs a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from opsbook.check import Seen
from opsbook.counted import counted
from opsbook.errors import NothingToUndo, Refused
from opsbook.host import Host, Write
from opsbook.moves import checkout, incoming
from opsbook.moves.mounts import OLD, Place, different_inside, on_host, stranded
from opsbook.shell import cmd
from opsbook.systems import docker, files
from opsbook.systems.container import Container
from opsbook.systems.metrics import metric

SENT = "reload_sent"


class Wanted(Protocol):
    """What the operator asked of a reload."""

    @property
    def ref(self) -> str | None:
        """Branch, tag or commit; the upstream branch when nothing."""

    @property
    def as_is(self) -> bool:
        """Load what is on disk."""

    @property
    def restart(self) -> bool:
        """A restart is allowed where a reload does not suffice."""


def fetch(host: Host, container: Container, p: Wanted) -> bool:
    """Fetch what would come and return whether anything does; raise Refused where edits by hand are in its way."""
    checkout.fetch(host, p.ref)
    coming = checkout.come(host)
    checkout.expect_nothing_in_the_way(host, coming, incoming.own_folders(host, container))
    return bool(coming)


@contextmanager
def coming_tree(host: Host, container: Container) -> Iterator[Place]:
    """Have the commit that comes beside the checkout until the block ends, with all that the container would see of it."""
    own, data = incoming.own_folders(host, container), incoming.own_data(host, container)
    with incoming.tree(host, checkout.judged(host), own, data) as place:
        yield place


def tell_coming(host: Host, container: Container, now: Iterable[str], new: Iterable[str], p: Wanted) -> None:
    """Say what comes, given the service's files of now and of then; raise Refused where a reload would not see it."""
    now = tuple(now)
    incoming.report(host, container, [on_host(container, path) for path in (*now, *new)])
    unseen(host, container, now, p)


def forward(host: Host, p: Wanted) -> None:
    """Bring the checkout to the commit that was judged, unless the files on disk are wanted."""
    if p.as_is:
        host.say("--as-is: the files stay as they are", already=True)
        return
    checkout.forward(host)


def unseen(host: Host, container: Container, paths: Iterable[str], p: Wanted) -> tuple[str, ...]:
    """Return what a reload would not see, because a file is mounted alone and was, or will be, replaced.

    Raise Refused where the operator did not allow the restart that helps, and where even that would not.
    """
    different = different_inside(host, container, paths)
    if hopeless := [f"{path}: {how}" for path, how in different.items() if how != OLD]:
        raise Refused(
            f"{container.service} cannot read its files",
            saw="\n".join(hopeless),
            next=f"ssh {host.name} {cmd('ls', '-l', *(on_host(container, path) for path in different))}",
            host=host.name,
        )
    coming = () if p.as_is else stranded(container, [f"{host.stack.checkout}/{change.path}" for change in checkout.come(host)])
    found = (*(f"{path} has been replaced" for path in different), *(f"{path} will be replaced" for path in coming))
    if found and not p.restart:
        raise Refused(
            f"{container.service} would not see the new file: it is mounted alone, and shows the old one until a restart",
            saw="\n".join(found),
            next=str(again(host, p)),
            host=host.name,
        )
    return found


def again(host: Host, p: Wanted) -> object:
    """Return the command of this run with `--restart` added."""
    as_is = "--as-is" if p.as_is else None
    return cmd("opsbook", host.run.runbook, as_is, f"--ref={p.ref}" if p.ref else None, "--restart", host.name)


def apply(host: Host, container: Container, paths: Iterable[str], p: Wanted, order: Callable[[], Write]) -> None:
    """Let the service read its files again: by this order, or by a restart where it would not see them."""
    stuck = unseen(host, container, paths, p)
    change = docker.restart(container) if stuck else order()
    host.keep(**{SENT: True})
    for line in stuck:
        host.say(f"a restart instead of a reload: {line}, and is mounted alone")
    host.write(change)


def has_same_files(host: Host, container: Container, paths: Iterable[str], p: Wanted) -> Seen:
    """Return whether the container's process sees these files as they are on the host's disk."""
    wanted = tuple(paths)
    different = different_inside(host, container, wanted)
    saw = "\n".join(f"{path}: {how}" for path, how in different.items())
    same = f"{counted(len(wanted), 'file')}, the same inside and outside"
    return Seen(bool(wanted) and not different, saw or same, next=str(again(host, p)))


def has_reloaded(host: Host, container: Container, paths: Iterable[str], page: str, names: tuple[str, str]) -> Seen:
    """Return whether the last reload succeeded and came after the last change of the files, and after this run's own order."""
    changed = host.read(files.newest([on_host(container, path) for path in paths]))
    since = max(changed, host.run.started if host.run.kept.get(SENT) else 0)
    good, at = metric(page, names[0]) == 1, metric(page, names[1]) or 0
    late = f"{abs(at - since):.1f} s {'after' if at >= since else 'BEFORE'} {'the files changed' if since == changed else 'this run began'}"
    saw = f"the last reload {'succeeded' if good else 'FAILED; the last good one was'}, {late}"
    return Seen(good and at >= since, saw=saw.replace("was,", "was"), next=f"opsbook logs {container.service} {host.name}")


def may_be_taken_back(kept: Mapping[str, object], p: Wanted) -> bool:  # noqa: ARG001
    """Return whether the files came with the run."""
    return not p.as_is


def go_back(host: Host, p: Wanted) -> None:
    """Move the checkout back to where this run found it; raise NothingToUndo where the run took the files as they were."""
    if p.as_is:
        raise NothingToUndo(
            "--as-is changed no file, so there is nothing to go back to",
            next=f"mend the files, then: opsbook {host.run.runbook} --as-is {host.name}",
            host=host.name,
        )
    host.keep(**{SENT: False})      # our first order counts no more: whether one is needed now is asked of the effect
    checkout.back(host)
