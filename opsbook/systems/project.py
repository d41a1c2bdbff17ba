"""A Compose project as its files say, all variables filled in; and how a running container differs from that."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsbook.host import Result
from opsbook.systems.container import Container, Mount, Port
from opsbook.systems.image import Image, with_tag

COMPOSES_OWN = "com.docker.compose."
COMPLETED = "service_completed_successfully"
# English: Compose knows no other language, and the transport gives every command LC_ALL=C all the same.
UNSET = re.compile(r'The \\?"(.+?)\\?" variable is not set')


@dataclass(frozen=True)
class ServiceSettings:
    """One service; what is `None` is left to the image."""

    name: str
    image: str = ""
    context: str = ""                       # the folder it is built from; empty: not built
    environment: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    user: str | None = None
    mounts: tuple[Mount, ...] = ()
    ports: tuple[Port, ...] = ()
    needs: tuple[str, ...] = ()
    restart: str = ""                       # as the file says it; empty: nothing is said
    awaited_end: tuple[str, ...] = ()       # services that must have ended well before this one starts
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Project:
    """The whole project; `unset` names variables that no file and no environment gives."""

    name: str
    services: Mapping[str, ServiceSettings]
    volumes: Mapping[str, str] = field(default_factory=dict)    # real names by their keys
    unset: tuple[str, ...] = ()

    @property
    def one_shots(self) -> frozenset[str]:
        """Return the services that are meant to end: never restarted by the file's own word, or another one waits for their end."""
        awaited = (name for service in self.services.values() for name in service.awaited_end)
        return frozenset({*awaited, *(name for name, service in self.services.items() if service.restart == "no")})


def parse_project(result: Result) -> Project:
    """Given `docker compose config --format=json` and its warnings, return the project."""
    raw = json.loads(result.out)
    volumes = {key: volume["name"] for key, volume in (raw.get("volumes") or {}).items()}
    services = {name: _service(name, found, volumes) for name, found in raw["services"].items()}
    return Project(raw["name"], services, volumes, tuple(sorted(set(UNSET.findall(result.err)))))


def settings_that_differ(container: Container, service: ServiceSettings, image: Image | None) -> tuple[str, ...]:
    """Return the names of the settings that the container has otherwise than the file says, never their values."""
    return tuple(_differing(container, service, image or Image(container.image_id)))


def _differing(container: Container, service: ServiceSettings, image: Image) -> Iterator[str]:
    if service.image and with_tag(service.image) != with_tag(container.image):
        yield "image"
    yield from (f"environment {name}" for name in sorted(_environment(container, service, image)))
    own_entrypoint = service.entrypoint is not None
    if container.entrypoint != (service.entrypoint if service.entrypoint is not None else image.entrypoint):
        yield "entrypoint"
    if container.command != (service.command if service.command is not None else () if own_entrypoint else image.command):
        yield "command"
    if container.user != (service.user if service.user is not None else image.user):
        yield "user"
    yield from (f"mount {path}" for path in sorted(_mounts(container, service)))
    if container.running:       # Docker tells the ports of running containers only
        yield from (f"port {number}" for number in sorted({port.private for port in {*container.ports} ^ {*service.ports}}))
    yield from (f"label {name}" for name in sorted(_labels(container, service, image)))


def _environment(container: Container, service: ServiceSettings, image: Image) -> set[str]:
    given = {name: value for name, value in service.environment.items() if value is not None}
    wanted = {**image.env, **given}
    inherited = service.environment.keys() - given.keys()
    return {name for name in {*wanted, *container.env} - inherited if wanted.get(name) != container.env.get(name)}


def _labels(container: Container, service: ServiceSettings, image: Image) -> set[str]:
    wanted, found = {**image.labels, **service.labels}, container.labels
    differs = {name for name in {*wanted, *found} if wanted.get(name) != found.get(name)}
    return {name for name in differs if not name.startswith(COMPOSES_OWN)}


def _mounts(container: Container, service: ServiceSettings) -> set[str]:
    def seen(mount: Mount) -> tuple[str, str, str, bool]:
        return mount.type, mount.destination, mount.volume or mount.source, mount.writable

    named = {seen(mount) for mount in container.mounts if not re.fullmatch("[0-9a-f]{64}", mount.volume)}
    return {path for _, path, _, _ in named ^ {seen(mount) for mount in service.mounts}}


def _service(name: str, raw: Mapping[str, Any], volumes: Mapping[str, str]) -> ServiceSettings:
    return ServiceSettings(
        name,
        raw.get("image") or "",
        (raw.get("build") or {}).get("context", ""),
        {key: value if value is None else _literal(value) for key, value in (raw.get("environment") or {}).items()},
        _words(raw.get("command")),
        _words(raw.get("entrypoint")),
        raw.get("user"),
        tuple(_mount(mount, volumes) for mount in raw.get("volumes") or ()),
        tuple(_port(port) for port in raw.get("ports") or () if port.get("published")),
        tuple(raw.get("depends_on") or ()),
        raw.get("restart") or "",
        tuple(name for name, how in (raw.get("depends_on") or {}).items() if how.get("condition") == COMPLETED),
        {key: _literal(value) for key, value in (raw.get("labels") or {}).items()},
    )


def _literal(text: str) -> str:
    return text.replace("$$", "$")  # Compose escapes what it prints, so that it can be read again


def _words(raw: list[str] | None) -> tuple[str, ...] | None:
    return None if raw is None else tuple(_literal(word) for word in raw)


def _mount(raw: Mapping[str, Any], volumes: Mapping[str, str]) -> Mount:
    source, writable = raw.get("source", ""), not raw.get("read_only", False)
    if raw["type"] == "volume":
        return Mount("volume", "", raw["target"], volumes.get(source, source), writable)
    return Mount(raw["type"], source, raw["target"], "", writable)


def _port(raw: Mapping[str, Any]) -> Port:
    address = raw.get("host_ip", "")
    return Port(raw["target"], int(raw["published"]), "" if address in {"0.0.0.0", "::"} else address, raw.get("protocol", "tcp"))  # noqa: S104
