"""The command that lets in whom the inventory names, and keeps out the others, as the host needs it now."""

from __future__ import annotations

from opsbook.errors import CommandFailed
from opsbook.findings.ports import opens
from opsbook.host import Host
from opsbook.systems import ufw
from opsbook.systems.root_view import root_view


def opens_now(host: Host) -> str:
    """Return the command; without the flag that turns UFW on where root's part does not tell: the runbook says what it lacks."""
    try:
        told = host.read(root_view(*ufw.VIEW))
    except CommandFailed:
        return opens(host.name, host.entry.roles, denies=True)
    unasked = any(told[one].code for one in ufw.VIEW)
    return opens(host.name, host.entry.roles, denies=unasked or ufw.parse_firewall(told).denies)
