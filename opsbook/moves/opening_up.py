"""The command that lets in whom the inventory names, and keeps out the others."""

from __future__ import annotations

from opsbook.errors import CommandFailed
from opsbook.host import Host
from opsbook.systems import ufw
from opsbook.systems.root_view import root_view


def opens(host: str, *, denies: bool) -> str:
    """Return the command; where UFW keeps nobody out yet it needs the flag that turns it on, or it would refuse."""
    return f"opsbook open-scrape-ports {'' if denies else '--enable '}{host}"


def opens_now(host: Host) -> str:
    """Return the command as the host needs it now; without the flag where root's part does not tell: the runbook says what it lacks."""
    try:
        told = host.read(root_view(*ufw.VIEW))
    except CommandFailed:
        return opens(host.name, denies=True)
    unasked = any(told[one].code for one in ufw.VIEW)
    return opens(host.name, denies=unasked or ufw.parse_firewall(told).denies)
