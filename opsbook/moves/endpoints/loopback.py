"""The sites as their own host shows them, whatever DNS and firewalls say."""

from __future__ import annotations

from opsbook.host import Host
from opsbook.systems import tls
from opsbook.systems.tls import Handshake
from opsbook.systems.together import together

LOOPBACK = "127.0.0.1"


def shown_here(host: Host) -> dict[str, Handshake]:
    """Return what the host's own loopback shows for each site, by its name."""
    names = [site.name for site in host.stack.sites]
    asked = together([tls.shown(LOOPBACK, site.name, site.port) for site in host.stack.sites])
    return dict(zip(names, host.read(asked), strict=True))
