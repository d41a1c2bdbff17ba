"""Facts → findings."""

from __future__ import annotations

from collections.abc import Iterator

from opsbook.doctor import of_env, of_host, of_prometheus, of_rights, of_stack
from opsbook.doctor.facts import Facts
from opsbook.findings.finding import Finding

RULES = (
    of_host.forwarding, of_rights.rights, of_rights.programs, of_rights.docker_group, of_rights.firewall,
    of_host.docker, of_host.clock, of_host.disks, of_host.lock, of_host.record, of_host.checkout,
    of_env.env, of_host.silent,
    of_prometheus.prometheus, of_prometheus.sidecar, of_prometheus.query, of_prometheus.compactors,
    of_stack.images, of_stack.ports, of_stack.mounts, of_stack.loki, of_stack.caddy, of_stack.alertmanager,
)  # fmt: skip


def findings(facts: Facts) -> Iterator[Finding]:
    """Yield what is so, good or bad, in the order in which a host is set up."""
    for rule in RULES:
        yield from rule(facts)
