"""How long the checks of a runbook wait: as long as this stack may take, which the inventory says."""

from __future__ import annotations

from opsbook.host import Host


def settle(host: Host) -> float:
    """Return how long a service of this stack may take to come up."""
    return host.stack.settle


def settle_and_scrape(host: Host) -> float:
    """Return how long it may take until a service has come up and was scraped."""
    return host.stack.settle + 2 * host.stack.scrape
