"""What `docker compose up` would do: which containers are not what the Compose file and `.env` say."""

from __future__ import annotations

from collections.abc import Mapping

from opsbook.host import Host
from opsbook.moves.ending import has_done_its_work, one_shots
from opsbook.systems import docker
from opsbook.systems.compose import compose, outdated
from opsbook.systems.container import Container, of
from opsbook.systems.image import with_tag
from opsbook.systems.project import settings_that_differ

NO_CONTAINER = "has no container"
UNNAMED = "other settings, such as health check, limits, logging or networks"


def pending(host: Host) -> dict[str, str]:
    """Return the services that `up` would create, start or make anew, each with the reason; never with a value.

    One that is meant to end and has ended well is none of them: `up` would run it once more, but nothing is missing.
    """
    known = host.read(docker.containers(host.stack.project))
    hashes, ids = host.recall(compose(host.stack).hashes()), host.recall(docker.image_ids())
    stale = outdated(hashes, known, ids)
    reasons = {service: _reason(host, of(known, service), ids, stale=service in stale) for service in sorted(hashes)}
    return {service: reason for service, reason in reasons.items() if reason}


def differing(host: Host, service: str) -> str:
    """Return why `up` would change this one service, or nothing."""
    return pending(host).get(service, "")


def _reason(host: Host, container: Container | None, ids: Mapping[str, str], *, stale: bool) -> str:
    if container is None:
        return NO_CONTAINER
    differs = ", ".join(_names(host, container, ids)) if stale else ""
    if container.running or container.status == "restarting":
        return f"differs in {differs}" if differs else ""
    if container.ended_well and has_done_its_work(host.stack, one_shots(host), container):
        return f"differs in {differs}" if differs else ""
    return f"is {container.state}" + (f", and differs in {differs}" if differs else "")


def _names(host: Host, container: Container, ids: Mapping[str, str]) -> tuple[str, ...]:
    settings = host.recall(compose(host.stack).settings()).services[container.service]
    names = settings_that_differ(container, settings, host.recall(docker.image_of(container)))
    newer = ids.get(with_tag(container.image), container.image_id) != container.image_id
    return (*names, *(("a newer image of the same name",) if newer else ())) or (UNNAMED,)
