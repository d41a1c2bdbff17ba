"""Facts → findings, the worst first."""

from __future__ import annotations

from opsbook.findings.finding import Finding, ranked
from opsbook.moves.audit import of_containers, of_network, of_rights, of_secrets, of_ssh
from opsbook.moves.audit.facts import Facts, provision

RULES = (
    of_ssh.keys_only, of_ssh.root_login,
    of_network.firewall, of_network.listeners, of_network.published,
    of_secrets.env, of_secrets.passwords,
    of_rights.grants, of_rights.sudoers, of_rights.programs, of_rights.docker_group,
    of_containers.mighty, of_containers.hardening, of_containers.images,
)  # fmt: skip


def findings(facts: Facts) -> tuple[Finding, ...]:
    """Return what is so, good or bad; each point is judged, or told to be not."""
    return ranked((*_blind(facts), *(finding for rule in RULES for finding in rule(facts))))


def _blind(f: Facts) -> tuple[Finding, ...]:
    if f.root is not None:
        return ()
    return (Finding("bad", "what only root may read was not told", f.why.get("root", ""), provision(f)),)
