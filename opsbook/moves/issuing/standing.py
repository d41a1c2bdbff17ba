"""How each site stands: what its host shows for it, and what Caddy keeps for it."""

from __future__ import annotations

from dataclasses import dataclass

from opsbook.host import Host
from opsbook.inventory import Site
from opsbook.moves.endpoints.certificates import flaw, late
from opsbook.moves.endpoints.loopback import shown_here
from opsbook.moves.stored_certificates import store
from opsbook.moves.triage.words import age
from opsbook.systems import pem
from opsbook.systems.tls import Certificate, Handshake


@dataclass(frozen=True)
class Standing:
    """One site on its own host."""

    site: Site
    shown: Handshake
    kept: Certificate | None    # the one that is served where the storage has it, else the one that ends last

    @property
    def name(self) -> str:
        """Return the site's name."""
        return self.site.name

    @property
    def served(self) -> str:
        """Return the serial of what is served; nothing where nothing is."""
        return self.shown.certificate.serial if self.shown.certificate is not None else ""

    @property
    def is_lost(self) -> bool:
        """Return whether it is served from Caddy's memory alone: the process that serves it stores no other."""
        return bool(self.served) and self.kept is None

    def wrong(self, now: float) -> str:
        """Return what is not well; nothing for a good certificate that Caddy keeps, too."""
        if found := flaw(self.shown, self.name, now):
            return found
        if self.kept is None:
            return "it is served from Caddy's memory alone: the storage has none"
        return "" if self.kept.serial == self.served else "the storage has another one than is served"

    def usable(self, now: float) -> str:
        """Return the serial of the stored certificate that a new process would serve without an order; nothing where it needs one."""
        if self.kept is None or not self.kept.starts <= now < self.kept.ends:
            return ""
        if self.kept.serial == self.served:
            return "" if flaw(self.shown, self.name, now) else self.served
        return "" if late(self.kept, now) else self.kept.serial

    def told(self, now: float) -> str:
        """Return what is served, in words."""
        found = self.shown.certificate
        if found is None:
            return f"nothing is served ({self.shown.why})"
        end = f"ends in {age(found.ends - now)}" if found.ends > now else f"ended {age(now - found.ends)} ago"
        return f"served is …{found.serial[-8:]}, which {end}"


def standings(host: Host) -> tuple[Standing, ...]:
    """Return how each site stands, in the inventory's order."""
    shown, kept = shown_here(host), pem.leaves(host.read(store.folder(host).chains()))
    return tuple(_standing(site, shown[site.name], kept) for site in host.stack.sites)


def _standing(site: Site, shake: Handshake, kept: tuple[Certificate, ...]) -> Standing:
    served = shake.certificate.serial if shake.certificate is not None else ""
    own = sorted((leaf for leaf in kept if leaf.covers(site.name)), key=lambda leaf: (leaf.serial == served, leaf.ends))
    return Standing(site, shake, own[-1] if own else None)
