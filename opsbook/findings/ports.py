"""What closes a host's ports to everybody but those whom the inventory names, as one line to be typed."""

from __future__ import annotations

from collections.abc import Collection


def opens(host: str, roles: Collection[str], *, denies: bool) -> str:
    """Return the line; `denies` says whether UFW keeps anybody out yet: where not, the runbook needs the flag that turns it on.

    open-scrape-ports takes the role node only: on another host nobody scrapes, and the rules are its owner's.
    """
    if "node" in roles:
        return f"opsbook open-scrape-ports {'' if denies else '--enable '}{host}"
    if denies:
        return f"ufw status numbered, then ufw delete NUMBER    (as root, on {host})"
    return f"ufw allow SSH's own port/tcp, and only then ufw enable    (as root, on {host}, with a second login open)"
