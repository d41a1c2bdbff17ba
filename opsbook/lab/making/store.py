"""The inner engine's image store: filled once, then copied to each new host in seconds."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable

from opsbook.lab.containers import server
from opsbook.lab.docker import LabError, attempt, docker, holds, last_lines, removed, script
from opsbook.lab.engine import Progress
from opsbook.lab.making.images import Images
from opsbook.lab.making.services import Plan
from opsbook.lab.wait import until

CACHE = "opsbook.lab.cache=store"
DONE = "/store/.opsbook-complete"
RENAME = 'while [ $# -gt 0 ]; do docker tag "$1" "$2"; docker image rm --no-prune "$1" >/dev/null; shift 2; done'


def stores(progress: Progress, wanted: Iterable[Images], cgroups: str, kept: Iterable[Images]) -> None:
    """Fill the stores that are wanted, and drop those that are none of the kept."""
    for images in wanted:
        store(progress, images, cgroups)
    known = set(docker("volume", "ls", "--quiet", f"--filter=label={CACHE}").split())
    removed("volume", known - {name(images) for images in kept})


def store(progress: Progress, images: Images, cgroups: str) -> None:
    """Make the volume with these images loaded, when there is none or only half of one."""
    volume = name(images)
    if complete(volume, images.servers.plain):
        progress("image store: reused")
        return
    progress("image store: loading the service images")
    removed("container", [filling(volume)])  # what a killed run left: it would keep the volume
    removed("volume", [volume])
    docker("volume", "create", f"--label={CACHE}", volume)
    fill(volume, images, cgroups)
    docker(*tool(volume, images.servers.plain), "touch", DONE)


def name(images: Images) -> str:
    """Name the volume by what is in it."""
    made_from = repr((images.servers.docker, [one.tag for one in images.services]))
    return f"opsbook-store-{hashlib.sha256(made_from.encode()).hexdigest()[:12]}"


def complete(volume: str, image: str) -> bool:
    """Tell whether the store was filled to the end."""
    return holds("volume", "inspect", volume) and attempt(*tool(volume, image), "test", "-e", DONE).returncode == 0


def fill(volume: str, images: Images, cgroups: str) -> None:
    """Load the images into the engine of a short-lived host."""
    seed = filling(volume)
    names = (f"--name={seed}", f"--label={CACHE}", f"--volume={volume}:/var/lib/docker")
    docker("run", "--detach", "--network=none", *names, *server(cgroups), images.servers.docker)
    try:
        until("the inner Docker Engine starts", lambda: holds("exec", seed, "docker", "info"), within=60, saw=lambda: journal(seed))
        load(seed, images.services)
        docker("stop", "--time=30", seed)
    finally:
        removed("container", [seed])


def filling(volume: str) -> str:
    """Name the short-lived host that fills a store."""
    return f"{volume}-filling"


def load(seed: str, services: Iterable[Plan]) -> None:
    """Stream the images from one engine to the other, and give them the names that the compose file uses."""
    tags = [one.tag for one in services]
    inner = ["docker", "exec", "--interactive", seed, "docker", "load"]
    with subprocess.Popen(["docker", "save", *tags], stdout=subprocess.PIPE) as source:
        sink = subprocess.run(inner, stdin=source.stdout, capture_output=True, check=False)
    if source.returncode or sink.returncode:
        raise LabError("the service images could not be loaded", saw=last_lines(sink.stderr))
    names = [part for one in services for part in (one.tag, one.recipe.name)]
    script(seed, RENAME, *names)


def copied(volume: str, target: str, label: str, image: str) -> None:
    """Copy the store into a new volume, overlay's whiteouts and attributes included."""
    removed("volume", [target])
    docker("volume", "create", f"--label={label}", target)
    docker(*tool(volume, image, f"--volume={target}:/target"), "cp", "--archive", "/store/.", "/target/", within=120)


def tool(volume: str, image: str, *arguments: str) -> tuple[str, ...]:
    """Build `docker run` for a short-lived container with the store at /store."""
    return ("run", "--rm", "--network=none", "--cap-add=SYS_ADMIN", f"--volume={volume}:/store", *arguments, "--entrypoint=", image)


def journal(container: str) -> str:
    """Return why an inner engine does not start."""
    return last_lines(attempt("exec", container, "journalctl", "--no-pager", "--unit=docker", "--lines=12").stdout)
