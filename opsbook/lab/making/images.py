"""All images of the lab, the slow ones side by side."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from opsbook.lab.docker import docker, removed
from opsbook.lab.engine import Progress
from opsbook.lab.making import registry, releases, roots
from opsbook.lab.making.servers import Servers, servers
from opsbook.lab.making.services import REPOSITORY, Plan, services


@dataclass(frozen=True)
class Images:
    """What the hosts and their services are started from."""

    servers: Servers
    services: tuple[Plan, ...]

    def only(self, names: tuple[str, ...]) -> Images:
        """Return what a host needs whose engine holds these services' images."""
        return Images(self.servers, tuple(one for one in self.services if one.recipe.name in names))


def images(progress: Progress, cache: Path) -> Images:
    """Make what is missing; two cores unpack two roots in little more than the time of one."""
    leftovers(cache)
    known = registry.answers()
    with ThreadPoolExecutor(max_workers=2) as pool:
        two = pool.submit(servers, progress, cache, known)
        eight = pool.submit(services, progress, cache, known)
        made = Images(two.result(), eight.result())
    removed("image", outdated(made))
    return made


def leftovers(cache: Path) -> None:
    """Remove what killed or older runs left in the cache."""
    kept = (roots.target(cache), releases.target(cache))
    for path in (*cache.glob("mmdebstrap.*"), *cache.glob("programs-*"), *cache.glob("releases-*")):
        if path not in kept:
            roots.swept(path)


def outdated(made: Images) -> set[str]:
    """Name the images of earlier versions of opsbook; the engine keeps those that another lab still uses."""
    ours = docker("image", "ls", "--format={{.Repository}}:{{.Tag}}", f"--filter=reference={REPOSITORY}/*").split()
    return set(ours) - {made.servers.docker, made.servers.plain, *(one.tag for one in made.services)}


@contextmanager
def alone(cache: Path) -> Iterator[None]:
    """Let one lab at a time make what all labs share."""
    cache.mkdir(parents=True, exist_ok=True, mode=0o755)
    with (cache / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
