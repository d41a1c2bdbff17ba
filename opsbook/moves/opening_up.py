"""The command that lets in whom the inventory names, and keeps out the others."""

from __future__ import annotations

from opsbook.errors import CommandFailed
from opsbook.host import Host
from opsbook.inventory import HostEntry
from opsbook.systems import ufw
from opsbook.systems.root_view import root_view


def opens(host: HostEntry, *, denies: bool) -> str:
    """Return the command; where UFW keeps nobody out yet it needs the flag that turns it on, or it would refuse."""
    if "node" not in host.roles:        # nobody scrapes it, so the runbook does not take it
        return f"ufw allow SSH's own port/tcp, and only then ufw enable    (as root, on {host.name}, with a second login open)"
    return f"opsbook open-scrape-ports {'' if denies else '--enable '}{host.name}"


def opens_now(host: Host) -> str:
    """Return the command as the host needs it now; without the flag where root's part does not tell: the runbook says what it lacks."""
    try:
        told = host.read(root_view(*ufw.VIEW))
    except CommandFailed:
        return opens(host.entry, denies=True)
    unasked = any(told[one].code for one in ufw.VIEW)
    return opens(host.entry, denies=unasked or ufw.parse_firewall(told).denies)
