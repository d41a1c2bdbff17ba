"""What containers may do to their host, and whether anybody knows what runs in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from opsbook.findings.finding import Finding
from opsbook.moves.audit.facts import Facts
from opsbook.systems import cadvisor
from opsbook.systems.container import PROJECT, Container
from opsbook.systems.image import with_tag

ROOT = frozenset({"", "0", "root"})
SOCKET = "/run/docker.sock"
FOLDERS_ABOVE = frozenset({"/", "/run", "/var", "/var/run"})

# What each container should have, as the Compose file says it, and whether it has.
HARDENING: tuple[tuple[str, str, Callable[[Container], bool]], ...] = (
    ("write to their root file system", "read_only: true", lambda one: one.confined.read_only),
    ("keep capabilities that they may not need", "cap_drop: [ALL]", lambda one: one.confined.drops_all),
    ("may gain privileges", "security_opt: [no-new-privileges:true]", lambda one: one.confined.no_new_privileges),
    ("run as root", 'user: "65534:65534"', lambda one: one.user.partition(":")[0] not in ROOT),
)


def hardening(f: Facts) -> Iterator[Finding]:
    """Containers that may do more than they need; one that is root by its purpose is told of by `mighty`."""
    if not f.has_docker:
        return
    if f.containers is None:
        yield f.unjudged("what the containers may do", "containers")
        return
    judged = [one for one in f.containers if not ours(one)]
    for what, line, holds in HARDENING:
        lacking = sorted(one.name for one in judged if not holds(one))
        if lacking:
            saw = f"{len(lacking)} of {len(judged)}: {', '.join(lacking)}"
            yield Finding("warn", f"containers {what}", saw, f"{line} in the Compose file, then {f.up}")
        elif judged:
            yield Finding("ok", f"every container has {line}")


def mighty(f: Facts) -> Iterator[Finding]:
    """Containers that are as good as root on the host."""
    signs = (("it is privileged", lambda one: one.confined.privileged), ("it holds Docker's socket", _holds_socket))
    for one in f.containers or ():
        saw = " and ".join(words for words, holds in signs if holds(one))
        if saw and ours(one):
            yield Finding("note", f"{one.name} is as good as root on the host", f"{saw}, as cAdvisor is meant to be")
        elif saw:
            fix = "without `privileged`, and without docker.sock, in the Compose file"
            yield Finding("warn", f"{one.name} is as good as root on the host", saw, fix)


def images(f: Facts) -> Iterator[Finding]:
    """Images whose next pull may bring anything."""
    if f.containers is None:
        return
    pulled = {one.image for one in f.containers if not _built_here(one)}
    loose = sorted(name for name in pulled if with_tag(name).endswith(":latest") and "@" not in name)
    if loose:
        fix = f"name a version in the Compose file, then {f.up}"
        yield Finding("warn", "images are not pinned", ", ".join(loose), fix)
    elif f.containers:
        yield Finding("ok", "every image is pinned to a version")


def ours(one: Container) -> bool:
    """Return whether install-cadvisor has made it."""
    return one.name == cadvisor.NAME and cadvisor.SETTINGS in one.labels


def _built_here(one: Container) -> bool:
    """Return whether Compose has named the image, because it builds it."""
    return one.service != "" and one.image.partition(":")[0] in {f"{one.labels.get(PROJECT)}{sign}{one.service}" for sign in "-_"}


def _holds_socket(one: Container) -> bool:
    sources = {mount.source.rstrip("/") or "/" for mount in one.mounts if mount.type == "bind"}
    return any(source.endswith(SOCKET) or source in FOLDERS_ABOVE for source in sources)
