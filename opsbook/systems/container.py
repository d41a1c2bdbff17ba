"""A container as `docker inspect` tells it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsbook.host import Result
from opsbook.systems.confinement import UNCONFINED, Confinement, confinement
from opsbook.systems.times import NEVER, epoch

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
ONE_OFF = "com.docker.compose.oneoff"
WORKING_DIR = "com.docker.compose.project.working_dir"
CONFIG_HASH = "com.docker.compose.config-hash"


@dataclass(frozen=True)
class Mount:
    """What a container sees under a path: a host's path (`bind`) or a volume."""

    type: str
    source: str
    destination: str
    volume: str = ""
    writable: bool = True


@dataclass(frozen=True)
class Port:
    """A published port; an empty address is every address of the host."""

    private: int
    public: int
    address: str = ""
    protocol: str = "tcp"


@dataclass(frozen=True)
class Container:
    """A container, running or not. Times are seconds since 1970."""

    id: str
    name: str
    status: str
    health: str = ""                # empty: the container has no health check
    restarts: int = 0
    created: float = NEVER
    started: float = NEVER
    exit_code: int = 0
    out_of_memory: bool = False
    image: str = ""                 # the name it was made from
    image_id: str = ""
    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    mounts: tuple[Mount, ...] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)      # by network
    ports: tuple[Port, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)
    host_network: bool = False
    confined: Confinement = UNCONFINED
    health_test: tuple[str, ...] = ()
    last_probe: str = field(default="", repr=False)     # what the health check printed last

    @property
    def running(self) -> bool:
        """Return whether its process runs; a container that Docker is restarting does not."""
        return self.status == "running"

    @property
    def ended_well(self) -> bool:
        """Return whether its process has ended by exit code 0."""
        return self.status == "exited" and self.exit_code == 0 and not self.out_of_memory

    @property
    def service(self) -> str:
        """Return the Compose service it belongs to."""
        return self.labels.get(SERVICE, "")

    @property
    def directory(self) -> str:
        """Return the directory whose Compose file made it."""
        return self.labels.get(WORKING_DIR, "")

    @property
    def config_hash(self) -> str:
        """Return Compose's hash of the settings it was made from."""
        return self.labels.get(CONFIG_HASH, "")

    @property
    def state(self) -> str:
        """Return status and health in one word or two: `running (healthy)`, `exited (3)`."""
        if self.running:
            return f"running ({self.health})" if self.health else "running"
        return f"{self.status} ({'out of memory' if self.out_of_memory else self.exit_code})"


def of(containers: Iterable[Container], service: str) -> Container | None:
    """Return the service's container, a running one first; nothing if it has none."""
    found = [container for container in containers if container.service == service]
    return max(found, key=lambda container: (container.running, container.created), default=None)


def parse_containers(result: Result) -> tuple[Container, ...]:
    """Given the output of `docker container inspect` (none for no container), return the containers by name."""
    found = [_container(raw) for raw in json.loads(result.out)] if result.out.strip() else []
    return tuple(sorted(found, key=lambda container: container.name))


def _container(raw: Mapping[str, Any]) -> Container:
    state, config, network = raw["State"], raw["Config"], raw["NetworkSettings"]
    health = state.get("Health") or {}
    probes = health.get("Log") or [{}]
    return Container(
        id=raw["Id"],
        name=raw["Name"].lstrip("/"),
        status=state["Status"],
        health=health.get("Status", "").replace("none", ""),
        restarts=raw.get("RestartCount", 0),
        created=epoch(raw["Created"]),
        started=epoch(state["StartedAt"]),
        exit_code=state["ExitCode"],
        out_of_memory=state.get("OOMKilled", False),
        image=config["Image"],
        image_id=raw["Image"],
        user=config.get("User", ""),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        env=environment(config.get("Env")),
        mounts=tuple(_mount(mount) for mount in raw.get("Mounts") or ()),
        addresses={name: found["IPAddress"] for name, found in (network.get("Networks") or {}).items() if found.get("IPAddress")},
        ports=tuple(dict.fromkeys(_ports(network.get("Ports") or {}))),
        labels=config.get("Labels") or {},
        host_network=(raw.get("HostConfig") or {}).get("NetworkMode") == "host",
        confined=confinement(raw.get("HostConfig") or {}),
        health_test=tuple((config.get("Healthcheck") or {}).get("Test") or ()),
        last_probe=probes[-1].get("Output", ""),
    )


def environment(pairs: Iterable[str] | None) -> dict[str, str]:
    """Given `NAME=value` texts, return them as a mapping."""
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs or ())}


def _mount(raw: Mapping[str, Any]) -> Mount:
    return Mount(raw["Type"], raw.get("Source", ""), raw["Destination"], raw.get("Name", ""), raw.get("RW", True))


def _ports(raw: Mapping[str, Any]) -> Iterable[Port]:
    for private, published in raw.items():
        number, _, protocol = private.partition("/")
        for place in published or ():
            address = place.get("HostIp", "")
            yield Port(int(number), int(place["HostPort"]), "" if address in {"0.0.0.0", "::"} else address, protocol)  # noqa: S104
