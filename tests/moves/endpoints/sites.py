"""Sites that tests make up: all is well unless a test says otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opsbook.inventory import Site
from opsbook.moves.endpoints.facts import Facts, SiteSeen
from opsbook.systems.acme import LETS_ENCRYPT
from opsbook.systems.dns import Resolved
from opsbook.systems.front_door import Page
from opsbook.systems.reach import Reach
from opsbook.systems.tls import Certificate, Handshake
from tests.fake import ENTRY, STACK

NOW, DAY = 1_700_000_000.0, 86400.0
NAME, OPEN, ADDRESS = "prometheus.example.org", "grafana.example.org", "192.0.2.10"
SITE = Site(NAME, "prometheus", "admin", "ADMIN_PASSWORD", "/-/ready")
FREE = Site(OPEN, "grafana", path="/api/health")
REACHED, AUTHORITY = Reach("answers"), "CN=R11,O=Let's Encrypt,C=US"


def certificate(name: str = NAME, *, starts: float = NOW - 10 * DAY, ends: float = NOW + 80 * DAY, serial: str = "AB") -> Certificate:
    return Certificate(starts, ends, serial, AUTHORITY, (name,))


GOOD = Handshake(certificate(), protocol="TLSv1.3")
WELL = SiteSeen(
    SITE,
    ADDRESS,
    Resolved((ADDRESS,)),
    {80: REACHED, 443: REACHED},
    GOOD,
    plain=Page("answered", 308, f"https://{NAME}/-/ready"),
    without=Page("answered", 401),
    allowed=Page("answered", 200),
)
FREELY = replace(
    WELL,
    site=FREE,
    shown=replace(GOOD, certificate=certificate(OPEN)),
    plain=Page("answered", 308, f"https://{OPEN}/"),
    without=Page("answered", 200),
    allowed=None,
)
FACTS = Facts(
    entry=replace(ENTRY, peer_address=ADDRESS, stack=replace(STACK, sites=(SITE, FREE))),
    now=NOW,
    seat="serverF",
    outside=True,
    address=ADDRESS,
    ours=frozenset({ADDRESS, "2001:db8::10"}),
    sites=(WELL, FREELY),
    own={NAME: GOOD, OPEN: FREELY.shown},
    published=(80, 443),
    served=(OPEN, NAME),
    kept=(certificate(), certificate(OPEN)),
    authorities={LETS_ENCRYPT: ""},
)


def with_site(**changed: Any) -> Facts:
    """Return the facts with something else about the site with a login."""
    return replace(FACTS, sites=(replace(WELL, **changed), FREELY))
