"""Services that are meant to end, such as a migration before a start: for them exit code 0 is well."""

from __future__ import annotations

from collections.abc import Collection

from opsbook.host import Host
from opsbook.inventory import Stack
from opsbook.systems.compose import compose
from opsbook.systems.container import Container


def one_shots(host: Host) -> frozenset[str]:
    """Return the services that the Compose file means to end."""
    return host.recall(compose(host.stack).settings()).one_shots


def has_done_its_work(stack: Stack, ending: Collection[str], found: Container | None) -> bool:
    """Return whether the container of a service that is meant to end has ended well; one with a port in the inventory never is."""
    if found is None or not found.ended_well:
        return False
    return found.service in ending and found.service not in {known.name for known in stack.services}
