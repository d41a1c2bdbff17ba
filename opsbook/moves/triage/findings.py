"""Facts → findings, the likeliest culprit first."""

from __future__ import annotations

from opsbook.findings.finding import Finding, ranked
from opsbook.moves.triage import of_containers, of_machine, of_runs, of_services
from opsbook.moves.triage.facts import Facts

# Causes before what they cause: a full disk stops services, a service that is down makes targets and alerts.
RULES = (
    of_machine.disks,
    of_machine.memory,
    of_machine.docker,
    of_containers.containers,
    of_runs.unfinished,
    of_machine.units,
    of_services.reloads,
    of_services.endpoints,
    of_services.rules,
    of_services.certificates,
    of_services.own_certificates,
    of_services.targets,
    of_services.alerts,
    of_containers.others,
    of_machine.clock,
    of_machine.load,
    of_services.checkout,
    of_runs.held,
    of_machine.silent,
)


def findings(facts: Facts) -> tuple[Finding, ...]:
    """Return everything that is not as it should be."""
    return ranked(finding for rule in RULES for finding in rule(facts))
