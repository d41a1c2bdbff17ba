"""Docker: what runs, and what may be done to one container or image."""

from __future__ import annotations

import json

from opsbook.errors import CommandFailed, NotRunning, UsageError
from opsbook.host import Host, Read, Result, Write
from opsbook.inventory import Service
from opsbook.shell import Command, Secret, cmd, pipe, prefixed
from opsbook.systems.answers import stripped, text
from opsbook.systems.container import ONE_OFF, PROJECT, Container, of, parse_containers
from opsbook.systems.dotenv import env_file
from opsbook.systems.image import Image, parse_image, with_tag
from opsbook.web import Endpoint

MERGED = 'exec "$@" 2>&1'


def containers(project: str) -> Read[tuple[Container, ...]]:
    """Every container of a Compose project, running or not, in one round trip."""
    listed = cmd(
        "docker", "ps", "--all", "--quiet", "--no-trunc",
        f"--filter=label={PROJECT}={project}",
        f"--filter=label={ONE_OFF}=False",
    )  # fmt: skip
    return Read(pipe(listed, cmd("xargs", "--no-run-if-empty", "docker", "container", "inspect")), parse_containers)


def image(name: str) -> Read[Image | None]:
    """The image of that name, or nothing."""
    listed = cmd("docker", "image", "ls", "--quiet", "--no-trunc", f"--filter=reference={with_tag(name)}")
    return Read(pipe(listed, cmd("xargs", "--no-run-if-empty", "docker", "image", "inspect")), parse_image)


def image_of(container: Container) -> Read[Image | None]:
    """The image that the container runs, even if its name belongs to a newer one by now."""
    return Read(cmd("docker", "image", "inspect", container.image_id), parse_image)


def image_ids() -> Read[dict[str, str]]:
    """The ids of all images that have a name, by name and tag."""
    return Read(cmd("docker", "image", "ls", "--no-trunc", "--format={{.Repository}}:{{.Tag}} {{.ID}}"), parse_image_ids)


def tag(image_id: str, name: str) -> Write:
    """Give the image one more name."""
    return Write(cmd("docker", "image", "tag", image_id, name), f"tag the image as {name}")


def hang_up(container: Container) -> Write:
    """Send SIGHUP, on which Prometheus and its relatives read their configuration again."""
    return Write(cmd("docker", "kill", "--signal=HUP", container.id), f"send SIGHUP to {container.name}")


def restart(container: Container) -> Write:
    """Stop and start this very container."""
    return Write(cmd("docker", "restart", container.id), f"restart {container.name}")


def logs(container: str, *, since: str | None = None, lines: int | None = None, follow: bool = False) -> Command:
    """Return the command that prints both streams of the container's log in one."""
    wanted = (
        "--follow" if follow else None,
        None if since is None else f"--since={since}",
        None if lines is None else f"--tail={lines}",
    )
    return prefixed(cmd("docker", "logs", *wanted, container), "bash", "-c", MERGED, "opsbook")


def last_lines(container: str, lines: int = 20, *, since: str | None = None) -> Read[str]:
    """The end of the container's log."""
    return Read(logs(container, since=since, lines=lines), text)


def publishers(port: int) -> Read[str]:
    """The names of all running containers, of whatever project, that publish the port."""
    return Read(cmd("docker", "ps", f"--filter=publish={port}", "--format={{.Names}}"), parse_names)


def version() -> Read[str]:
    """The engine's version; fails when the engine does not answer."""
    return Read(cmd("docker", "version", "--format={{json .Server.Version}}"), parse_version)


def parse_names(result: Result) -> str:
    """Given one name a line, return them in one."""
    return ", ".join(result.out.split())


def parse_image_ids(result: Result) -> dict[str, str]:
    """Given lines of name and id, return the ids by name."""
    return dict(line.split(" ", 1) for line in result.out.splitlines())


def parse_version(result: Result) -> str:
    """Given a version as JSON, return it."""
    return str(json.loads(result.out))


def root() -> Read[str]:
    """The directory in which the engine keeps images, volumes and containers."""
    return Read(cmd("docker", "info", "--format={{.DockerRootDir}}"), stripped)


def locate(host: Host, service: Service) -> Endpoint:
    """Return where the service answers, as seen from its host: a published port, the container's address, or only inside it."""
    question = containers(host.stack.project)
    container = of(host.recall(question), service.name)
    if container is None or not _reachable(container, service):
        container = of(host.read(question), service.name)       # somebody may wait for just this to change
    if container is None or not container.running:
        state = f"its container is {container.state}" if container else "it has no container"
        raise NotRunning(f"{service.name} does not run", saw=state, next=f"opsbook logs {service.name} {host.name}", host=host.name)
    if not _reachable(container, service):
        saw, next_ = "its container was cut off from every one", f"opsbook recreate-service {service.name} --force {host.name}"
        raise CommandFailed(f"{service.name} has no network", saw=saw, next=next_, host=host.name)
    address, port, inside = _reach(container, service)
    return Endpoint(service.scheme, address, port, inside, service.username, _password(host, service), service.prefix)


def _reachable(container: Container, service: Service) -> bool:
    return container.running and bool(service.inside or container.ports or container.addresses or container.host_network)


def _reach(container: Container, service: Service) -> tuple[str, int, str | None]:
    published = [port for port in container.ports if port.private == service.port and port.protocol == "tcp"]
    own = next(iter(container.addresses.values()), None)
    if service.inside:
        return "127.0.0.1", service.port, container.id
    if published:
        return published[0].address or "127.0.0.1", published[0].public, None
    return own or "127.0.0.1", service.port, None


def _password(host: Host, service: Service) -> Secret | None:
    if service.password_key is None:
        return None
    path = f"{host.stack.directory}/{host.stack.env_file}"
    value = (host.recall(env_file(path)) or {}).get(service.password_key)
    if value is None:
        raise UsageError(f"{path} has no {service.password_key}, which {service.name} needs", host=host.name)
    host.mask.learn([value])
    return Secret(value)
