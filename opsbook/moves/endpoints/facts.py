"""What is known of the public sites of a stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opsbook.inventory import HostEntry, Site
from opsbook.systems.dns import Resolved
from opsbook.systems.front_door import Page
from opsbook.systems.reach import Reach
from opsbook.systems.tls import Certificate, Handshake

CADDYFILE = "Caddyfile"     # under which `why` has the reason for which Caddy would not start with it


@dataclass(frozen=True)
class SiteSeen:
    """One site from one seat; what has no answer because it was not asked is nothing."""

    site: Site
    address: str                    # at which it was asked
    resolved: Resolved
    ports: Mapping[int, Reach]
    shown: Handshake
    plain: Page                     # by http
    without: Page                   # by https, without a password
    allowed: Page | None = None     # by https, with the password


@dataclass(frozen=True)
class Facts:
    """The sites of one host at one moment."""

    entry: HostEntry
    now: float                              # the host's clock
    seat: str                               # the host from which the sites were asked
    outside: bool                           # another host than the one that serves them
    address: str                            # by which others know the host
    ours: frozenset[str]                    # the addresses of the host
    sites: tuple[SiteSeen, ...]
    own: Mapping[str, Handshake] = field(default_factory=dict)      # what the host's own loopback shows, by name
    caddy: str = ""                         # its state where it does not run
    published: tuple[int, ...] = ()         # of 80 and the sites' ports: those that Caddy's container is to listen on for others
    served: tuple[str, ...] | None = None   # the names in Caddy's running configuration
    kept: tuple[Certificate, ...] | None = None     # what Caddy's storage has
    authorities: Mapping[str, str] = field(default_factory=dict)    # by URL, the reason of one that does not answer
    why: Mapping[str, str] = field(default_factory=dict)            # what could not be found out, and the reason

    @property
    def host(self) -> str:
        """Return the inventory name."""
        return self.entry.name
