"""What `docker inspect` would say of containers that a test makes up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opsbook.host import Read
from opsbook.systems import docker
from opsbook.systems.container import Container
from tests.fake import STACK, FakeTransport

CONTAINERS: Read[tuple[Container, ...]] = docker.containers(STACK.project)


def inspected(
    service: str,
    *,
    status: str = "running",
    health: str = "healthy",
    restarts: int = 0,
    started: float = 1_700_000_100.0,
    mounts: Mapping[str, str] | None = None,
    directory: str = STACK.directory,
) -> dict[str, Any]:
    """Return a container as Docker tells it; `mounts` are destinations by their source."""
    stamp = datetime.fromtimestamp(started, UTC).isoformat().replace("+00:00", "Z")
    return {
        "Id": f"{service}-id",
        "Name": f"/monitoring-{service}-1",
        "Created": stamp,
        "RestartCount": restarts,
        "Image": f"sha256:{service}",
        "State": {"Status": status, "StartedAt": stamp, "ExitCode": 0 if status == "running" else 1}
        | ({"Health": {"Status": health, "Log": [{"Output": f"{service} says {health}\n"}]}} if health else {}),
        "Config": {
            "Image": f"example/{service}:1",
            "User": "65534",
            "Entrypoint": [f"/bin/{service}"],
            "Labels": {
                "com.docker.compose.project": STACK.project,
                "com.docker.compose.service": service,
                "com.docker.compose.project.working_dir": directory,
            },
        },
        "NetworkSettings": {"Networks": {"monitoring_default": {"IPAddress": "172.20.0.2"}}, "Ports": {}},
        "Mounts": [
            {"Type": "bind", "Source": source, "Destination": destination, "RW": False} for source, destination in (mounts or {}).items()
        ],
    }


def teach_containers(fake: FakeTransport, *looks: list[dict[str, Any]]) -> None:
    """Let the host have these containers: at the first look the first list, and so on."""
    fake.teach(CONTAINERS, *(json.dumps(raw) if raw else "" for raw in looks))
