"""cAdvisor, run by Docker: a program that is root on its host, and shows to whoever may ask what each container uses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace

from opsbook.host import Read, Write
from opsbook.inventory import Cadvisor
from opsbook.shell import cmd, pipe, script
from opsbook.systems.answers import is_good, text
from opsbook.systems.container import Container, parse_containers
from opsbook.systems.engine import Engine
from opsbook.systems.versions import version
from opsbook.web import Endpoint, Request

NAME, NEXT, BEFORE = "cadvisor", "cadvisor-next", "cadvisor-before"
SETTINGS, RUN = "opsbook.settings", "opsbook.run"   # labels: a hash of what it was made from, and the run that made it
SEES_CONTAINERD = (0, 56, 2)        # the first that finds containers in containerd's image store, and registers without its socket
STORE_BY_DEFAULT = (29,)            # Docker from here on keeps images in that store
PORT, USUAL_PORT = "--port=", 8080
LAST_SEEN = "container_last_seen"

# If anything here fails, the one from before runs again, under its own name.
SWAP = """
set -eE
old=$1 name=$2 next=$3 before=$4
back() {
    docker rename "$name" "$next" || true
    [ -z "$old" ] || { docker rename "$old" "$name" || true; docker start "$old"; }
} >&2
trap 'code=$?; trap - ERR; back; exit $code' ERR
[ -z "$old" ] || { docker stop "$old"; docker rename "$old" "$before"; }
docker rename "$next" "$name"
docker start "$name"
"""
# Each line is safe where it was done already.
BACK = """
set -e
before=$1 ran=$2 name=$3; shift 3
[ $# = 0 ] || docker container rm --force "$@"
[ -n "$before" ] || exit 0
[ "$(docker container inspect --format='{{.Name}}' "$before")" = "/$name" ] || docker rename "$before" "$name"
if [ "$ran" = yes ]; then docker start "$before"; else docker stop "$before"; fi
"""


def arguments(spec: Cadvisor, engine: Engine) -> tuple[str, ...]:
    """Return what the container is made from: Docker's options, the image, and the program's own flags."""
    return (
        "--network=host",       # what Docker publishes goes around the firewall; a listener of the host does not
        "--privileged", "--device=/dev/kmsg",
        "--restart=unless-stopped",
        "--volume=/:/rootfs:ro",
        "--volume=/var/run:/var/run:ro",
        "--volume=/sys:/sys:ro",
        f"--volume={engine.root}:{engine.root}:ro",
        "--volume=/dev/disk/:/dev/disk:ro",
        spec.image,
        f"{PORT}{spec.port}",
        "--docker_only=true",
        "--housekeeping_interval=10s",
    )  # fmt: skip


def settings(spec: Cadvisor, engine: Engine) -> str:
    """Return the hash of what the container is made from; the image is pinned, so its name stands for it."""
    return hashlib.sha256(json.dumps(arguments(spec, engine)).encode()).hexdigest()


def sees_containers(image: str, engine: Engine) -> bool:
    """Return whether that cAdvisor finds the containers of this engine; false, too, where the image's name tells no version."""
    demanding = engine.containerd_store or version(engine.version) >= STORE_BY_DEFAULT
    return not demanding or version(image.partition("@")[0].rpartition("/")[2].partition(":")[2]) >= SEES_CONTAINERD


def known() -> Read[tuple[Container, ...]]:
    """The container of that name, and those that a run is making or has kept."""
    listed = cmd("docker", "ps", "--all", "--quiet", "--no-trunc", f"--filter=name={NAME}")
    return Read(pipe(listed, cmd("xargs", "--no-run-if-empty", "docker", "container", "inspect")), parse_containers)


def running_names() -> Read[frozenset[str]]:
    """The names of all containers that run."""
    return Read(cmd("docker", "ps", "--filter=status=running", "--format={{.Names}}"), lambda result: frozenset(result.out.split()))


def named(containers: Iterable[Container], name: str) -> Container | None:
    """Return the container of exactly that name; nothing if there is none."""
    return next((one for one in containers if one.name == name), None)


def pull(image: str) -> Write:
    """Fetch the image from its registry."""
    return Write(cmd("docker", "pull", "--quiet", image), f"pull {image}", within=900)


def create(spec: Cadvisor, engine: Engine, run: str) -> Write:
    """Make the container beside the one that runs; it is not started yet."""
    labels = (f"--label={SETTINGS}={settings(spec, engine)}", f"--label={RUN}={run}")
    words = ("docker", "create", f"--name={NEXT}", "--pull=never", *labels, *arguments(spec, engine))
    return Write(cmd(*words), f"make a container of {spec.image}")


def remove(container: Container) -> Write:
    """Remove a container, which may run."""
    return Write(cmd("docker", "container", "rm", "--force", container.id), f"remove {container.name}")


def swap(old: Container | None) -> Write:
    """Start the new container in the place of the old one, which is kept, stopped, under another name."""
    title = f"start {NAME}" + (f" in the place of the one of {old.image}" if old else "")
    away = f"docker stop {NAME}, docker rename {NAME} {BEFORE}, " if old else ""
    order = script(SWAP, old.id if old else "", NAME, NEXT, BEFORE)
    return Write(replace(order, shown=f"{away}docker rename {NEXT} {NAME}, docker start {NAME}"), title)


def start(container: Container) -> Write:
    """Start this very container."""
    return Write(cmd("docker", "start", container.id), f"start {container.name}")


def put_back(before: str, made: Iterable[Container], *, start: bool) -> Write:
    """Remove what was made, and give the container from before (an id, or nothing) its name and perhaps its start."""
    title = "put the container from before back" if before else f"remove {NAME}"
    ids = tuple(one.id for one in made)
    removed = str(cmd("docker", "container", "rm", "--force", *ids)) if ids else ""
    back = f"docker rename {before[:12]} {NAME}, docker {'start' if start else 'stop'} {NAME}" if before else ""
    order = script(BACK, before, "yes" if start else "no", NAME, *ids)
    return Write(replace(order, shown=", ".join(filter(None, (removed, back)))), title)


def place(container: Container) -> Endpoint | None:
    """Return where a cAdvisor answers on its host; nothing where its port is not published."""
    if container.host_network:
        given = (word.removeprefix(PORT) for word in container.command if word.startswith(PORT))
        return Endpoint(port=int(next(given, USUAL_PORT)))
    published = (one for one in container.ports if one.private == USUAL_PORT and one.protocol == "tcp")
    return next((Endpoint(address=one.address or "127.0.0.1", port=one.public) for one in published), None)


def healthy(at: Endpoint) -> Read[bool]:
    """Whether it answers; that says nothing of what it measures."""
    return Read(Request(NAME, "/healthz", at=at), is_good, answers=frozenset({200, 500, 503}), within=10)


def metrics(at: Endpoint) -> Read[str]:
    """What it measures, asked on the host itself."""
    return Read(Request(NAME, "/metrics", at=at), text)
